"""The outer loop: it goes down, stays in Λ, and survives interruption to the last bit."""

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize

import hgref
from hgref import files
from hgref.constraints import Box, CappedBox, NonNegative, Product
from hgref.objectives import L2, LeastSquares, Logistic, Quadratic
from hgref.outer import Adam, GradientDescent, minimize

rng = np.random.default_rng(0)
X, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)


def a_problem(flip=False):
    labels = 1 - y if flip else y
    J = Logistic(X, labels, example_weights=True) + L2()
    return hgref.Problem(hgref.GradientDescent(J), Logistic(X[:8], y[:8]), 10)


def start(problem):
    return problem.pack(eta=0.5, weights=np.full(20, 0.5), l2=0.1)


def inside(problem):
    return Product(problem, weights=CappedBox(8.0), eta=Box(0, 1), l2=NonNegative())


@pytest.mark.parametrize("outer", [Adam(0.05), GradientDescent(0.5)])
def test_f_falls_and_lambda_stays_in_its_set(outer):
    problem = a_problem()
    run = minimize(
        problem, start(problem), outer=outer, project=inside(problem).project, iterations=25
    )
    assert run.f[-1] < run.f[0]
    assert run.f.shape == (26,)
    assert run.lam.shape == (26, 22)
    assert all(inside(problem).contains(lam) for lam in run.lam)
    assert [problem.f(lam) for lam in run.lam] == run.f.tolist()
    assert problem.f(run.best) == run.f.min()


