"""A test vector: the description of a problem, its certified numbers, and its traps."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.hypergradient.realtime import realtime
from hgref.hypergradient.reverse import reversed_run
from hgref.hypergradient.truncated import truncated
from hgref.layout import Blocks
from hgref.outer import GradientDescent
from hgref.problem import Problem
from hgref.verify.mistakes import Computation
from hgref.verify.pairs import singles
from hgref.verify.vectors.certify import certified, certified_hessian, digits, on_balls
from hgref.verify.vectors.description import problem_of, read_file
from hgref.verify.vectors.dual import Kink

DATA = Path(__file__).parent / "data"
RESULT = 30  # proven digits of f and ∇f
TRACE = 20  # and of s_t, α_t, Z_t, ∇²f
TRAP = 12  # digits of a wrong gradient, computed in float64
APART = 1e-6  # relative: a wrong gradient closer to the true one is no trap


def shipped() -> dict[str, Path]:
    """name → file, for the vectors that come with the package."""
    return {path.stem: path for path in sorted(DATA.glob("*.json"))}


def derived(description: dict[str, Any]) -> dict[str, Any]:
    """The complete vector of a description, with every number computed afresh.

    returns  the description with the fields f, grad, hessian, states, alphas, Z and traps, and the
             answers of truncated and realtime where these are asked for
    Raises   ModuleNotFoundError without python-flint
    Exact    f and grad to 30 digits, the others to 20: proven; ±1 in the last
    """
    problem, lam = problem_of(description)
    trace = certified(problem, lam)
    second: dict[str, Any] = {}
    with contextlib.suppress(Kink):  # f has no second derivatives there
        second = {"hessian": text(certified_hessian(problem, lam), TRACE)}
    return {
        **description,
        "f": text(np.asarray(trace.g.f), RESULT),
        "grad": {name: text(block, RESULT) for name, block in trace.g.blocks.items()},
        **second,
        **answers(problem, lam, description),
        "states": [text(s, TRACE) for s in trace.states],
        "alphas": [text(alpha, TRACE) for alpha in trace.alphas],
        "Z": [text(Z, TRACE) for Z in trace.Zs],
        "traps": traps(problem, lam),
    }


def answers(problem: Problem, lam: Blocks, asked: dict[str, Any]) -> dict[str, Any]:
    """The truncated gradient and the path in real time, each beside what was asked."""
    found = {}
    if "truncated" in asked:
        K = asked["truncated"]["K"]
        g = on_balls(lambda problem, lam: truncated(problem, lam, K), problem, lam)
        found["truncated"] = {"K": K, "grad": {n: text(x, TRACE) for n, x in g.blocks.items()}}
    if "realtime" in asked:
        every, rate = asked["realtime"]["every"], asked["realtime"]["rate"]
        outer = GradientDescent(rate)
        run = on_balls(lambda problem, lam: realtime(problem, lam, every, outer), problem, lam)
        path = {name: text(np.array(run[name]), TRACE) for name in run.layout.shapes}
        found["realtime"] = {"every": every, "rate": rate, "path": path}
    return found


def text(numbers: Array, count: int) -> Any:
    """Balls as strings of proven digits, nested like the array."""
    flat = np.array([digits(x, count) for x in numbers.reshape(-1)], dtype=object)
    return flat.reshape(numbers.shape).tolist()


def traps(problem: Any, lam: Blocks) -> list[dict[str, Any]]:
    """The gradients that known mistakes give on this problem, where they are wrong."""
    run = problem.at(lam)
    g = reversed_run(run)
    found: list[dict[str, Any]] = []
    for mistake, variant, _, of_lam in singles(Computation(run.untransformed()), beside=True):
        wrong = run.pull(of_lam)
        known = any(trap["name"] == mistake.name for trap in found)  # by another variant
        flat = np.concatenate([wrong[name].reshape(-1) for name in g.layout.shapes])
        apart = np.linalg.norm(flat - g.grad) > APART * np.linalg.norm(g.grad)
        if apart and np.isfinite(flat).all() and not known:
            grad = {name: rounded(block) for name, block in wrong.items()}
            trap = {"name": mistake.name, "variant": variant, "sentence": mistake.sentence}
            found.append({**trap, "grad": grad})
    return found


def rounded(block: Array) -> Any:
    flat = [float(f"{x:.{TRAP - 1}e}") for x in block.reshape(-1)]
    return np.array(flat).reshape(block.shape).tolist()


def differences(path: Path) -> list[str]:
    """The fields of a vector's file that differ from a fresh derivation."""
    content = read_file(path)
    made = {"f", "grad", "hessian", "states", "alphas", "Z", "traps"}
    fresh = derived({name: x for name, x in content.items() if name not in made})
    made |= {"truncated", "realtime"}
    certain = sorted(made - {"traps"})
    wrong = [name for name in certain if content.get(name) != fresh.get(name)]
    return wrong + ([] if same_traps(content.get("traps"), fresh["traps"]) else ["traps"])


def same_traps(old: Any, new: list[dict[str, Any]]) -> bool:
    """Whether two lists of traps agree, numbers up to rounding in float64."""
    try:
        pairs = list(zip(old, new, strict=True))
        return all(
            (a["name"], a["variant"]) == (b["name"], b["variant"])
            and all(close(a["grad"][name], b["grad"][name]) for name in b["grad"])
            for a, b in pairs
        )
    except (TypeError, KeyError, ValueError):
        return False


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a, b, rtol=1e-8, atol=1e-10))
