"""One page with every figure and table in a folder, beside what the paper says about it."""
