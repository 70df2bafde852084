"""`python -m paper_repro gpu`."""

from __future__ import annotations

import argparse
from typing import Any

from paper_repro.benchmark.setting import SETTINGS
from paper_repro.gpu import cases, measure
from paper_repro.record import surroundings, write_json

SUMMARY = "Check hgref.fast.cuda on this machine's GPU, and time it beside torch and JAX"
LENGTHS = {"default": (1000, 4000), "small": (20,)}
HYPER_ITERATIONS = 500  # of the paper's hyper-cleaning
DOUBLE, SINGLE = 1e-10, 1e-3  # allowed distances from hgref.fast.cpu


def add_options(parser: argparse.ArgumentParser) -> None:
    """This measurement has no options of its own."""


def run(options: argparse.Namespace) -> None:
    """Check, time, print a table and write gpu.json."""
    from hgref.fast import cuda  # noqa: F401 - its error says what is missing

    if options.size not in LENGTHS:
        raise ValueError(f"--{options.size}: gpu has only its default sizes and --small")
    setting, lengths = SETTINGS[options.size], LENGTHS[options.size]
    result: dict[str, Any] = {"device": device(), "checks": {}, "times": {}}
    for name, case in cases.checked(setting):
        result["checks"][name] = check(name, case)
    result["copy, GB/s"] = measure.bandwidth()
    for dtype in ("float32", "float64"):
        result[f"square products, {dtype}, Gflop/s"] = measure.products_rate(dtype)
    for one in cases.timed(setting, lengths):
        result["times"][f"{one.name}, {one.dtype}"] = times(one)
    result["surroundings"] = surroundings()
    print(summary(result))
    print(f"wrote {write_json(options.out / 'gpu.json', result)}")


def device() -> str:
    """The name of the GPU."""
    from hgref.fast.cuda.device import SIMULATED, cuda

    if SIMULATED:
        raise ValueError("NUMBA_ENABLE_CUDASIM is set: timing the simulator makes no sense")
    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def check(name: str, case: Any) -> dict[str, float]:
    """The distances from hgref.fast.cpu in both precisions; ArithmeticError if one is too large."""
    true = measure.on_cpu(case)
    found = {}
    for dtype, allowed in (("float64", DOUBLE), ("float32", SINGLE)):
        found[dtype] = measure.off(measure.ours(case, dtype)(), true)
        print(f"{name:24} {dtype}  difference from hgref.fast.cpu {found[dtype]:.1e}", flush=True)
        if not found[dtype] < allowed:
            raise ArithmeticError(
                f"{name}, {dtype}: expected a relative difference from hgref.fast.cpu below "
                f"{allowed:g}, found {found[dtype]:.1e}"
            )
    return found


def times(one: cases.TimedCase) -> dict[str, Any]:
    """The timings of all contenders, with their microseconds per step."""
    print(f"{one.name}, {one.dtype}", flush=True)
    answers = {}
    for name, answer in measure.contenders(one.case, one.dtype, measure.on_cpu(one.case)):
        if "seconds" in answer:
            answer["us a step"] = 1e6 * answer["seconds"] / one.case.problem.T
            print(f"  {name:18} {answer['us a step']:9.1f} us a step", flush=True)
        else:
            print(f"  {name:18} {answer['failed']}", flush=True)
        answers[name] = answer
    return answers


def summary(result: dict[str, Any]) -> str:
    """The table that is printed at the end."""
    lines = [f"\n{result['device']}, copies at {result['copy, GB/s']:.0f} GB/s"]
    for name, answers in result["times"].items():
        mine = answers["hgref.fast.cuda"]["us a step"]
        others = [
            f"{other} {answer['us a step'] / mine:.1f}x" if "us a step" in answer else f"{other} -"
            for other, answer in answers.items()
            if other != "hgref.fast.cuda"
        ]
        lines.append(f"{name:32} {mine:8.1f} us a step  {'  '.join(others)}")
    longest = result["times"].get("P1 reverse, T = 4000, float32")
    if longest:
        minutes = HYPER_ITERATIONS * longest["hgref.fast.cuda"]["seconds"] / 60
        lines.append(
            f"hyper-cleaning at the paper's size, {HYPER_ITERATIONS} hyper-iterations: "
            f"{minutes:.1f} minutes"
        )
    return "\n".join(lines)
