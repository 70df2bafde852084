"""Inner dynamics: optimizers whose runs are differentiated, a recurrent network, own steps."""

from hgref.dynamics.adagrad import AdaGrad
from hgref.dynamics.adam import Adam
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.coordinatewise import Coordinatewise, Law
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.gd import GradientDescent
from hgref.dynamics.lion import Lion
from hgref.dynamics.momentum import Momentum, Nesterov
from hgref.dynamics.proximal import Proximal
from hgref.dynamics.recurrent import Recurrent
from hgref.dynamics.rmsprop import RMSProp
from hgref.dynamics.step_map import StepMap

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "Coordinatewise",
    "Dynamics",
    "GradientDescent",
    "Law",
    "Lion",
    "Momentum",
    "Nesterov",
    "Proximal",
    "RMSProp",
    "Recurrent",
    "StepMap",
]
