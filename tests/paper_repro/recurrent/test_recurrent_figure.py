"""`python -m paper_repro recurrent`: the roads step by step, the literature's loops, the claims."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few

import hgref
from hgref.verify.witness import complex_step
from paper_repro.__main__ import main
from paper_repro.record import read_json
from paper_repro.recurrent import textbook
from paper_repro.recurrent.claims import RULES
from paper_repro.recurrent.compute import FIRST, network, roads
from paper_repro.recurrent.draw import draw, panels, terminal
from paper_repro.recurrent.setting import DEFAULT, SMALL

APART = {
    "sum at any t": 3e-16,
    "forward and reverse": 3e-16,
    "reverse and the literature's BPTT": 1e-15,
    "forward and the literature's RTRL": 1e-15,
    "reverse and differences": 1e-10,
    "accuracy of the differences": 1e-9,
}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    assert main(["recurrent", "--small", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def content(out):
    return read_json(out / "recurrent.json")


def test_a_picture_and_its_numbers_are_left(out, content):
    assert sorted(path.name for path in out.iterdir()) == ["recurrent.json", "recurrent.png"]
    assert (out / "recurrent.png").read_bytes().startswith(b"\x89PNG")
    assert {"data", "setting", "made with", "wall seconds"} <= set(content)
    assert all(rule(content).agrees for rule in RULES["recurrent"])


def test_the_picture_is_made_of_the_json_alone(out):
    before = (out / "recurrent.png").read_bytes()
    (made,) = draw({"recurrent": out / "recurrent.json"})
    assert made.read_bytes() == before


def test_z_fills_forwards_and_alpha_backwards(content):
    """Z_0 = 0, and W has no share in Z_1 as s_0 = 0; ∇E sees the first unit alone."""
    Z, alpha = np.array(content["norms of the columns of Z"]), np.array(content["alpha"])
    assert Z.shape == (SMALL.T + 1, 15)
    assert not Z[0].any()
    assert not Z[1, :9].any()
    assert (Z[1, 9:] > 0).all()
    assert (Z[2:] > 0).all()
    assert alpha.shape == (SMALL.T + 1, SMALL.hidden)
    assert alpha[-1, 0] != 0
    assert not alpha[-1, 1:].any()
    assert alpha[:-1].all()


def test_shares_run_from_nothing_to_the_whole_gradient(content):
    to, later = np.array(content["forwards"]), np.array(content["backwards"])
    assert (to[0], later[-1]) == (0, 0)
    np.testing.assert_allclose([to[-1], later[0]], 1, rtol=1e-13)
    np.testing.assert_allclose(to + later, 1, rtol=1e-13)
    np.testing.assert_allclose(np.diff(to), content["terms along the gradient"], atol=1e-13)


def test_the_gradient_that_is_drawn_is_the_complex_step(content):
    problem, lam = network(SMALL)
    witness = complex_step(problem.f, lam)
    np.testing.assert_allclose(content["gradient"], witness, rtol=1e-11, atol=1e-14)
    assert content["error"] == problem.f(lam)


def test_z_and_alpha_at_each_step_are_slopes_of_parts_of_the_run():
    """Z_t = ds_t/dλ of t steps, and α_t = dE/ds_t of the rest, by the complex step."""
    problem, lam = network(SMALL)
    run = problem.at(lam)
    blocks, layout = run.lam, run.layout
    Z, alpha, shares = roads(problem, lam)
    states, h = list(problem.states(blocks)), 1e-30
    for t in (0, 1, 3, SMALL.T):
        for j in (0, 8, 10, 14):
            moved = problem.states(layout.split(lam + 1j * h * np.eye(lam.size)[j]))
            ds = next(s for step, s in enumerate(moved) if step == t).imag / h
            np.testing.assert_allclose(Z[t][:, j], ds, rtol=1e-11, atol=1e-14)
        for i in range(problem.d):
            s = states[t] + 1j * h * np.eye(problem.d)[i]
            for step in range(t + 1, problem.T + 1):
                s = problem.step(step, s, blocks)
            slope = problem.error(problem.T, s, blocks).imag / h
            np.testing.assert_allclose(alpha[t][i], slope, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(shares.sum(axis=0), hgref.reverse(problem, lam).grad, rtol=1e-12)


@few
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(1, 5), h=st.integers(1, 3))
def test_the_literatures_loops_are_slopes_of_their_own_error(seed, T, h):
    """Neither witness knows hgref: the loops are held against differences of their own error."""
    rng = np.random.default_rng(seed)
    w, inputs = rng.standard_normal((h, h + 3)), rng.standard_normal((T, 2)).tolist()
    slopes = textbook.differences(w, inputs, FIRST)
    for loops in (textbook.bptt, textbook.rtrl):
        np.testing.assert_allclose(loops(w.tolist(), inputs, FIRST), slopes, rtol=1e-6, atol=1e-8)


def test_the_panels_share_their_steps_and_name_their_axes(content):
    axes = panels(content).axes
    assert [one.get_ylabel() for one in axes[:3]] == ["‖dsₜ/dλ‖", "unit", "share of ∇f"]
    assert {one.get_xlim() for one in axes[:3]} == {(-0.5, SMALL.T + 0.5)}
    for one in (axes[0], axes[2]):
        assert len({line.get_linestyle() for line in one.get_lines()[:3]}) == 3


def test_a_line_shows_the_norm_of_its_blocks_columns(content):
    lines, Z = panels(content).axes[0].get_lines(), content["norms of the columns of Z"]
    sizes = [math.prod(shape) for shape in content["blocks"].values()]
    assert len(lines) == len(sizes)
    assert [line.get_ydata()[-1] for line in lines] == [
        pytest.approx(math.hypot(*Z[-1][last - size : last]))
        for size, last in zip(sizes, np.cumsum(sizes), strict=True)
    ]


def test_the_terminal_tells_the_distances(content):
    content["apart"] = dict(APART)
    assert "forward and reverse                3.0e-16" in terminal(content)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sum at any t", 2e-12),
        ("forward and reverse", 2e-12),
        ("reverse and the literature's BPTT", 2e-12),
        ("forward and the literature's RTRL", 2e-12),
        ("reverse and differences", 2e-9),
        ("accuracy of the differences", 1e-11),
        ("accuracy of the differences", 2e-6),
    ],
)
def test_each_claim_can_be_false(name, wrong):
    assert all(rule({"apart": APART}).agrees for rule in RULES["recurrent"])
    other = {"apart": APART | {name: wrong}}
    assert [rule(other).agrees for rule in RULES["recurrent"]].count(False) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--T", "1"], "T: expected at least 2, found 1"),
        (["--hidden", "0"], "hidden: expected at least 1, found 0"),
        (["--seed", "-1"], "seed: expected at least 0, found -1"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, capsys, arguments, message):
    assert main(["recurrent", "--small", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_default_is_the_networks_size_that_is_told():
    problem, _ = network(DEFAULT)
    assert (problem.T, problem.d, problem.layout.size) == (30, 8, 80)
