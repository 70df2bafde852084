"""BLAS has its threads for the whole process: overlapping calls leave them as they were."""

import threading

import pytest

threadpoolctl = pytest.importorskip("threadpoolctl")

from hgref.fast.cpu import blas  # noqa: E402


def threads():
    return [
        one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"
    ]


def test_overlapping_calls_restore_the_threads():
    """The first call ends while the second is inside: the second must not remember its limit."""
    blas.libraries()
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        second_is_in, first_is_out = threading.Event(), threading.Event()

        @blas.alone
        def first():
            assert set(threads()) == {1}
            other.start()
            assert second_is_in.wait(10)

        @blas.alone
        def second():
            second_is_in.set()
            assert first_is_out.wait(10)

        other = threading.Thread(target=second)
        first()
        first_is_out.set()
        other.join(10)
        assert not other.is_alive()
        assert threads() == before


def test_an_error_restores_them_too():
    @blas.alone
    def fails():
        raise ArithmeticError

    before = threads()
    with pytest.raises(ArithmeticError):
        fails()
    assert threads() == before
