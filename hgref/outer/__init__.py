"""The outer loop: λ descends along the hypergradient and is projected back onto Λ."""

from hgref.descent import Adam, GradientDescent
from hgref.outer.hoag import Hoag, hoag
from hgref.outer.minimize import Minimization, as_scipy, minimize

__all__ = ["Adam", "GradientDescent", "Hoag", "Minimization", "as_scipy", "hoag", "minimize"]
