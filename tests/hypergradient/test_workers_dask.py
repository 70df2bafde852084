"""Columns of Z on a Dask cluster of two processes: the same numbers, the data sent once to each."""

import pickle

import pytest
from strategies import relative
from test_workers import many

import hgref
from hgref.fast import cpu

pytest.importorskip("threadpoolctl")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as started:
        yield started


@pytest.fixture
def executor(cluster):
    with distributed.Client(cluster) as client:
        yield client.get_executor()


@pytest.mark.parametrize("forward", [hgref.forward, cpu.forward])
def test_the_same_gradient(executor, forward):
    problem, lam = many()
    alone = forward(problem, lam, wrt=["weights", "mu"])
    found = forward(problem, lam, wrt=["weights", "mu"], executor=executor)
    assert relative(found.grad, alone.grad) < 1e-12
    assert found.f == pytest.approx(alone.f, rel=1e-12)


def test_bytes_on_the_wire_are_those_of_the_data_and_of_lam(cluster, executor):
    problem, lam = many(n=20_000)
    wrt = ["eta", "mu", "l2"]
    data = len(pickle.dumps(problem, protocol=5))
    for expected in (data + 8 * lam.size, 8 * lam.size):  # the second time λ alone
        before = sent(cluster)
        hgref.forward(problem, lam, wrt=wrt, executor=executor)
        bytes_of_each = [after - sent for after, sent in zip(sent(cluster), before, strict=True)]
        assert bytes_of_each == pytest.approx([expected] * 2, rel=0.1)


def sent(cluster):
    """Bytes that the scheduler has sent to each worker's task queue."""
    return [stream.byte_count for stream in cluster.scheduler.stream_comms.values()]
