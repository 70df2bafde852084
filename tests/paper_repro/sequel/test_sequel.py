"""The three experiments at tiny size: their numbers, claims and pictures."""

import copy

import numpy as np
import pytest

from paper_repro.record import read_json
from paper_repro.sequel.claims import RULES
from paper_repro.sequel.compute import compute
from paper_repro.sequel.draw import draw
from paper_repro.sequel.setting import PRESETS


class Bar:
    def reset(self, total):
        self.left = total

    def update(self, n=1):
        self.left -= n

    def set_description(self, text):
        pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    bar = Bar()
    setting = PRESETS["small"].changed(T=40, estimates=60, directions=(1, 4))
    paths = compute(setting, tmp_path_factory.mktemp("sequel"), bar)
    assert bar.left == 0
    return paths


@pytest.mark.parametrize("stem", RULES)
def test_every_claim_holds_and_a_picture_is_drawn(made, stem):
    content = read_json(made[stem])
    assert all(rule(content).agrees for rule in RULES[stem])
    (picture,) = draw({stem: made[stem]})
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("stem", "change"),
    [
        ("sequel-discount", lambda c: c["apart"].update({"from RTHO at 1": 1e-17})),
        ("sequel-discount", lambda c: c["apart"].update({"from hypergradient descent at 0": 1e-9})),
        ("sequel-solvers", lambda c: c["curves"]["cg"].update(products=[999])),
        ("sequel-directions", lambda c: c["rows"][0].update(mean=1e9)),
    ],
)
def test_each_claim_can_be_false(made, stem, change):
    content = copy.deepcopy(read_json(made[stem]))
    change(content)
    assert [rule(content).agrees for rule in RULES[stem]].count(False) == 1


def test_the_family_is_one_series(made):
    """The fixed point stopped after K products is truncation to K steps; K = 1 is one-step."""
    curves = read_json(made["sequel-solvers"])["curves"]
    assert curves["one-step"]["error"][0] == pytest.approx(curves["truncated"]["error"][0])
    assert np.all(np.diff(curves["truncated"]["error"]) < 0)
