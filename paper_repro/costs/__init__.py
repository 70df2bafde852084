"""What the two recursions cost (section 4 of the paper), counted and timed.

Time: FORWARD-HG carries m columns, REVERSE-HG none. Memory: REVERSE-HG keeps T states, FORWARD-HG
none, and a run with checkpoints about 2√T of them. Measured is the readable layer, whose memory is
that of the algorithms as they are written; `python -m paper_repro benchmark` has the same curves of
hgref.fast.cpu, which keeps less of a step than its state.
"""
