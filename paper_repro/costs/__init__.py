"""Time and memory of the two recursions (section 4 of the paper).

Time: FORWARD-HG carries m columns, REVERSE-HG none. Memory: REVERSE-HG keeps T states, FORWARD-HG
none, and a run with checkpoints about 2√T. This experiment measures the readable layer, whose
memory is that of the algorithms as written. `python -m paper_repro benchmark` measures the same
curves for hgref.fast.cpu, which stores less than the full state of each step.
"""
