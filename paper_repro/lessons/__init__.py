"""Fifteen lessons: each derivation beside its code, an independent check, and a picture.

The scripts NN_….py run as they are; `python -m paper_repro lessons --html` makes pages, notebooks
and slides of them, which are kept in figures/lessons. Their exercises are solved in solutions/.
"""
