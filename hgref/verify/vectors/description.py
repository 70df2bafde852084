"""Builds a Problem from its description in JSON, and refuses a description that is malformed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

import hgref.dynamics
import hgref.objectives
import hgref.transforms
from hgref.arguments import as_count, require_known
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Sum
from hgref.problem import Problem

SCHEMA = "hgref-vector-1"
LARGEST_FILE = 10_000_000  # bytes; the vectors of the package have about ten thousand
MOST_CLASSES = 10_000
LARGEST_RUN = 10_000_000  # T · d; larger runs are refused

# kind → (constructor, required fields, optional fields)
DYNAMICS: dict[str, tuple[Any, set[str], set[str]]] = {
    "gd": (hgref.dynamics.GradientDescent, set(), set()),
    "momentum": (
        hgref.dynamics.Momentum,
        set(),
        {"nesterov", "dampening", "weight_decay"},
    ),
    "adam": (hgref.dynamics.Adam, {"convention"}, set()),
    "adamw": (hgref.dynamics.AdamW, {"convention"}, set()),
    "rmsprop": (hgref.dynamics.RMSProp, {"convention"}, set()),
    "adagrad": (hgref.dynamics.AdaGrad, {"convention"}, {"initial"}),
}
DATA = {"bias", "example_weights", "batches", "centre"}
OBJECTIVES: dict[str, tuple[Any, set[str], set[str]]] = {
    "quadratic": (hgref.objectives.Quadratic, {"A", "b"}, set()),
    "least-squares": (hgref.objectives.LeastSquares, {"X", "y"}, DATA),
    "logistic": (hgref.objectives.Logistic, {"X", "y"}, DATA),
    "softmax": (hgref.objectives.Softmax, {"X", "y", "classes"}, DATA),
    "mlp": (hgref.objectives.MLP, {"X", "y", "hidden", "classes"}, DATA - {"bias"}),
    "l2": (hgref.objectives.L2, set(), {"groups", "name"}),
}
TRANSFORMS: dict[str, Any] = {"exp": hgref.transforms.Exp, "sigmoid": hgref.transforms.Sigmoid}


def read_file(path: str | Path, as_printed: bool = False) -> dict[str, Any]:
    """The JSON object in a file.

    as_printed   True: numbers with a fraction or exponent become Decimals, which keep the digits
                 that were printed, and NaN and infinity are read
    Raises   OSError; ValueError, in one line, if the file is no JSON object, is larger than 10 MB,
             is nested too deeply, or contains NaN or infinity
    """
    path = Path(path)
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path}: expected at most {LARGEST_FILE} bytes, found more")
    try:
        content = json.loads(
            path.read_text(encoding="utf-8"),
            parse_float=Decimal if as_printed else None,
            parse_constant=float if as_printed else refuse_constant,
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: expected JSON, found: {reason}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content


def refuse_constant(name: str) -> float:
    raise ValueError(f"the number {name}")


def problem_of(content: Mapping[str, Any]) -> tuple[Problem, Blocks]:
    """(Problem, λ) that a vector describes.

    Raises   ValueError, TypeError with the field, what was expected and what was found
    """
    for field in ("schema", "dynamics", "objective", "error", "T", "w0", "lambda"):
        if field not in content:
            raise ValueError(f"vector: expected the field {field!r}, found {sorted(content)[:20]}")
    if content["schema"] != SCHEMA:
        raise ValueError(f"schema: expected {SCHEMA!r}, found {str(content['schema'])[:40]!r}")
    J = sum_of("objective", content["objective"], {**OBJECTIVES, "clipped": CLIPPED})
    E = sum_of("error", content["error"], OBJECTIVES)
    dynamics = made("dynamics", content["dynamics"], DYNAMICS, J)
    assert isinstance(dynamics, Dynamics)
    T, size = content["T"], np.size(np.asarray(content["w0"], dtype=object))
    if isinstance(T, int) and T * size * len(dynamics.state) > LARGEST_RUN:
        raise ValueError(f"T: expected T · d <= {LARGEST_RUN}, found T = {T} and {size} weights")
    learned, tau = bool(content.get("learn_w0", False)), transform_of(content.get("transform"))
    problem = Problem(dynamics, E, T, content["w0"], learned, transform=tau)
    if not isinstance(content["lambda"], dict):
        found = type(content["lambda"]).__name__
        raise ValueError(f"lambda: expected names and numbers, found {found}")
    return problem, problem.at(content["lambda"]).theta


def transform_of(maps: Any) -> hgref.transforms.Transform | None:
    """The transform that {kind: names of blocks} describes."""
    if maps is None:
        return None
    if not isinstance(maps, dict) or not maps:
        raise ValueError(f"transform: expected {{kind: [names]}}, found {type(maps).__name__}")
    for kind, names in maps.items():
        require_known(kind, TRANSFORMS, "kind in transform")
        if not isinstance(names, list):
            raise ValueError(f"transform: {kind}: expected a list of names, found {names!r:.40}")
    each = [TRANSFORMS[kind](*names) for kind, names in maps.items()]
    return each[0] if len(each) == 1 else hgref.transforms.Chain(each)


def clipped(of: Any, by: str = "norm") -> Objective:
    """A clipped sum; its own terms are not clipped."""
    return hgref.objectives.Clipped(sum_of("clipped", of, OBJECTIVES), by)


def sum_of(field: str, terms: Any, kinds: dict[str, Any]) -> Objective:
    if not isinstance(terms, list) or not terms:
        found = type(terms).__name__ if not isinstance(terms, list) else "an empty one"
        raise ValueError(f"{field}: expected a list of terms, found {found}")
    made_terms = [made(field, term, kinds) for term in terms]
    return made_terms[0] if len(made_terms) == 1 else Sum(*made_terms)


CLIPPED: tuple[Any, set[str], set[str]] = (clipped, {"of"}, {"by"})


def made(field: str, term: Any, kinds: dict[str, Any], *first: Any) -> Any:
    """The object that {"kind": …, options} describes."""
    if not isinstance(term, dict):
        raise ValueError(f'{field}: expected {{"kind": …}}, found {type(term).__name__}')
    require_known(term.get("kind"), kinds, f"kind in {field}")  # type: ignore[arg-type]
    make, must, may = kinds[term["kind"]]
    options = {name: value for name, value in term.items() if name != "kind"}
    for name in options:
        require_known(name, must | may, f"field of {term['kind']}")
    missing = sorted(must - options.keys())
    if missing:
        found = sorted(options) or "none"
        raise ValueError(
            f"{field}: {term['kind']}: expected the fields {missing} too, found {found}"
        )
    if "classes" in options:
        as_count("classes", options["classes"], 1, MOST_CLASSES)
    return make(*first, **options)
