"""`python -m paper_repro gpu`."""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from paper_repro.benchmark.setting import SETTINGS, Setting
from paper_repro.gpu import cases, measure
from paper_repro.record import surroundings, write_json

SUMMARY = "Check hgref.fast.cuda on this machine's GPU, and time it beside torch and JAX"
LENGTHS = {"default": (1000, 4000), "small": (20,)}
BUDGET = 480.0  # seconds
HYPER_ITERATIONS = 500  # of the paper's hyper-cleaning
ALLOWED = {"float64": 1e-10, "float32": 1e-3}  # relative distances from hgref.fast.cpu
OURS = "hgref.fast.cuda"


class Attempt(NamedTuple):
    """One measurement: where its answer is written, and what makes it."""

    where: tuple[str, ...]
    make: Callable[[], Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget", type=float, default=BUDGET, metavar="SECONDS",
        help="begin no measurement after this time (default: %(default)g)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Check, time, print a table; gpu.json is written anew after each measurement.

    The most valuable measurements come first, and one that fails does not end the run.
    Raises ArithmeticError at the end if a hypergradient was wrong or a kernel failed.
    """
    from hgref.fast import cuda  # noqa: F401 - its error says what is missing

    if options.size not in LENGTHS:
        raise ValueError(f"--{options.size}: gpu has only its default sizes and --small")
    result: dict[str, Any] = {"device": device()}
    plan = list(attempts(SETTINGS[options.size], LENGTHS[options.size]))
    attempt_all(plan, result, options.out / "gpu.json", options.budget)
    print(summary(result))
    print(f"wrote {options.out / 'gpu.json'}")
    if wrong := failures(result):
        raise ArithmeticError(f"{OURS} failed {len(wrong)} measurements: {'; '.join(wrong)}")


def device() -> str:
    """The name of the GPU."""
    from hgref.fast.cuda.device import SIMULATED, cuda

    if SIMULATED:
        raise ValueError("NUMBA_ENABLE_CUDASIM is set: timing the simulator makes no sense")
    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def attempts(setting: Setting, lengths: tuple[int, ...]) -> Iterator[Attempt]:
    """All measurements: our times, the checks, the GPU's rates, the peers' times.

    A peer that breaks the device's context can then spoil only other peers.
    """
    yield Attempt(("surroundings", "here"), surroundings)
    yield Attempt(("surroundings", "GPU"), measure.versions)
    timed = list(cases.timed(setting, lengths))
    for one in timed:
        yield Attempt(("times", one.title, OURS), functools.partial(measure.time_ours, one))
    for name, case in cases.checked(setting):
        for dtype in ALLOWED:
            yield Attempt(("checks", name, dtype), functools.partial(check, case, dtype))
    yield Attempt(("rates", "copy, GB/s"), measure.bandwidth)
    for dtype in ALLOWED:
        where = ("rates", f"square products, {dtype}, Gflop/s")
        yield Attempt(where, functools.partial(measure.products_rate, dtype))
    for peer in measure.PEERS:
        for one in timed:
            make = functools.partial(measure.time_peer, peer, one)
            yield Attempt(("times", one.title, peer), make)


def check(case: Any, dtype: str) -> dict[str, float]:
    """The distance from hgref.fast.cpu; ArithmeticError if it is too large."""
    found = measure.off(measure.ours(case, dtype)(), measure.on_cpu(case))
    if not found < ALLOWED[dtype]:
        raise ArithmeticError(
            f"expected a relative difference from hgref.fast.cpu below {ALLOWED[dtype]:g}, "
            f"found {found:.1e}"
        )
    return {"difference": found}


def attempt_all(plan: list[Attempt], result: dict[str, Any], path: Path, budget: float) -> None:
    """Make each measurement in turn; its answer, or its error's text, goes into the result."""
    begun = time.monotonic()
    for where, make in plan:
        if time.monotonic() - begun > budget:
            answer: Any = {"left out": f"{budget:g} s were over"}
        else:
            answer = answered(make)
        place = result
        for name in where[:-1]:
            place = place.setdefault(name, {})
        place[where[-1]] = answer
        result["seconds"] = time.monotonic() - begun
        write_json(path, result)
        print(f"{result['seconds']:5.0f} s  {', '.join(where)}  {brief(answer)}", flush=True)


def answered(make: Callable[[], Any]) -> Any:
    """What the measurement returns, or {"failed": its error}."""
    try:
        return make()
    except Exception as error:  # a GPU may be at hand once only: go on
        return {"failed": f"{type(error).__name__}: {error}"[:600]}


def brief(answer: Any) -> str:
    """An answer in a line."""
    if not isinstance(answer, dict):
        return f"{answer:.4g}"
    numbers = {name: value for name, value in answer.items() if name != "all seconds"}
    return "  ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in numbers.items()
    )


def failures(result: dict[str, Any]) -> list[str]:
    """Our own measurements that failed."""
    checks = [
        (f"{name}, {dtype}", answer)
        for name, answers in result.get("checks", {}).items()
        for dtype, answer in answers.items()
    ]
    times = [(name, answers.get(OURS, {})) for name, answers in result.get("times", {}).items()]
    return [name for name, answer in [*checks, *times] if "failed" in answer]


def summary(result: dict[str, Any]) -> str:
    """The table that is printed at the end."""
    lines = [f"\n{result['device']}"]
    for name, answers in result.get("times", {}).items():
        mine = answers.get(OURS, {}).get("us a step")
        if mine is None:
            lines.append(f"{name:32} {brief(answers.get(OURS, {}))}")
            continue
        others = [
            f"{other} {answer['us a step'] / mine:.1f}x" if "us a step" in answer else f"{other} -"
            for other, answer in answers.items()
            if other != OURS
        ]
        lines.append(f"{name:32} {mine:8.1f} us a step  {'  '.join(others)}")
    longest = result.get("times", {}).get("P1 reverse, T = 4000, float32", {}).get(OURS, {})
    if "seconds" in longest:
        minutes = HYPER_ITERATIONS * longest["seconds"] / 60
        lines.append(
            f"hyper-cleaning at the paper's size, {HYPER_ITERATIONS} hyper-iterations: "
            f"{minutes:.1f} minutes"
        )
    return "\n".join(lines)
