"""Time and memory of the two recursions (section 4 of the paper).

Time: FORWARD-HG carries m columns, REVERSE-HG none. Memory: the paper's REVERSE-HG keeps T states,
FORWARD-HG none. This experiment measures the readable layer: its `reverse` keeps T linearised
steps, a state and what the products with A_t and B_t need, and `checkpointed` √T states and √T
linearised steps. `python -m paper_repro benchmark` measures the same curves for hgref.fast.cpu,
which stores less than the full state of each step.
"""
