"""The loops over the weights of any coordinatewise dynamics, written from its law's signature.

The parameters' names say where each argument of a law stands: the block `w` of the state, the
gradient `g`, the number `eta` of this step, their tangents `dw`, `dg`, `deta`, the cotangent `b_w`.
So a short program writes the three loops, and a new dynamics is its law alone:

    >>> from hgref.fast.loops import text
    >>> print(text(hgref.GradientDescent.law, ("w",), CPU)["step"])
    def step(r, s, g, lo, hi):
        for j in range(lo, hi):
            s[0, j] = law_step(s[0, j], g[j], r[0])

`written` compiles the text for a processor (njit) or for a kernel (cuda.jit). Numba keeps what it
compiles on disk under the file of a function, and here that is this file; the name of a loop has
a hash of its text and its law, see `mark`.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hgref.dynamics.coordinatewise import Law


class Form(NamedTuple):
    """How the loops of a device look: where their arguments stand, and three texts.

    state, tangent, cotangent   of block number {i};  g, dg;  number, dnumber: of number {i}
    step, jvp, vjp              the text around the call of the law
    """

    state: str
    tangent: str
    cotangent: str
    g: str
    dg: str
    b_g: str
    number: str
    dnumber: str
    new: str
    step: str
    jvp: str
    vjp: str


# s (blocks, p), Z (blocks, k, p) and alpha (blocks, 1, p) are overwritten; r (numbers,) and
# dr (numbers, k) are the numbers of the step and their tangents; b (numbers,) receives cotangents.
# Z has its blocks outside: LLVM vectorises only if the ranges that it writes do not overlap
CPU = Form(
    state="s[{i}, j]", tangent="Z[{i}, c, j]", cotangent="alpha[{i}, 0, j]",
    g="g[j]", dg="dg[c, j]", b_g="b_g[j]", number="r[{i}]", dnumber="dr[{i}, c]", new="s[{i}, j]",
    step="""\
def step(r, s, g, lo, hi):
    for j in range(lo, hi):
        {state} = {call}
""",
    jvp="""\
def jvp(r, dr, s, g, Z, dg, lo, hi):
    for c in range(Z.shape[1]):
        for j in range(lo, hi):
            {tangent} = {call}
""",
    vjp="""\
def vjp(r, s, g, alpha, b_g, b, lo, hi):
    {zeros}
    for j in range(lo, hi):
        {found} = {call}
        {sums}
    {put}
""",
)  # fmt: skip


def numbers_of(law: Law, state: Sequence[str]) -> list[str]:
    """The names of the law's numbers, in the order of r."""
    return [name for name in law.functions[law.step] if name not in (*state, "g")]


def text(law: Law, state: Sequence[str], form: Form) -> dict[str, str]:
    """The source of the three loops: step, jvp and vjp."""
    numbers = numbers_of(law, state)

    def place(name: str) -> str:
        """Where an argument of the law stands."""
        for prefix, block, gradient, number in (
            ("", form.state, form.g, form.number),
            ("d", form.tangent, form.dg, form.dnumber),
            ("b_", form.cotangent, form.b_g, "b_{i}"),
        ):
            bare = name[len(prefix) :]
            if name.startswith(prefix) and bare == "g":
                return gradient
            for template, names in ((block, state), (number, numbers)):
                if name.startswith(prefix) and bare in names:
                    return template.format(i=names.index(bare))
        raise ValueError(f"law: its parameter {name!r} is no block, number, tangent or cotangent")

    def call(part: str) -> str:
        names = law.functions[getattr(law, part)]
        return f"law_{part}({', '.join(map(place, names))})"

    def blocks(prefix: str) -> str:
        return ", ".join(place(prefix + name) for name in state)

    moved = [f"b_{numbers.index(name)}" for name in law.tangents if name in numbers]
    found = ", ".join(place("b_" + name) for name in law.tangents)
    new = ", ".join(form.new.format(i=i) for i in range(len(state)))
    return {
        "step": form.step.format(state=new, call=call("step")),
        "jvp": form.jvp.format(tangent=blocks("d"), call=call("jvp")),
        "vjp": form.vjp.format(
            zeros="; ".join(f"to_{name} = 0.0" for name in moved) or "pass",
            found=found,
            call=call("vjp"),
            sums="; ".join(f"to_{name} += {name}" for name in moved) or "pass",
            put="; ".join(f"b[{name[2:]}] += to_{name}" for name in moved) or "pass",
            add="; ".join(f"sums[{name[2:]}] += {name}" for name in moved) or "pass",
        ),
    }


class Loops(NamedTuple):
    """The compiled loops of a law, and the hash that their names carry."""

    step: Any
    jvp: Any
    vjp: Any
    mark: str


def written(
    law: Law,
    state: Sequence[str],
    form: Form,
    leaf: Callable[..., Any],
    compile: dict[str, Callable[..., Any]],
    **known: Any,
) -> Loops:
    """The loops of a law: `leaf` compiles the law's functions, `compile[…]` each of the loops.

    known   what else the texts name
    """
    texts = text(law, state, form)
    name = mark(law, *texts.values())
    known |= {f"law_{part}": leaf(getattr(law, part)) for part in texts}
    made = {}
    for part, source in texts.items():
        exec(compile_text(source), known)
        function = known[part]
        function.__qualname__ = f"{part}_{name}"
        made[part] = compile[part](function)
    return Loops(**made, mark=name)


def compile_text(source: str) -> Any:
    """Code that belongs to this file, next to which Numba keeps what it compiles."""
    return compile(source, __file__, "exec")


def mark(law: Law, *texts: str) -> str:
    """A hash of texts and of the functions of a law: of their code and of the files they stand in.

    Numba compiles again when the file of a function changes, and that of a loop is this one.
    """
    digest = hashlib.sha256("".join(texts).encode())
    for function in law.functions:
        code = inspect.unwrap(function).__code__
        digest.update(repr((code.co_code, code.co_consts, code.co_names)).encode())
        file = Path(code.co_filename)
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()[:12]