def test_one_step_by_hand():
    """f = ½ w_1², w_1 = w_0 - η (w_0 - 1) from w_0 = 3: ∂f/∂η = -2 (3 - 2η)."""
    J = Quadratic([[1.0]], [1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic([[1.0]], [0.0]), 1, [3.0])
    run = minimize(problem, [0.5], outer=GradientDescent(0.1), iterations=1)
    assert run.last[0] == pytest.approx(0.5 + 0.1 * 2 * (3 - 2 * 0.5), rel=1e-14)
    run = minimize(problem, [0.5], outer=Adam(0.1), iterations=1)
    assert run.last[0] == pytest.approx(0.6, rel=1e-7)  # Adam's first step is ± its rate


def test_callback_sees_the_run_and_its_numbers_are_kept():
    problem = a_problem()
    seen = []

    def callback(k, lam, g):
        seen.append((k, g.f == problem.f(lam), g["l2"].shape))
        return {"norm": np.linalg.norm(g.grad), "l2": lam[-1]}

    run = minimize(problem, start(problem), iterations=4, callback=callback)
    assert seen == [(k, True, ()) for k in (1, 2, 3, 4)]
    assert run.records["l2"].tolist() == run.lam[:4, -1].tolist()


def test_callback_may_end_the_run():
    def callback(k, lam, g):
        if k == 3:
            raise StopIteration

    problem = a_problem()
    assert minimize(problem, start(problem), iterations=9, callback=callback).f.shape == (3,)


def test_every_algorithm_can_drive_it():
    problem = a_problem()
    paths = [
        minimize(problem, start(problem), method, iterations=3).lam
        for method in (hgref.reverse, hgref.forward, hgref.checkpointed)
    ]
    np.testing.assert_allclose(paths[1], paths[0], rtol=1e-10)
    assert np.array_equal(paths[2], paths[0])


class Interrupt:
    """Ctrl-C in hyper-iteration k, wherever the callback is called."""

    def __init__(self, k):
        self.k = k

    def __call__(self, k, lam, g):
        if k == self.k:
            raise KeyboardInterrupt
        return {"double": 2 * g.f}


@pytest.mark.parametrize("outer", [Adam(0.05), GradientDescent(0.5)])
def test_an_interrupted_run_goes_on_to_the_last_bit(tmp_path, outer):
    problem, file = a_problem(), tmp_path / "new folder" / "run.npz"
    options = {"outer": outer, "project": inside(problem).project, "iterations": 7}
    whole = minimize(problem, start(problem), callback=Interrupt(None), **options)
    for k in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            minimize(problem, start(problem), callback=Interrupt(k), file=file, **options)
    todo = []
    resumed = minimize(
        a_problem(),
        start(problem),
        callback=Interrupt(None),
        file=file,
        progress=lambda ks: (todo.append(k) or k for k in ks),
        **options,
    )
    assert todo == [5, 6, 7]
    assert np.array_equal(resumed.lam, whole.lam)
    assert np.array_equal(resumed.f, whole.f)
    assert np.array_equal(resumed.records["double"], whole.records["double"])
    assert os.listdir(file.parent) == ["run.npz"]


def test_a_run_that_diverges_is_saved(tmp_path):
    """η grows by 2 each time: from η = 4.5 on, w is tripled each step, or worse."""
    J, file = Quadratic([[1.0]], [1.0]), tmp_path / "run.npz"
    problem = hgref.Problem(hgref.GradientDescent(J), J, 2000, [3.0])
    options = {"outer": GradientDescent(1e-9), "project": lambda x: x + 2, "file": file}
    with pytest.raises(hgref.Diverged):
        minimize(problem, [-1.5], iterations=9, **options)
    assert np.load(file)["f"].shape == (1,)


def test_a_last_point_that_diverges_loses_no_path():
    J = Quadratic([[1.0]], [1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 2000, [3.0])
    run = minimize(
        problem, [-1.5], outer=GradientDescent(1e-9), project=lambda x: x + 2, iterations=1
    )
    assert run.lam.shape == (2, 1)
    assert run.f[-1] == np.inf


def test_the_last_f_is_the_hypergradients_own():
    """Which may be of a fast layer, or in single precision."""
    asked = []

    def single(problem, lam):
        asked.append(lam)
        g = hgref.reverse(problem, lam)
        return replace(g, f=np.float32(g.f))

    problem = a_problem()
    run = minimize(problem, start(problem), single, project=inside(problem).project, iterations=3)
    np.testing.assert_array_equal(asked, run.lam)
    assert run.f.astype(np.float32).tolist() == run.f.tolist()


def test_a_last_gradient_that_diverges_loses_no_f():
    def overflows(problem, lam):
        if lam[0] > 1.0:
            raise hgref.Diverged("alpha, going backwards,", 1, "w", 0)
        return hgref.reverse(problem, lam)

    J = Quadratic([[1.0]], [1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 2, [3.0])
    run = minimize(problem, [0.0], overflows, project=lambda x: x + 0.6, iterations=1)
    assert run.last[0] > 1.0
    assert run.f[-1] == problem.f(run.last) < np.inf


def test_a_file_of_another_run_is_refused(tmp_path):
    problem, file = a_problem(), tmp_path / "run.npz"
    minimize(problem, start(problem), iterations=2, file=file)
    kept = file.read_bytes()
    shorter = {"hypergradient": lambda p, lam: hgref.truncated(p, lam, 3)}
    late = hgref.Problem(hgref.Momentum(problem.dynamics.J, nesterov=True), problem.E, 10)
    others = [
        (a_problem(flip=True), start(problem), {}),  # other data
        (late, {"mu": 0.5, **problem.unpack(start(problem))}, {}),
        (problem, start(problem), shorter),
        (problem, start(problem) * 1.01, {}),
        (problem, start(problem), {"outer": Adam(0.5)}),
        (problem, start(problem), {"project": inside(problem).project}),
    ]
    for other, lam, options in others:
        with pytest.raises(ValueError, match=r"run.npz holds a run of another problem"):
            minimize(other, lam, iterations=2, file=file, **options)
    assert file.read_bytes() == kept
    more = minimize(problem, start(problem), iterations=4, file=file)
    assert more.f.shape == (5,)


def break_off(content):
    return content[: len(content) // 2]


def flip_a_byte(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [break_off, flip_a_byte, lambda content: b"", lambda c: b"[1]"])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, damage):
    problem, file = a_problem(), tmp_path / "run.npz"
    minimize(problem, start(problem), iterations=2, file=file)
    file.write_bytes(damage(file.read_bytes()))
    kept = file.read_bytes()
    with pytest.raises(ValueError, match=r"run.npz is not a run saved by minimize|another problem"):
        minimize(problem, start(problem), iterations=2, file=file)
    assert file.read_bytes() == kept


def test_a_file_with_objects_in_it_is_never_executed(tmp_path):
    problem, file = a_problem(), tmp_path / "run.npz"

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "boom"),))

    bomb = np.array([Bomb()], dtype=object)
    np.savez(file, fingerprint=bomb, lams=[0, 0], memory=[0], f=[0], probe=[0, 0])
    with pytest.raises(ValueError, match="is not a run saved by minimize"):
        minimize(problem, start(problem), iterations=2, file=file)
    assert not (tmp_path / "boom").exists()


