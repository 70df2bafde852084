"""Every kernel on Numba's simulator, thread by thread, against the readable layer and a witness."""

import numpy as np
import pytest
from cuda_problems import DYNAMICS, OBJECTIVES, build
from numba import cuda

import hgref
from hgref.verify.witness import complex_step

CASES = [(list(DYNAMICS)[i % len(DYNAMICS)], kind) for i, kind in enumerate(OBJECTIVES)]
CASES += [("momentum", "softplus"), ("adam-torch", "weighted"), ("adagrad", "plain")]
CASES += [("momentum", "weighted"), ("lion", "batches"), ("own", "tanh")]
each = pytest.mark.parametrize(("dynamics", "kind"), CASES)


def off(found, true):
    return np.linalg.norm(found - true) / max(np.linalg.norm(true), 1e-3)


@each
def test_reverse_is_the_readable_one_and_the_complex_step(simulated, dynamics, kind):
    problem, lam = build(dynamics, kind)
    fast, readable = simulated.reverse(problem, lam), hgref.reverse(problem, lam)
    assert off(fast.grad, readable.grad) < 1e-12
    assert off(fast.s_T, readable.s_T) < 1e-13
    assert fast.f == pytest.approx(readable.f, rel=1e-13)
    if kind != "relu":  # it has corners, where a complex number knows no side
        assert off(fast.grad, complex_step(problem.f, lam)) < 1e-11


@pytest.mark.parametrize("kind", ["weighted", "batches", "logistic"])
def test_more_examples_and_features_than_threads(simulated, kind):
    problem, lam = build("momentum", kind, n=11, N=9, T=2)
    fast = simulated.reverse(problem, lam)
    assert off(fast.grad, hgref.reverse(problem, lam).grad) < 1e-12


@pytest.mark.parametrize(
    ("n", "size", "held"), [(6, None, 6), (6, 1200, 3), (6, 0, None), (40, None, 0)]
)
def test_examples_in_shared_memory_in_part_or_not_at_all(simulated, monkeypatch, n, size, held):
    """All of a block's examples, some, products of the whole grid, several chunks."""
    from hgref.fast.cuda import lowering

    if size is not None:
        monkeypatch.setattr(lowering, "shared_bytes", lambda: size)
    problem, lam = build("adam", "weighted", n=n, N=9, T=2)
    room = lowering.lowered(problem, np.float64).room
    assert (room.K, room.held) == ((0, 0) if held is None else (3, held))
    wrt = ["eta", "l2"]
    back, ahead = simulated.reverse(problem, lam), simulated.forward(problem, lam, wrt=wrt)
    assert off(back.grad, hgref.reverse(problem, lam).grad) < 1e-12
    assert off(ahead.grad, hgref.forward(problem, lam, wrt=wrt).grad) < 1e-12


def test_no_block_is_without_examples(simulated, monkeypatch):
    from hgref.fast.cuda import lowering

    monkeypatch.setattr(lowering, "multiprocessors", lambda: 132)
    for n, blocks in ((6, 6), (300, 132)):
        problem, _ = build("gd", "weighted", n=n)
        assert lowering.lowered(problem, np.float64).grid.blocks == blocks


@each
def test_forward_is_the_readable_one(simulated, dynamics, kind):
    problem, lam = build(dynamics, kind, n=4, N=2, T=2)
    wrt = [name for name in problem.layout.shapes if name != "weights"]
    wrt += ["weights"] if kind in ("weighted", "logistic", "softplus") else []
    fast = simulated.forward(problem, lam, wrt=wrt)
    assert off(fast.grad, hgref.forward(problem, lam, wrt=wrt).grad) < 1e-12


@pytest.mark.parametrize("dynamics", ["adam-torch", "own"])
def test_schedules(simulated, dynamics):
    problem, _ = build(dynamics, "plain", n=4, N=2)
    names = problem.dynamics.names
    rates = np.random.default_rng(0).uniform(0.1, 0.4, (len(names), problem.T))
    lam = problem.pack(**dict(zip(names, rates, strict=True)))
    true = complex_step(problem.f, lam)
    assert off(simulated.reverse(problem, lam).grad, true) < 1e-11
    assert off(simulated.forward(problem, lam).grad, true) < 1e-11


def test_checkpoints_and_short_launches_change_nothing(simulated, monkeypatch):
    from hgref.fast.cuda import recorded

    problem, lam = build("momentum", "batches", T=5)
    whole = simulated.reverse(problem, lam)
    monkeypatch.setattr(recorded, "STATES", 0)
    assert recorded.Recorded(problem, lam, np.float64, None).length == 3
    np.testing.assert_array_equal(simulated.reverse(problem, lam).grad, whole.grad)
    for every in (1, 2, None):
        again = simulated.checkpointed(problem, lam, every)
        np.testing.assert_array_equal(again.grad, whole.grad)
    for slots in (1, 2, 9):
        again = simulated.checkpointed(problem, lam, slots=slots)
        np.testing.assert_array_equal(again.grad, whole.grad)


def test_a_run_that_is_too_long_for_the_memory_goes_back_from_checkpoints(simulated, monkeypatch):
    from hgref.fast.cuda import recorded

    problem, lam = build("gd", "plain", T=5)
    whole = simulated.reverse(problem, lam)
    step = 8 * (problem.p + 3 * 6)
    monkeypatch.setattr(recorded, "free_bytes", lambda: 2.5 * step)
    assert recorded.Recorded(problem, lam, np.float64, None).every == 2
    np.testing.assert_array_equal(simulated.reverse(problem, lam).grad, whole.grad)


