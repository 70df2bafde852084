"""`python -m paper_repro`, called as a user calls it."""

import gzip
import struct

import numpy as np
import pytest

from paper_repro.__main__ import main


def write_idx(path, array):
    kind = b"\x00\x00\x08" + bytes([array.ndim])
    header = kind + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture
def data_dir(tmp_path):
    """A folder as the original MNIST comes, with made-up patterns in it."""
    rng = np.random.default_rng(0)
    y = np.arange(1000) % 10
    X = np.clip(rng.uniform(0, 255, (10, 25))[y] + rng.normal(0, 20, (1000, 25)), 0, 255)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, rows in (("train", slice(0, 800)), ("t10k", slice(800, None))):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", X[rows].reshape(-1, 5, 5))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", y[rows])
    return tmp_path


def test_the_users_own_mnist_from_command_to_figures(data_dir, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--small", "hyper-cleaning", "--data-dir", str(data_dir), "--out", str(out)]
    assert main([*arguments, "--R", "80", "--hyper-iterations", "3"]) == 0
    printed = capsys.readouterr().out
    assert "hyper-cleaning on MNIST: 200 training digits" in printed
    assert "DH-80" in printed
    assert "DH-60" not in printed
    assert len(list(out.glob("hyper-cleaning-*"))) == 7
    assert main([*arguments[1:], "--small", "--R", "80", "--hyper-iterations", "3"]) == 0


def test_list_and_help_tell_what_there_is(capsys):
    assert main(["--list"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines[0][0] == "hyper-cleaning"
    assert lines[0][1].startswith("Table 1 and Figure 1")
    assert {"costs", "surface", "report", "benchmark"} < {name for name, _ in lines}
    with pytest.raises(SystemExit) as caught:
        main(["hyper-cleaning", "--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert "--R R [R ...]" in printed
    assert "--paper" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--R", "0"], "R: expected a number in (0, 200], found 0"),
        (["--R", "201"], "R: expected a number in (0, 200], found 201"),
        (["--R", "9", "9"], "R: expected different numbers"),
        (["--T", "0"], "T: expected at least 1, found 0"),
        (["--seed", "-1"], "seed: expected at least 0, found -1"),
        (["--outer-rate", "-1"], "rate: expected a number > 0, found -1"),
        (["--images", "fashion-mnist"], "fashion-mnist: expected the four files"),
    ],
)
def test_bad_options_end_with_one_line_and_status_2(
    data_dir, tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.setattr("paper_repro.data.images.SYSTEM_FASHION", tmp_path / "none")
    place = ["--data-dir", str(data_dir), "--out", str(tmp_path / "out"), "--small"]
    assert main(["hyper-cleaning", *place, *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_ctrl_c_says_how_to_go_on(data_dir, tmp_path, capsys, monkeypatch):
    from paper_repro.hyper_cleaning import command

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compute", interrupted)
    assert main(["--small", "--data-dir", str(data_dir), "hyper-cleaning"]) == 130
    assert "run the same command again to continue" in capsys.readouterr().out


def test_ctrl_c_during_timings_says_that_nothing_is_kept(tmp_path, capsys, monkeypatch):
    from paper_repro.costs import command

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compute", interrupted)
    assert main(["--small", "costs", "--out", str(tmp_path)]) == 130
    assert "Nothing was written" in capsys.readouterr().out


def test_damaged_data_end_with_one_line(data_dir, tmp_path, capsys):
    file = data_dir / "mnist" / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-20])
    place = ["--data-dir", str(data_dir), "--out", str(tmp_path / "out"), "--small"]
    assert main(["hyper-cleaning", *place]) == 2
    assert "t10k-images-idx3-ubyte.gz" in capsys.readouterr().err
