"""The moving picture: its numbers, by the complex step; its frames."""

import numpy as np
import pytest

import hgref
from paper_repro.lessons import recursions
from paper_repro.lessons.recursions import Drawing, compute, draw, frames


def posed(T, seed=4):
    """The problem of the picture, written once more."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((40, 3)), rng.integers(0, 3, 40)
    J = hgref.objectives.Softmax(X[:20], y[:20], 3) + hgref.objectives.L2()
    E = hgref.objectives.Softmax(X[20:], y[20:], 3)
    problem = hgref.Problem(hgref.Momentum(J), E, T=T)
    return problem, problem.pack(eta=0.3, mu=0.8, l2=0.02)


def test_both_arrive_at_the_gradient():
    run = compute()
    problem, lam = posed(40)
    (slope,) = hgref.witness.complex_step(problem.f, lam, np.eye(3)[:, [2]])
    assert run.grad == pytest.approx(slope, rel=1e-12)
    assert run.partials[-1] == pytest.approx(slope, rel=1e-12)
    assert run.partials[0] == run.sums[-1] == 0


def test_what_travels_is_what_it_is_called():
    run, T = compute(T=6), 6
    problem, lam = posed(T)
    path = list(problem.states(problem.unpack(lam + 1e-30j * np.eye(3)[2])))
    for t in range(T + 1):
        weights = problem.dynamics.weights(path[t])
        assert run.Z[:, t] == pytest.approx(weights.imag / 1e-30, abs=1e-12)
        shorter, _ = posed(max(t, 1))
        if t:
            (slope,) = hgref.witness.complex_step(shorter.f, lam, np.eye(3)[:, [2]])
            assert run.partials[t] == pytest.approx(slope, abs=1e-12)
    s = problem.dynamics.weights(path[T]).real
    assert run.alpha[:, T] == pytest.approx(problem.E.grad(T, s, {}), abs=1e-15)
    assert np.abs(run.alpha[:, :T]).max() > 0


def test_frames_show_what_is_done_and_no_more():
    drawing = Drawing(compute(T=3))
    seen = []
    for _ in frames(drawing):
        shown = [image.get_array() for image, _ in (drawing.forward, drawing.reverse)]
        seen.append([int(np.isfinite(a.filled(np.nan)[0]).sum()) for a in shown])
    assert seen[:8] == [[1, 0], [2, 0], [3, 0], [4, 0], [4, 1], [4, 2], [4, 3], [4, 4]]
    assert seen[8:] == [[4, 4]] * (recursions.REST + recursions.FADE)


def test_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(recursions, "REST", 1)
    monkeypatch.setattr(recursions, "FADE", 1)
    still, film = draw(compute(T=2), tmp_path)
    assert still.read_bytes().startswith(b"\x89PNG")
    assert film.read_bytes().startswith(b"GIF89a")
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in film.read_bytes()  # loops for ever