def test_what_does_not_fit_is_refused_with_its_bytes(simulated, monkeypatch):
    from hgref.fast.cuda import on_device as module

    monkeypatch.setattr(module, "free_bytes", lambda: 100)
    problem, lam = build("gd", "plain")
    with pytest.raises(MemoryError, match="the data takes 336 bytes, and the device has 100 free"):
        simulated.reverse(problem, lam)


def test_realtime_and_partials(simulated):
    problem, lam = build("momentum", "plain", T=4)
    fast = simulated.realtime(problem, lam, every=2)
    readable = hgref.realtime(problem, lam, every=2)
    np.testing.assert_allclose(fast.lam, readable.lam, rtol=1e-11)
    np.testing.assert_allclose(fast.s_T, readable.s_T, rtol=1e-11)
    partials = simulated.forward(problem, lam, partials=True).partials
    expected = hgref.forward(problem, lam, partials=True).partials
    np.testing.assert_allclose(partials, expected, rtol=1e-10, atol=1e-14)


def test_single_precision(simulated):
    problem, lam = build("momentum", "weighted")
    single = simulated.reverse(problem, lam, dtype=np.float32)
    assert single.grad.dtype == np.float64
    assert 1e-12 < off(single.grad, hgref.reverse(problem, lam).grad) < 1e-5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator computes with NumPy
def test_a_run_that_diverges_says_when_and_where(simulated):
    problem, lam = build("gd", "least-squares", T=4)
    lam[0] = 1e200
    with pytest.raises(hgref.Diverged) as readable:
        hgref.reverse(problem, lam)
    for algorithm in (simulated.reverse, simulated.forward):
        with pytest.raises(hgref.Diverged, match=f"t = {readable.value.t}|t={readable.value.t}"):
            algorithm(problem, lam)


@pytest.mark.parametrize("change", ["sparse", "two losses", "quadratic"])
def test_what_has_no_kernel_is_refused_with_a_sentence(simulated, change):
    import scipy.sparse

    from hgref.objectives import LeastSquares, Quadratic

    X, y = np.eye(3), np.zeros(3)
    J = LeastSquares(X, y)
    if change == "sparse":
        J = LeastSquares(scipy.sparse.csr_matrix(X), y)
    elif change == "two losses":
        J = J + LeastSquares(X, y)
    else:
        J = J + Quadratic(np.eye(J.p), np.zeros(J.p))
    problem = hgref.Problem(hgref.GradientDescent(J), LeastSquares(X, y), T=2)
    with pytest.raises(TypeError, match="expected .*use hgref.fast.cpu"):
        simulated.reverse(problem, {"eta": 0.1})


@pytest.mark.parametrize("change", ["weights", "start"])
def test_complex_numbers_are_refused(simulated, change):
    problem, lam = build("gd", "weighted")
    if change == "start":
        problem.w0 = problem.w0 * 1j
    else:
        lam = lam * 1j
    with pytest.raises(TypeError, match="expected real numbers, found complex128"):
        simulated.reverse(problem, lam)


def test_a_dynamics_without_a_law_is_refused(simulated):
    class Halved(hgref.GradientDescent):
        def at(self, t, s, lam):
            return super().at(t, s / 2, lam)

    problem, lam = build("gd", "plain")
    problem.dynamics = Halved(problem.dynamics.J)
    with pytest.raises(TypeError, match="dynamics: expected one with a law"):
        simulated.reverse(problem, lam)


def test_the_same_signatures_as_the_readable_layer(simulated):
    import inspect

    for fast, readable in simulated.TWINS.items():
        mine = inspect.signature(fast).parameters
        theirs = inspect.signature(readable).parameters
        others = "executor", "workers", "progress", "trace", "alpha", "directions", "seed"
        expected = [name for name in theirs if name not in others]
        if fast is simulated.realtime:
            expected = [name for name in theirs if name != "discount"]
        assert [name for name in mine if name in theirs] == expected  # a GPU is no worker
        assert set(mine) - set(theirs) == {"dtype"}


@pytest.mark.parametrize("real", [np.dtype(np.float32), np.dtype(np.float64)])
def test_products_of_all_shapes_and_orders(simulated, real):
    """Against NumPy: sizes around those of a tile, transposed operands, parts of the depth."""
    from hgref.fast.cuda import device
    from hgref.fast.cuda.products import TILES, product

    @cuda.jit
    def once(left, right, to, sizes, split, add):
        memory = cuda.shared.array(0, real)
        product(memory, left, right, to, sizes, split, add)

    rng = np.random.default_rng(0)
    for rows, columns, depth in [(1, 1, 1), (2, 8, 4), (3, 9, 5), (5, 17, 9)]:
        for transposed in (False, True):
            for parts, add in [(1, False), (1, True), (3, False)]:
                a = rng.standard_normal((rows, depth)).astype(real)
                b = rng.standard_normal((columns, depth)).astype(real)
                out = np.ones(parts * rows * columns, real)
                strides = (1, rows, 1, columns) if transposed else (depth, 1, depth, 1)
                flat = [(x.T if transposed else x).reshape(-1).copy() for x in (a, b)]
                once[1, device.THREADS, 0, 8 * TILES](
                    (flat[0], 0, *strides[:2]), (flat[1], 0, *strides[2:]), (out, 0, columns),
                    (rows, columns, depth), (parts, rows * columns), add,
                )  # fmt: skip
                found = out.reshape(parts, rows, columns).sum(axis=0)
                np.testing.assert_allclose(found, a @ b.T + add, rtol=1e-5, atol=1e-5)
