"""A page with all figures and tables of a folder, each beside what the paper says about it."""
