"""The exercises at the end of a lesson: check the reader's gradient and diagnose mistakes."""

from __future__ import annotations

import math
from typing import Any

import hgref
from hgref.verify import BlockReport


def exercise(
    number: int, problem: hgref.Problem, lam: Any, answer: Any, reveal: bool = False
) -> bool | None:
    """Print whether `answer` is ∇f(λ); if it is not, where, by how much, and which mistake it is.

    number   of the exercise, as printed
    problem  the problem that the exercise poses
    lam      (m,) the point λ, or a mapping of names to blocks
    answer   (m,), a mapping with some of the blocks, or None: not answered yet
    reveal   True: also the true numbers; False: sign and size of what is wrong, which do not give
             the answer away
    returns  True, False, or None if there is no answer. An answer of another shape, or with
             unknown names, is wrong, and a sentence says what was expected
    Cost     that of `check`; for a wrong answer also that of `diagnose`
    """
    if answer is None:
        print(f"Exercise {number}: not answered yet.")
        return None
    try:
        report = hgref.check(problem, lam, answer)
    except (ValueError, TypeError) as error:
        print(f"Exercise {number}: {error}")
        return False
    told = str(report) if reveal else "\n".join(hints(report))
    print(f"Exercise {number}: {told}")
    if report.verdict == "wrong":
        print(hgref.diagnose(problem, lam, answer))
    return bool(report)


def hints(report: hgref.verify.Report) -> list[str]:
    """The verdict, and a line for each wrong block, without a digit of the true gradient."""
    wrong = [block for block in report.blocks if block.verdict == "wrong"]
    if not wrong:
        return [f"hypergradient: {report.headline()}"]
    names = ", ".join(block.name for block in wrong)
    return [f"hypergradient: WRONG in {names}", *(f"    {hint(block)}" for block in wrong)]


def hint(block: BlockReport) -> str:
    """Sign and order of magnitude of the worst entry of a block."""
    where = f"{block.name}[{', '.join(map(str, block.worst))}]" if block.worst else block.name
    found, true = block.candidate, block.true
    if not math.isfinite(found):
        return f"{where} is not finite"
    if true == 0 or found == 0:
        return f"{where} is 0 and should not be" if found == 0 else f"{where} should be 0"
    sign = "has the wrong sign" if found * true < 0 else "has the right sign"
    times = round(math.log10(abs(found / true)))
    if times == 0:
        return f"{where} {sign} and the right order of magnitude"
    size = "large" if times > 0 else "small"
    return f"{where} {sign}, and is about 10^{abs(times)} times too {size}"
