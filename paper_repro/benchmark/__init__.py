"""How long hypergradients take here, against JAX and torch on the same problems."""