def test_a_full_disk_loses_nothing_that_was_written(tmp_path, monkeypatch):
    problem, file = a_problem(), tmp_path / "run.npz"
    minimize(problem, start(problem), iterations=2, file=file)
    kept = file.read_bytes()

    def refuse(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        minimize(problem, start(problem), iterations=3, file=file)
    assert file.read_bytes() == kept
    assert os.listdir(tmp_path) == ["run.npz"]


def test_as_scipy_drives_lbfgs():
    """Rate and decay of a ridge regression that overfits: L-BFGS-B finds a stationary point."""
    J = LeastSquares(X, y + rng.standard_normal(20)) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), LeastSquares(X[:8], y[:8]), 30)
    fun = hgref.as_scipy(problem)
    f, g = fun(np.array([0.1, 0.01]))
    assert isinstance(f, float)
    assert np.array_equal(g, hgref.reverse(problem, [0.1, 0.01]).grad)
    found = scipy.optimize.minimize(fun, [0.1, 0.01], jac=True, bounds=[(0, 1), (0, 10)])
    assert found.fun < f
    free = (found.x > 1e-8) & (found.x < [1 - 1e-8, 10 - 1e-8])
    assert np.abs(hgref.reverse(problem, found.x).grad[free]).max(initial=0) < 1e-4


def test_bad_arguments_are_refused():
    problem = a_problem()
    with pytest.raises(ValueError, match="iterations: expected at least 1, found 0"):
        minimize(problem, start(problem), iterations=0)
    with pytest.raises(ValueError, match="rate: expected a number > 0, found -1"):
        Adam(-1)
    with pytest.raises(ValueError, match=r"project\(lam\): expected shape \(22,\), found \(3,\)"):
        minimize(problem, start(problem), project=lambda lam: np.zeros(3))
    with pytest.raises(ValueError, match=r"callback: expected records \['a'\], found \['b'\]"):
        minimize(problem, start(problem), callback=lambda k, lam, g: {"ab"[k - 1]: 1})
    for K in (1, 3):
        with pytest.raises(ValueError, match=r"weights: expected numbers >= 0.*project onto"):
            minimize(problem, start(problem), outer=Adam(1.0), iterations=K)
    with pytest.raises(ValueError, match="beta1: expected numbers < 1, found 2"):
        Adam(0.1, beta1=2)
    for outer in ("adam", Adam):
        with pytest.raises(TypeError, match="outer: expected a step such as"):
            minimize(problem, start(problem), outer=outer)
    with pytest.raises(TypeError, match="project: expected a function, found CappedBox"):
        minimize(problem, start(problem), project=CappedBox(8.0))
    with pytest.raises(TypeError, match="hypergradient: expected a function, found NoneType"):
        minimize(problem, start(problem), hypergradient=None)
    with pytest.raises(TypeError, match="callback: expected a mapping of numbers, found float"):
        minimize(problem, start(problem), callback=lambda k, lam, g: 3.0)
    with pytest.raises(TypeError, match="callback record a: expected numbers, found str"):
        minimize(problem, start(problem), callback=lambda k, lam, g: {"a": "b"})


def test_schedules_pass_through_the_outer_loop_and_a_product_without_a_problem():
    J = Logistic(X, y)
    problem = hgref.Problem(hgref.Momentum(J), Logistic(X[:8], y[:8]), 5)
    rates = Product(eta=NonNegative(), mu=Box(0, 0.9))
    for schedule in ({"eta": np.full(5, 0.1), "mu": 0.5}, {"eta": 0.1, "mu": np.full(5, 0.5)}):
        run = minimize(problem, schedule, project=rates.project, iterations=3)
        assert run.layout.shapes == {name: np.shape(x) for name, x in schedule.items()}
        assert hgref.reverse(problem, run.last).f == run.f[-1]
        fun = hgref.as_scipy(problem, like=run.last)
        assert fun(np.asarray(run.last))[0] == run.f[-1]


def test_the_path_cannot_be_changed_by_the_callback():
    def meddle(k, lam, g):
        lam[0] = 7.0

    with pytest.raises(ValueError, match="read-only"):
        minimize(a_problem(), start(a_problem()), callback=meddle)


def test_adam_on_lambda_is_torchs_over_many_steps():
    outer, lam = Adam(0.1, 0.9, 0.99, 1e-3), np.array([1.0, -2.0])
    memory, w, m, u = outer.start(lam), lam, 0.0, 0.0
    for k in range(1, 6):
        g = np.array([k * 1.0, (-1.0) ** k])
        m, u = 0.9 * m + 0.1 * g, 0.99 * u + 0.01 * g * g
        w = w - 0.1 * (m / (1 - 0.9**k)) / (np.sqrt(u / (1 - 0.99**k)) + 1e-3)
        lam, memory = outer.update(k, lam, g, memory)
        np.testing.assert_allclose(lam, w, rtol=1e-12)


