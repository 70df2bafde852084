"""The page with sliders: its JavaScript computes what hgref computes."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import hgref
from paper_repro.lessons import pages

NODE = shutil.which("node")
with_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
FILES = Path(pages.__file__).parent


def said(asked):
    """What the page's script prints as JSON, when it is asked for more at its end."""
    script = (FILES / "interactive.js").read_text(encoding="utf-8")
    done = subprocess.run([NODE, "-e", script + asked], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@with_node
@pytest.mark.parametrize(("eta", "mu", "T"), [(0.3, 0.9, 40), (1.5, 0.0, 7), (0.05, 0.5, 1)])
def test_its_numbers_are_those_of_reverse(eta, mu, T):
    run, curvatures = said(f"console.log(JSON.stringify([train({eta}, {mu}, {T}), CURVATURES]))")
    J = hgref.objectives.Quadratic(np.diag(curvatures), np.zeros(len(curvatures)))
    problem = hgref.Problem(hgref.Momentum(J), J, T, w0=np.ones(len(curvatures)))
    g = hgref.reverse(problem, {"eta": eta, "mu": mu}, trace=True)
    assert run["f"] == pytest.approx(g.f, rel=1e-12)
    assert [run["dEta"], run["dMu"]] == pytest.approx(list(g.grad), rel=1e-11, abs=1e-15)
    alphas = np.array([[*a["v"], *a["w"]] for a in run["alphas"]])
    assert np.allclose(alphas, g.trace, rtol=1e-11, atol=1e-15)


@with_node
def test_it_says_how_the_steepest_weight_moves_and_draws_it():
    at = [[0.3, 0.2], [0.3, 0.21], [1.5, 0.0], [2, 0], [4, 0.9]]
    kinds, pictures = said(f"""
        const at = {at}, runs = at.map(([eta, mu]) => train(eta, mu, 80));
        const kinds = at.map(([eta, mu]) => motion(eta, mu, 1).kind);
        console.log(JSON.stringify([kinds, runs.map(run => spiral(run) + field(run, 80)).join()]));
    """)
    still, limit = "goes in without turning", "is at the limit"
    assert kinds == [still, "spirals in", "jumps from side to side, and in", limit, "diverges"]
    assert pictures.count("<polyline") == len(at)
    assert pictures.count("<rect") == len(at) * 80 * 6
    assert not re.search("NaN|Infinity|undefined", pictures)


def test_every_element_that_it_uses_is_there_and_every_field_has_a_label():
    body = (FILES / "interactive.html").read_text(encoding="utf-8")
    script = (FILES / "interactive.js").read_text(encoding="utf-8")
    ids = set(re.findall(r'id="([\w-]+)"', body))
    assert set(re.findall(r'getElementById\("([\w-]+)"\)', script)) <= ids
    assert {"eta", "mu", "T", "eta-value", "mu-value", "T-value"} <= ids
    assert set(re.findall(r'<label for="(\w+)"', body)) == {"eta", "mu", "T"}
    assert "http" not in body + script
