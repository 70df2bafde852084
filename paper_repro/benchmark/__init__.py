"""Time hypergradients on this machine and compare with JAX and torch on the same problems."""
