"""Losses written in other frameworks, as objectives: `hgref.interop.torch`, `hgref.interop.jax`.

Each module imports its framework, and nothing imports the modules but the user.
"""
