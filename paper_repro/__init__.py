"""The paper's figures and tables, regenerated: `python -m paper_repro --help`."""
