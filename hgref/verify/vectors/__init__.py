"""Test vectors: problems in JSON with hypergradients of proven digits."""
