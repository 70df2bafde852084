"""Columns of Z on workers: the same numbers, data sent once, failures that say where they were."""

import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import KINKED, build, choices, few, relative

import hgref
from hgref.hypergradient import sent_once
from hgref.layout import Layout

pytest.importorskip("threadpoolctl")


class Counting(Executor):
    """Runs a task at once, through pickled bytes as to another process; each worker in turn."""

    def __init__(self, workers=2):
        self._max_workers, self.sent, self.memories = workers, [], [{} for _ in range(workers)]

    def submit(self, function, /, *arguments):
        future = Future()
        self.sent.append(pickle.dumps((function, arguments)))
        function, arguments = pickle.loads(self.sent[-1])
        own = self.memories[len(self.sent) % self._max_workers]
        try:
            sent_once.REMEMBERED, kept = own, sent_once.REMEMBERED
            future.set_result(pickle.loads(pickle.dumps(function(*arguments))))
        except Exception as error:
            future.set_exception(error)
        finally:
            sent_once.REMEMBERED = kept
        return future


def many(n=60, T=5):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, 8)), rng.integers(0, 3, n)
    J = hgref.objectives.Softmax(X, y, 3, example_weights=True) + hgref.objectives.L2()
    E = hgref.objectives.Softmax(X[::2], y[::2], 3)
    problem = hgref.Problem(hgref.Momentum(J), E, T)
    return problem, problem.pack(eta=0.1, mu=0.9, weights=rng.uniform(0.5, 1, n), l2=0.1)


@pytest.mark.parametrize("objective", sorted(set(KINKED) - {"callback"}))
@few
@given(choice=choices(8), count=st.integers(1, 9), partials=st.booleans())
def test_workers_carry_what_one_process_carries(objective, choice, count, partials):
    problem, lam = build("adam-torch", objective, choice)
    alone = hgref.forward(problem, lam, partials=partials)
    found = hgref.forward(problem, lam, partials=partials, executor=Counting(), workers=count)
    assert relative(found.grad, alone.grad) < 1e-12
    assert found.f == alone.f
    assert np.array_equal(found.s_T, alone.s_T)
    assert found.keys() == alone.keys()
    if partials:
        assert relative(found.partials, alone.partials) < 1e-12


def test_processes():
    problem, lam = many()
    alone = hgref.forward(problem, lam, wrt=["weights", "mu"])
    with ProcessPoolExecutor(2) as executor:
        for _ in range(2):
            found = hgref.forward(problem, lam, wrt=["weights", "mu"], executor=executor)
            assert relative(found.grad, alone.grad) < 1e-12


def test_data_go_to_a_worker_once():
    problem, lam = many(n=4000)
    size = len(pickle.dumps(problem, protocol=5))
    executor = Counting()
    for first in (True, False):
        executor.sent.clear()
        hgref.forward(problem, lam, wrt=["eta", "mu", "l2"], executor=executor)
        most = 1.1 * ((size if first else 0) + 8 * lam.size) + 2000
        assert len(executor.sent) == 2
        assert all(len(task) < most for task in executor.sent)


def test_a_worker_that_forgot_asks_again():
    problem, lam = many()
    executor = Counting()
    g = hgref.forward(problem, lam, executor=executor)
    for memory in executor.memories:
        memory.clear()
    executor.sent.clear()
    again = hgref.forward(problem, lam, executor=executor)
    assert np.array_equal(again.grad, g.grad)
    assert len(executor.sent) == 4  # two without data, two with
    assert all(len(memory) == 1 for memory in executor.memories)


def test_changed_data_are_sent_again():
    problem, lam = many()
    executor = Counting()
    before = hgref.forward(problem, lam, executor=executor).f
    problem.w0[:] = np.linspace(0, 1, problem.p)  # equal weights would leave softmax as it is
    after = hgref.forward(problem, lam, executor=executor)
    assert after.f == hgref.forward(problem, lam).f != before


def test_workers_remember_few_problems():
    executor = Counting(1)
    for T in range(1, 6):
        hgref.forward(*many(T=T), executor=executor)
    assert len(executor.memories[0]) == sent_once.KEPT


def test_spans_are_neighbours_that_cover_all():
    layout = Layout({"eta": (), "weights": (7,)})
    spans = layout.columns().among(3)
    assert [(span.first, span.last) for span in spans] == [(0, 2), (2, 5), (5, 8)]
    assert str(spans[1]) == "columns 2 to 4 of Z, weights[1] to weights[3]"
    assert len(layout.columns().among(99)) == 8
    whole = layout.identity()
    for span in spans:
        for name, block in span.identity().items():
            np.testing.assert_array_equal(block, whole[name][..., span.first : span.last])
            numbers = np.argwhere(block.reshape(-1, span.size))
            np.testing.assert_array_equal(
                span.numbers()[name].reshape(-1)[numbers[:, 0]], numbers[:, 1]
            )


class Lost(Counting):
    def submit(self, function, /, *arguments):
        future = Future()
        if arguments[3][2].first:
            future.set_exception(MemoryError("no room"))
            return future
        return super().submit(function, *arguments)


def test_a_failure_says_which_columns():
    problem, lam = many()
    match = r"executor: columns 31 to 62 of Z, weights\[29\] to l2\[0\] failed .*no room"
    with pytest.raises(RuntimeError, match=match) as caught:
        hgref.forward(problem, lam, executor=Lost())
    assert isinstance(caught.value.__cause__, MemoryError)


def test_columns_that_others_cancelled_are_named():
    class Cancelled(Counting):
        def submit(self, function, /, *arguments):
            future = super().submit(function, *arguments)
            if arguments[3][2].first == 0:
                return future
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(RuntimeError, match="executor: columns 31 to 62 of Z, .*CancelledError"):
        hgref.forward(*many(), executor=Cancelled())


def test_divergence_on_a_worker_is_divergence():
    problem, lam = many(T=400)
    lam[0] = 1e200
    with pytest.raises(hgref.Diverged), ThreadPoolExecutor(2) as executor:
        hgref.forward(problem, lam, executor=executor)


def test_interruption_cancels_what_waits():
    problem, lam = many()
    waiting = []

    class Slow(Counting):
        def submit(self, function, /, *arguments):
            if len(waiting) < 3:
                waiting.append(Future())
                return waiting[-1]
            return super().submit(function, *arguments)

    def interrupted(spans):
        yield next(iter(spans))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hgref.forward(problem, lam, executor=Slow(), workers=6, progress=interrupted)
    assert all(future.cancelled() for future in waiting)


def test_progress_knows_the_end():
    lengths, seen = [], []

    def progress(spans):
        lengths.append(len(spans))
        for span in spans:
            seen.append(span)
            yield span

    hgref.forward(*many(), executor=Counting(), workers=5, progress=progress)
    assert lengths == [5]
    assert len(seen) == 5


def test_refusals():
    problem, lam = many()
    with pytest.raises(TypeError, match="executor: expected a concurrent.futures.Executor"):
        hgref.forward(problem, lam, executor=3)
    with pytest.raises(ValueError, match="workers: expected at least 1"):
        hgref.forward(problem, lam, executor=Counting(), workers=0)
    J = hgref.objectives.Callback(
        lambda w, lam: w @ w, lambda w, lam: 2 * w, lambda w, lam, dw, dlam: 2 * dw, p=2
    )
    local = hgref.Problem(hgref.GradientDescent(J), J, 2)
    with pytest.raises(TypeError, match="cannot be sent to other processes .* not lambdas"):
        hgref.forward(local, {"eta": 0.1}, executor=Counting())
