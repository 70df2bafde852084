"""Objectives from losses written in PyTorch and JAX: `hgref.interop.torch`, `hgref.interop.jax`.

Each module imports its framework. hgref itself imports neither; users import the one they need.
"""
