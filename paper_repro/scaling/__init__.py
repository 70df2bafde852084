"""More than one core or machine: what hgref.plan says, and what workers gain.

Every way that fits is run and compared with the plan's bytes and seconds. Columns of Z are shared
among two workers and timed against one process. Two large problems are planned on paper.
"""
