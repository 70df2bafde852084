"""The parts of `python -m paper_repro gpu` that need no GPU: its cases and its table."""

from dataclasses import replace

import pytest

from paper_repro.__main__ import main
from paper_repro.benchmark.setting import SETTINGS
from paper_repro.gpu import cases
from paper_repro.gpu.command import Attempt, attempt_all, attempts, check, failures, summary
from paper_repro.record import read_json


def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path, capsys, monkeypatch):
    from numba import cuda

    monkeypatch.setattr(cuda, "is_available", lambda: False)
    assert main(["gpu", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "an NVIDIA GPU" in said or "timing the simulator makes no sense" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("m", [3, 12, 32])
def test_p2_has_m_hyperparameters(m):
    assert cases.rates_and_penalties(SETTINGS["small"], m).columns.size == m


def test_each_length_and_precision_is_timed_and_the_shortest_p1_comes_first():
    names = [one.title for one in cases.timed(SETTINGS["small"], (7, 9))]
    assert len(names) == len(set(names)) == 10
    assert names[0] == "P1 reverse, T = 7, float32"
    assert "P1 reverse, T = 9, float64" in names


def test_our_times_come_before_the_checks_and_the_peers_last():
    order = [where for where, _ in attempts(SETTINGS["small"], (7,))]
    assert len(order) == len(set(order))
    kinds = [where[0] if where[-1] in ("here", "GPU") else where[-1] for where in order]
    assert kinds.index("hgref.fast.cuda") < kinds.index("float64") < kinds.index("JAX, compiled")
    assert kinds[-1] == "torch, eager"


def test_a_failure_and_the_end_of_time_are_written_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "gpu.json"
    seen = []

    def fails():
        raise RuntimeError("out of registers")

    def works():
        seen.append(read_json(path)["times"]["P1"]["hgref.fast.cuda"])
        return {"us a step": 2.0}

    plan = [
        Attempt(("times", "P1", "hgref.fast.cuda"), fails),
        Attempt(("times", "P1", "b"), works),
    ]
    result = {"device": "a GPU"}
    attempt_all(plan, result, path, budget=100)
    assert seen == [{"failed": "RuntimeError: out of registers"}]  # written before the next began
    assert read_json(path)["times"]["P1"]["b"] == {"us a step": 2.0}
    assert failures(result) == ["P1"]
    assert "out of registers" in summary(result)
    attempt_all(plan, result, path, budget=-1)
    assert "left out" in read_json(path)["times"]["P1"]["b"]


def test_the_table_has_ratios_and_what_failed():
    times = {
        "P1 reverse, T = 4000, float32": {
            "hgref.fast.cuda": {"us a step": 50.0, "seconds": 0.2},
            "torch, eager": {"us a step": 500.0, "seconds": 2.0},
            "JAX, compiled": {"failed": "out of memory"},
        }
    }
    table = summary({"device": "a GPU", "times": times})
    assert "torch, eager 10.0x" in table
    assert "JAX, compiled -" in table
    assert "500 hyper-iterations: 1.7 minutes" in table


def test_its_checks_on_the_simulator():
    from numba.core import config

    if not getattr(config, "ENABLE_CUDASIM", False):
        pytest.skip("needs NUMBA_ENABLE_CUDASIM=1")
    tiny = replace(
        SETTINGS["small"], examples=6, features=5, classes=2, T=3, forward_T=2, few_examples=5,
        few_features=2, few_classes=2, few_T=3, hidden=3, batch=4, network_T=2,
    )  # fmt: skip
    for _, case in cases.checked(tiny):
        assert check(case, "float64")["difference"] < 1e-12
        assert check(case, "float32")["difference"] < 1e-5
