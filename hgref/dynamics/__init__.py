"""Inner dynamics: the optimizers whose runs are differentiated."""

from hgref.dynamics.adam import Adam
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.gd import GradientDescent
from hgref.dynamics.momentum import Momentum

__all__ = ["Adam", "Dynamics", "GradientDescent", "Momentum"]
