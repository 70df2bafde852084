"""Ten lessons: each derivation beside the law that it became, its witness, and a picture.

The scripts NN_….py run as they are, open as notebooks through jupytext, and become pages by
`python -m paper_repro lessons --html`.
"""
