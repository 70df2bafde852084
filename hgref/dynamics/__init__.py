"""Inner dynamics: the optimizers whose runs are differentiated, and a recurrent network."""

from hgref.dynamics.adam import Adam
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.gd import GradientDescent
from hgref.dynamics.momentum import Momentum
from hgref.dynamics.recurrent import Recurrent

__all__ = ["Adam", "Dynamics", "GradientDescent", "Momentum", "Recurrent"]
