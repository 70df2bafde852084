"""Thirteen lessons: each derivation beside its code, an independent check, and a picture.

The scripts NN_….py run as they are, open as notebooks with jupytext, and become HTML pages with
`python -m paper_repro lessons --html`.
"""
