"""The exercises at the end of a lesson: check the reader's gradient and diagnose mistakes."""

from __future__ import annotations

from typing import Any

import hgref


def exercise(number: int, problem: hgref.Problem, lam: Any, answer: Any) -> bool | None:
    """Print whether `answer` is ∇f(λ); if it is not, print which mistake explains it.

    number   of the exercise, as printed
    problem  the problem that the exercise poses
    lam      (m,) the point λ, or a mapping of names to blocks
    answer   (m,), a mapping with some of the blocks, or None: not answered yet
    returns  True, False, or None if there is no answer
    Raises   ValueError, TypeError for an answer with wrong shapes or names
    Cost     that of `check`; for a wrong answer also that of `diagnose`
    """
    if answer is None:
        print(f"Exercise {number}: not answered yet.")
        return None
    report = hgref.check(problem, lam, answer)
    print(f"Exercise {number}: {report}")
    if report.verdict == "wrong":
        print(hgref.diagnose(problem, lam, answer))
    return bool(report)
