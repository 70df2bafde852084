"""The exercises at the end of a lesson: the reader's gradient, judged and diagnosed."""

from __future__ import annotations

from typing import Any

import hgref


def exercise(number: int, problem: hgref.Problem, lam: Any, answer: Any) -> bool | None:
    """Say whether `answer` is ∇f(λ) and, where it is not, which mistake it is.

    number   of the exercise, for what is printed
    problem  the problem that the exercise poses
    lam      (m,) the point λ, or a mapping of names
    answer   (m,), a mapping of some of the blocks, or None: not answered yet
    returns  True, False, or None where there is no answer
    Raises   ValueError, TypeError for an answer of the wrong shape or names
    Cost     that of `check`; where it is wrong, that of `diagnose`
    """
    if answer is None:
        print(f"Exercise {number}: not answered yet.")
        return None
    report = hgref.check(problem, lam, answer)
    print(f"Exercise {number}: {report}")
    if not report:
        print(hgref.diagnose(problem, lam, answer))
    return bool(report)
