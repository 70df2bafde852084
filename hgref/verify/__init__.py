"""Verification: is a hypergradient right, and if not, what is wrong with it?"""

from hgref.verify import jacobians, witness
from hgref.verify.check import assert_hypergradient, check
from hgref.verify.check_fn import check_fn
from hgref.verify.check_hessian import check_hessian
from hgref.verify.diagnose import Diagnosis, Explanation, diagnose
from hgref.verify.locate import Located, locate
from hgref.verify.mistakes import CATALOGUE, Mistake
from hgref.verify.parts import check_dynamics, check_objective
from hgref.verify.report import BlockReport, Finding, PartReport, Report, WitnessReport

__all__ = [
    "CATALOGUE",
    "BlockReport",
    "Diagnosis",
    "Explanation",
    "Finding",
    "Located",
    "Mistake",
    "PartReport",
    "Report",
    "WitnessReport",
    "assert_hypergradient",
    "check",
    "check_dynamics",
    "check_fn",
    "check_hessian",
    "check_objective",
    "diagnose",
    "jacobians",
    "locate",
    "witness",
]
