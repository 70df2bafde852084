"""Verification: is a hypergradient right, and if not, what is wrong with it?"""

from hgref.verify import jacobians, witness
from hgref.verify.check import assert_hypergradient, check, check_fn
from hgref.verify.diagnose import Diagnosis, Explanation, diagnose
from hgref.verify.mistakes import CATALOGUE, Mistake
from hgref.verify.report import BlockReport, Report, WitnessReport

__all__ = [
    "CATALOGUE",
    "BlockReport",
    "Diagnosis",
    "Explanation",
    "Mistake",
    "Report",
    "WitnessReport",
    "assert_hypergradient",
    "check",
    "check_fn",
    "diagnose",
    "jacobians",
    "witness",
]
