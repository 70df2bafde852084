"""Test vectors: problems in JSON with hypergradients whose every digit is proven."""
