"""The results of the benchmark as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paper_repro import table
from paper_repro.benchmark.problems import PRODUCTS

COLUMNS = ("", "ms a step", "least", "most", "× fast", "× floor", "difference", "first call, s")

BUSY = 0.5  # load average above which other programs disturb the timings

Row = dict[str, Any]


def terminal(content: Row) -> str:
    """The content of the JSON file as text."""
    return "\n".join(lines(content))


def lines(content: Row) -> Iterator[str]:
    for one in content["problems"]:
        yield from [headline(one), *columns(problem_rows(one))]
        rate = one["square products, 1e9 operations a second"]
        yield f"  (square matrix products: {rate:.0f} GF/s)\n"
    if "memory" in content:
        yield from memory(content["memory"])
    made = content["made with"]
    yield f"{made['processor']}, {content['date']}; BLAS runs its {kernels(content)} kernels"
    for name, value in made.get("BLAS held down by", {}).items():
        yield f"Beware: {name}={value} holds NumPy's BLAS down, and no other: unset it."
    if (made["load before"] or 0) > BUSY:
        yield f"Beware: a load of {made['load before']} before the first of these: look at `least`."


def kernels(content: Row) -> str:
    """The processors for which the BLAS libraries chose their kernels."""
    libraries = [one for problem in content["problems"] for one in problem["threaded libraries"]]
    known = sorted({one.get("architecture") or "" for one in libraries} - {""})
    return " and ".join(known) or "unknown"


def headline(one: Row) -> str:
    threads = "1 thread" if one["threads"] == 1 else f"{one['threads']} threads"
    return (
        f"{one['problem']}, {one['dtype']}: {one['title']}; "
        f"m = {one['m']}, T = {one['T']}, {threads}"
    )


def problem_rows(one: Row) -> list[list[str]]:
    """A row for each contender; the floor is marked if it was measured."""
    contenders, T = one["contenders"], one["T"]
    fast, floor = contenders["fast"]["median"], floor_of(one)
    rows = [list(COLUMNS)]
    for name, c in contenders.items():
        mark = " (floor)" if c["median"] == floor else ""
        steps = [number(1e3 * c[key] / T) for key in ("median", "least", "most")]
        rows.append(
            [
                name + mark,
                *steps,
                f"{c['median'] / fast:.2f}",
                f"{c['median'] / floor:.2f}" if floor else "",
                "" if c["difference"] is None else f"{c['difference']:.0e}",
                f"{c['first call']:.2f}",
            ]
        )
    return rows


def floor_of(one: Row) -> float | None:
    """Seconds of the faster way to compute the four products; None if they were not measured."""
    ways = [one["contenders"][n]["median"] for n in PRODUCTS if n in one["contenders"]]
    return min(ways, default=None)


def memory(content: Row) -> list[str]:
    rows = [["", "MB at most", "MB before", "difference"]]
    for name, found in content["megabytes"].items():
        peak, before = found["peak"], found["before"]
        rows.append([name, f"{peak:.0f}", f"{before:.0f}", f"{peak - before:.0f}"])
    return [f"Memory: {content['problem']}, T = {content['T']}", *columns(rows), ""]


def number(x: float) -> str:
    return f"{x:.3g}" if x < 100 else f"{x:.0f}"


def columns(rows: list[list[str]]) -> list[str]:
    return [f"  {line}" for line in table.columns(rows)]
