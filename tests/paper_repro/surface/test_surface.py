"""`python -m paper_repro surface`: f on the grid, the gradients along the paths, the picture."""

import numpy as np
import pytest
from silent_bar import Bar

import hgref
from hgref.outer import Adam, GradientDescent
from hgref.verify.witness import central_differences
from paper_repro.data.images import Images
from paper_repro.record import kept, read_json, write_json
from paper_repro.surface import compute as module
from paper_repro.surface.claims import RULES
from paper_repro.surface.compute import compute
from paper_repro.surface.draw import draw
from paper_repro.surface.perceptron import coarse, f_or_nan, lam_at, training_problem
from paper_repro.surface.setting import SMALL
from paper_repro.surface.steps import StepsInLog10

TINY = SMALL.changed(train=20, valid=30, grid=4, T=10, hidden=3, side=4, hyper_iterations=3)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 10
    X = np.clip(rng.uniform(0, 255, (10, 64))[y] + rng.normal(0, 40, (80, 64)), 0, 255)
    return Images("made-up patterns", X.astype(np.uint8), y.astype(np.int64), 8)


@pytest.fixture(scope="module")
def result(images, tmp_path_factory):
    bar = Bar()
    (path,) = compute(images, TINY, tmp_path_factory.mktemp("figures"), bar).values()
    assert bar.ticks == TINY.ticks
    return path


def test_f_on_the_grid_is_that_of_the_readable_layer(result, images):
    content = read_json(result)
    problem = training_problem(images, TINY)
    for row, col in ((0, 0), (1, 3), (2, 1)):
        point = content["log10 l2"][col], content["log10 eta"][row]
        lam = {"l2": 10 ** point[0], "eta": 10 ** point[1]}
        assert content["f"][row][col] == pytest.approx(problem.f(lam), rel=1e-9)


def test_the_arrows_are_the_slopes_of_the_surface(result, images):
    content, problem = read_json(result), training_problem(images, TINY)
    for one in content["reverse"]:
        point = np.array(one["point"][1])
        slope = central_differences(lambda x: f_or_nan(problem, x), point)[0]
        np.testing.assert_allclose(one["downhill"][1], -slope, rtol=1e-5)
        assert one["f"][1] == pytest.approx(f_or_nan(problem, point), rel=1e-9)


def test_no_step_leads_up(images):
    """Of a way that begins where full steps would rise, and of one with none that falls."""
    steep = TINY.changed(outer_rate=50.0, longest=3.0, hyper_iterations=6)
    problem = training_problem(images, steep)
    for start in steep.starts:
        way = module.by_reverse(problem, start, steep, Bar())
        assert (np.diff(way["f"]) <= 0).all()
        lengths = np.linalg.norm(np.diff(way["point"], axis=0), axis=1)
        assert (lengths < 2.9).any()  # halved
    assert len(way["point"]) == len(way["f"]) == 7
    assert len(way["downhill"]) == 6


def test_the_first_partial_hypergradient_is_a_hypergradient(result, images):
    content = read_json(result)
    short = training_problem(images, TINY.changed(T=TINY.every))
    for one in content["realtime"]:
        slope = central_differences(lambda x: f_or_nan(short, x), np.array(one["point"][0]))[0]
        np.testing.assert_allclose(one["downhill"][0], -slope, rtol=1e-5)
        assert one["t"] == [5, 10]
        assert len(one["point"]) == len(one["f"]) + 1


def test_paths_begin_at_the_starts_and_stay_inside(result):
    content = read_json(result)
    for name in ("reverse", "realtime"):
        for one, start in zip(content[name], TINY.starts, strict=True):
            points = np.array(one["point"])
            assert points[0] == pytest.approx(start)
            assert not np.allclose(points[0], points[-1])
            low, high = np.transpose([TINY.l2, TINY.eta])
            assert ((points >= low - 1e-9) & (points <= high + 1e-9)).all()


def test_steps_in_logarithms_are_those_of_the_rule():
    steps = StepsInLog10(GradientDescent(0.5))
    lam, grad = np.array([0.01, 10.0]), np.array([3.0, -0.2])
    moved, _ = steps.update(1, lam, grad, steps.start(lam))
    slope = np.log(10) * lam * grad
    np.testing.assert_allclose(np.log10(moved), np.log10(lam) - 0.5 * slope)
    np.testing.assert_allclose(steps.grads, [slope])
    adam = StepsInLog10(Adam(0.1))
    moved, _ = adam.update(1, lam, grad, adam.start(lam))
    np.testing.assert_allclose(np.log10(moved), np.log10(lam) - 0.1 * np.sign(grad), rtol=1e-5)


def test_where_training_diverges_stands_nothing(images, tmp_path):
    wild = TINY.changed(eta=(1.0, 40.0), T=40)
    problem = training_problem(images, wild)
    with pytest.raises(hgref.Diverged):
        problem.f(lam_at(problem, (-1.0, 40.0)))
    assert np.isnan(f_or_nan(problem, (-1.0, 40.0)))
    rows = module.surface(problem, wild, tmp_path / "rows.json", Bar())
    assert rows[-1] == [None] * 4
    assert None not in rows[0]


def test_divergence_is_drawn(result, tmp_path):
    content = read_json(result)
    whole = draw({"surface": write_json(tmp_path / "whole.json", content)})[0].read_bytes()
    content["f"][-1] = [None] * 4
    hatched = draw({"surface": write_json(tmp_path / "hatched.json", content)})[0].read_bytes()
    assert whole.startswith(b"\x89PNG")
    assert whole != hatched


def test_an_interrupted_surface_goes_on(images, result, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        compute(images, TINY, tmp_path, Bar(3))
    (partial,) = (tmp_path / ".partial").iterdir()
    assert len(kept(partial, print)) == 3
    asked = []
    real = module.f_or_nan
    monkeypatch.setattr(module, "f_or_nan", lambda *a: asked.append(a) or real(*a))
    (again,) = compute(images, TINY, tmp_path, Bar()).values()
    assert len(asked) == 4 + len(TINY.starts)  # one row, and f at the starts of RTHO
    assert read_json(again)["f"] == read_json(result)["f"]
    assert not partial.exists()


def test_coarse_images_are_means_of_squares():
    X = np.arange(25, dtype=np.uint8).reshape(1, 25)
    images = Images("one", X, np.zeros(1, dtype=np.int64), 5)
    assert coarse(images, 2).tolist() == [[3, 5, 13, 15]]
    assert coarse(images, 9).tolist() == X.tolist()


def test_too_few_images_and_bad_options_are_refused(images):
    with pytest.raises(ValueError, match="expected at least 1020 images .*found 80"):
        training_problem(images, TINY.changed(train=1000, valid=20))
    with pytest.raises(ValueError, match="grid: expected at least 2, found 1"):
        TINY.changed(grid=1)


FINE = {
    "f": [[0.5, 0.9], [None, 0.7]],
    "reverse": [{"f": [0.9, 0.52]}, {"f": [0.7, 0.51]}],
    "realtime": [{"f": [2.0, 0.6], "f at the end, start kept": 0.8}],
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"reverse": [{"f": [0.5, 0.54]}]},
        {"reverse": [{"f": [0.9, 0.56]}, {"f": [0.7, 0.51]}]},
        {"realtime": [{"f": [2.0, 0.8], "f at the end, start kept": 0.8}]},
    ],
)
def test_each_claim_can_be_false(wrong):
    assert all(rule(FINE).agrees for rule in RULES["surface"])
    assert [rule(FINE | wrong).agrees for rule in RULES["surface"]].count(False) == 1
