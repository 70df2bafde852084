"""BLAS has its threads for the whole process: overlapping calls leave them as they were."""

import threading

import pytest

threadpoolctl = pytest.importorskip("threadpoolctl")

from hgref.fast.cpu import blas  # noqa: E402


def threads():
    return [
        one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"
    ]


@pytest.mark.parametrize("first_out", ["first in", "last in"])
def test_overlapping_calls_restore_the_threads(first_out):
    """The call that came in last must not take the limit of the other for the usual number."""
    blas.libraries()
    in_, out = ([threading.Event(), threading.Event()] for _ in range(2))

    @blas.alone
    def inside(j):
        in_[j].set()
        assert in_[1 - j].wait(10)
        if (first_out == "first in") == (j == 1):
            assert out[1 - j].wait(10)

    def call(j):
        assert j == 0 or in_[0].wait(10)
        inside(j)
        out[j].set()

    before = threads()
    if max(before) == 1:
        pytest.skip("BLAS has one thread here")
    calls = [threading.Thread(target=call, args=(j,)) for j in range(2)]
    for one in calls:
        one.start()
    for one in calls:
        one.join(20)
    assert [event.is_set() for event in out] == [True, True]
    assert threads() == before


def test_an_error_restores_them_too():
    @blas.alone
    def fails():
        raise ArithmeticError

    before = threads()
    with pytest.raises(ArithmeticError):
        fails()
    assert threads() == before
