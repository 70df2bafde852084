"""The table of all methods, in Markdown and for a terminal."""

from __future__ import annotations

from typing import Any

from paper_repro.costs.draw import busy
from paper_repro.table import columns, markdown

Row = dict[str, Any]

BLOCKS = {"all": "error of ∇f", "eta": "η", "mu": "μ", "weights": "weights", "l2": "l2"}


def work(row: Row) -> int:
    """Gradients of J plus products with H; products with M come together with those."""
    return row["gradients"] + row["products with H"]


def table_rows(content: Row) -> list[list[str]]:
    """A row for each method, the exact ones first."""
    head = ["method", *BLOCKS.values(), "seconds", "peak kB", "gradients", "H", "M", "steps"]
    rows = [head]
    for row in content["rows"]:
        errors = [f"{row['error'][name]:.0e}" for name in BLOCKS]
        counts = [str(row[name]) for name in ("gradients", "products with H", "products with M")]
        seconds, peak = f"{row['seconds']['median']:.2f}", f"{row['peak bytes'] / 1e3:.0f}"
        rows.append([row["method"], *errors, seconds, peak, *counts, steps(row)])
    return rows


def steps(row: Row) -> str:
    """The steps of the run, and the fewest that its slots allow."""
    return f"{row['steps']} of {row['fewest steps']}" if "steps" in row else ""


def terminal(content: Row) -> str:
    """The table in columns, and the numbers of reversible learning."""
    lines = [*columns(table_rows(content)), "", reversal(content["reversible"])]
    return "\n".join([*lines, *busy(content["made with"]["load before"])])


def reversal(back: Row) -> str:
    """The numbers of reversible learning in one sentence."""
    return (
        f"reversible kept {back['bits']:.4f} bits for each weight and step (2(1−μ) = "
        f"{back['bits predicted']:.4f}, least log2(1/μ) = {back['least bits']:.4f}): "
        f"{back['kept bytes']} bytes, where the states of the run take {back['stored bytes']}, "
        f"{back['stored / kept']:.0f} times more; {back['checksums that agreed']} checksums of "
        f"recovered states agreed; it ends {back['distance to reverse']:.0e} ‖∇f‖ from reverse."
    )


def page(content: Row) -> str:
    """The table as Markdown, followed by what was measured and how."""
    s, made, size = content["setting"], content["made with"], content["problem"]
    lines = [
        "# One hypergradient by all of its relatives",
        "",
        *markdown(table_rows(content)),
        "",
        f"Softmax regression on {s['examples']} examples by momentum: η = {s['eta']}, μ = "
        f"{s['mu']}, T = {s['T']}, p = {size['p']} weights; λ = η, μ, a weight for each example, "
        f"a penalty of {s['l2']}: m = {size['m']}. Errors are ‖found − ∇f‖ / ‖∇f‖, of all of λ "
        f"and of each block; the truth is the {content['truth']['by']}.",
        "",
        f"Seconds: hgref's readable layer, {made['threads']} thread, {made['processor']}, medians "
        f"of {s['rounds']} rounds in which all took turns, {s['slow_rounds']} where one took over "
        f"{s['slow']:g} s. Peak: the most that NumPy's arrays and Python's own objects took, the "
        f"problem's own data not counted; a state has {size['bytes of a state']} bytes, and a "
        f"linearised step, of which reverse keeps T, {size['bytes of a linearised step']} in its "
        "arrays. Gradients: of J. H and M: products, each column of a tangent by itself. Steps: "
        "beside the T that are linearised, and the fewest that so many slots allow.",
        "",
        "truncated: "
        + ", ".join(
            f"K = {K} drops at most {float(share):.1%} of ∇f"
            for share, K in content["K that drops at most a share"].items()
        )
        + ", as `hgref.decay` measures at the cost of one reverse. "
        f"implicit: linear systems solved to {s['tol']:g}; it gives η and μ exactly 0.",
        "",
        reversal(content["reversible"]),
        *busy(made["load before"]),
        "",
    ]
    return "\n".join(lines)
