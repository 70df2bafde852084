"""Outgrowing one core and one machine: what hgref.plan predicts, and what workers gain.

Each way to a hypergradient is run and held against the plan's bytes and seconds; columns of Z are
shared among two workers and timed beside one process; and two problems that fit on no desk are
planned on paper.
"""