@pytest.mark.parametrize("kind", [Adam, GradientDescent])
def test_a_rate_of_zero_moves_nothing_and_is_refused(kind):
    with pytest.raises(ValueError, match="rate: expected a number > 0, found 0"):
        kind(0)


def test_gradient_descent_has_no_state():
    assert GradientDescent(0.1).start(np.ones(3)).size == 0


# --- records that change, and files that were edited ---


def small():
    J = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
    return hgref.Problem(hgref.GradientDescent(J), J, T=3)


def test_a_record_that_changes_shape_ends_the_run_and_loses_nothing(tmp_path):
    file, grown = tmp_path / "run.npz", lambda k, lam, g: {"x": np.zeros(2 if k > 3 else 1)}
    with pytest.raises(ValueError, match=r"record x: expected shape \(1,\), .* found \(2,\)"):
        hgref.outer.minimize(small(), {"eta": 0.1}, iterations=6, callback=grown, file=file)
    steady = lambda k, lam, g: {"x": np.zeros(1)}  # noqa: E731
    run = hgref.outer.minimize(small(), {"eta": 0.1}, iterations=6, callback=steady, file=file)
    whole = hgref.outer.minimize(small(), {"eta": 0.1}, iterations=6, callback=steady)
    assert np.array_equal(run.lam, whole.lam)


@pytest.mark.parametrize("name", ["lams", "memory", "f"])
@pytest.mark.parametrize(
    "edit", [lambda x: x[..., None], lambda x: x.astype(np.float32), lambda x: x.astype(str)]
)
def test_an_edited_file_is_refused_in_a_sentence(tmp_path, name, edit):
    file = tmp_path / "run.npz"
    hgref.outer.minimize(small(), {"eta": 0.1}, iterations=3, file=file)
    with np.load(file) as saved:
        arrays = dict(saved)
    arrays[name] = edit(arrays[name])
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match=rf"file: .* was changed: expected {name} of shape"):
        hgref.outer.minimize(small(), {"eta": 0.1}, iterations=5, file=file)


def two_rates():
    rng = np.random.default_rng(0)
    J = LeastSquares(rng.standard_normal((9, 2)), rng.standard_normal(9)) + L2()
    E = LeastSquares(rng.standard_normal((5, 2)), rng.standard_normal(5))
    problem = hgref.Problem(hgref.Momentum(J), E, T=6)
    return problem, problem.pack(eta=0.1, mu=0.5, l2=0.1)


@pytest.mark.parametrize("hypergradient", [hgref.reverse, hgref.forward])
def test_only_the_named_blocks_move(hypergradient):
    problem, lam = two_rates()
    run = minimize(problem, lam, hypergradient, Adam(0.01), iterations=4, wrt=["l2"])
    paths = {
        name: [run.layout.split(point)[name] for point in run.lam] for name in run.layout.shapes
    }
    assert len(set(map(float, paths["l2"]))) == 5
    assert set(map(float, paths["eta"])) == {0.1}
    assert set(map(float, paths["mu"])) == {0.5}
    assert run.f[-1] < run.f[0]


def test_a_projection_cannot_move_the_other_blocks():
    problem, lam = two_rates()
    run = minimize(problem, lam, iterations=3, wrt="l2", project=lambda x: 0.9 * x)
    mu = [float(run.layout.split(point)["mu"]) for point in run.lam]
    assert mu == [0.45] * 4  # λ_0 is projected


def test_a_saved_run_of_other_blocks_is_refused(tmp_path):
    problem, lam = two_rates()
    file = tmp_path / "run.npz"
    minimize(problem, lam, iterations=2, wrt=["l2"], file=file)
    with pytest.raises(ValueError, match="holds a run of another problem"):
        minimize(problem, lam, iterations=3, wrt=["eta"], file=file)


@pytest.mark.parametrize("hypergradient", [hgref.reverse, hgref.forward])
def test_scipy_sees_the_named_blocks_alone(hypergradient):
    problem, lam = two_rates()
    fun = hgref.as_scipy(problem, hypergradient, lam, wrt=["l2", "mu"])
    f, grad = fun(np.array([0.2, 0.4]))
    true = hgref.reverse(problem, {"eta": 0.1, "mu": 0.4, "l2": 0.2})
    assert f == true.f
    np.testing.assert_allclose(grad, [true["l2"], true["mu"]], rtol=1e-12)
    with pytest.raises(ValueError, match="like: with wrt expected a λ that gives the other blocks"):
        hgref.as_scipy(problem, wrt=["l2"])
