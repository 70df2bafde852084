"""Training objectives and validation errors; they add: `Softmax(X, y) + L2()`."""

from hgref.objectives.callback import Callback
from hgref.objectives.clipped import Clipped
from hgref.objectives.huber import Huber
from hgref.objectives.least_squares import LeastSquares
from hgref.objectives.linear_model import LinearModel
from hgref.objectives.logistic import Logistic
from hgref.objectives.losses import Loss, LossAt
from hgref.objectives.mlp import MLP
from hgref.objectives.multi_task import MultiTask
from hgref.objectives.objective import Objective, Sum
from hgref.objectives.penalties import L2
from hgref.objectives.quadratic import Quadratic
from hgref.objectives.softmax import Softmax
from hgref.objectives.task_coupling import TaskCoupling

__all__ = [
    "L2",
    "MLP",
    "Callback",
    "Clipped",
    "Huber",
    "LeastSquares",
    "LinearModel",
    "Logistic",
    "Loss",
    "LossAt",
    "MultiTask",
    "Objective",
    "Quadratic",
    "Softmax",
    "Sum",
    "TaskCoupling",
]
