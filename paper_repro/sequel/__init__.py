"""After the paper: discounted real time, the solvers of the limit, and unbiased estimates."""
