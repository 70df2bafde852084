"""The outer loop: minimises f(λ) over Λ by steps along the hypergradient and projections."""

from hgref.descent import Adam, GradientDescent
from hgref.outer.hoag import Hoag, hoag
from hgref.outer.minimize import Minimization, as_scipy, minimize

__all__ = ["Adam", "GradientDescent", "Hoag", "Minimization", "as_scipy", "hoag", "minimize"]
