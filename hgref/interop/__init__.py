"""Losses, training steps and maps of λ in PyTorch (hgref.interop.torch) and JAX (.jax).

Each module imports its framework. hgref itself imports neither; users import the one they need.
"""
