"""The experiment in seconds: its files, its bar, interruptions, claims and the command."""

import importlib.util

import pytest
from tqdm import tqdm

from paper_repro.__main__ import main
from paper_repro.digest import digest
from paper_repro.phones import compute as module
from paper_repro.phones.claims import RULES
from paper_repro.phones.compute import METHODS, compute
from paper_repro.phones.draw import draw, figure3, page, terminal
from paper_repro.phones.progress import Progress
from paper_repro.phones.setting import SMALL
from paper_repro.record import kept, read_json, write_json


class Bar(tqdm):
    """A progress bar that says nothing, and may press Ctrl-C where a method begins."""

    def __init__(self, stop_at=None):
        super().__init__(total=1, disable=True)
        self.stop_at, self.ticks, self.methods, self.beside = stop_at, [], [], []

    def set_description(self, desc=None, refresh=True):
        self.methods.append(desc)
        if desc == self.stop_at:
            raise KeyboardInterrupt

    def set_postfix_str(self, s="", refresh=True):
        self.beside.append(s)

    def update(self, n=1):
        self.ticks.append(n)


@pytest.fixture(scope="module")
def done(phones, setting, tmp_path_factory):
    bar = Bar()
    return compute(phones, setting, tmp_path_factory.mktemp("figures"), bar), bar


def test_the_table_has_a_row_for_each_method(done, phones, setting):
    content = read_json(done[0]["table3"])
    rows = {row["method"]: row for row in content["rows"]}
    assert tuple(rows) == METHODS
    chance = 100 / phones.states
    assert min(rows[name]["test accuracy"] for name in ("Vanilla", "RTHO")) > 2 * chance
    assert [rows[name]["weights"].split()[0] for name in METHODS] == [
        "best",
        "last",
        "last",
        "best",
    ]
    assert rows["RTHO-NT"]["start"] == {"eta": 0, "mu": 0, "rho": 0}
    assert rows["RTHO"]["start"] == rows["Vanilla"]["start"] == rows["Vanilla"]["end"]
    assert rows["RTHO"]["start"] != rows["RTHO"]["end"]
    assert rows["RS"]["runs"] == len(content["search"]) >= 1
    assert rows["RS"]["seconds"] >= setting.budget * rows["RTHO"]["seconds"]
    best = max(content["search"], key=lambda trial: trial["validation accuracy"])
    assert rows["RS"]["start"] == best["start"]
    assert rows["RS"]["test accuracy"] == best["test accuracy"]


def test_curves_are_over_the_epochs(done, setting):
    table, figure = (read_json(done[0][name]) for name in ("table3", "figure3"))
    for row in table["rows"]:
        curve = figure["curves"][row["method"]]
        assert curve["epoch"][-1] == pytest.approx(row["steps"] * setting.batch / 240)
        assert {len(v) for v in curve.values() if isinstance(v, list)} == {row["steps"] // 5}
        assert curve["eta"][0] == row["start"]["eta"]
        assert curve["rho"][-1] == row["end"]["rho"]


def test_results_say_what_they_were_made_of(done, phones):
    for path in done[0].values():
        about = read_json(path)
        assert about["data"] == {
            "source": "made-up speech", "sha256": digest(phones), "frames": [240, 120, 90],
            "validation frames looked at": 50, "states": 6, "weights": 6 * 9 + 8 * 7,
        }  # fmt: skip
        assert about["made with"]["dtype"] == "float32"
        assert about["made with"]["threads"] >= 1
        assert about["resumed"] is False


def test_the_bar_fills_look_by_look(done, setting):
    bar = done[1]
    assert bar.methods == ["compiling", *METHODS]
    assert sum(bar.ticks) == pytest.approx(len(METHODS))
    assert min(bar.ticks) > 0
    assert len(bar.ticks) >= 3 * setting.T // setting.every / 2
    assert "% after 5 steps" in bar.beside[2]


def test_the_bar_never_goes_back_nor_over_its_part():
    bar = Bar()
    progress = Progress(bar, 2)
    for share in (0.25, 0.5, 0.4, 3.0):
        progress.look({"accuracy": 43.21, "t": 7}, share)
    assert bar.ticks == [0.25, 0.25, 0.5]
    assert bar.beside[-1] == "43.2 % after 7 steps"
    progress.end()
    assert len(bar.ticks) == 3
    progress.look({"accuracy": 43.21, "t": 7}, 0.1)
    progress.end()
    assert sum(bar.ticks) == pytest.approx(2)


def test_pictures_and_table_stand_beside_their_numbers(done):
    made = draw(done[0])
    assert [path.name for path in made] == [
        "phones-table3.md", "phones-figure3.png", "phones-figure3.pdf"
    ]  # fmt: skip
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".md": b"# Table 3"}
    before = [path.read_bytes() for path in made]
    for path, content in zip(made, before, strict=True):
        assert content.startswith(magic[path.suffix])
    draw(done[0])
    assert [path.read_bytes() for path in made] == before


def test_the_table_reads_the_same_on_the_terminal_and_in_markdown(done):
    content = read_json(done[0]["table3"])
    printed = [line.split() for line in terminal(content).splitlines()[1:]]
    marked = [line.strip("|").replace("|", " ").split() for line in page(content).splitlines()[4:8]]
    assert printed == marked
    assert [cells[0] for cells in printed] == list(METHODS)


def test_a_method_that_diverged_at_once_is_drawn_as_nothing(done, tmp_path):
    paths = {}
    for name, path in done[0].items():
        content = read_json(path)
        if name == "figure3":
            curve = content["curves"]["RTHO"]
            content["curves"]["RTHO"] = {
                k: [] if isinstance(v, list) else v for k, v in curve.items()
            }
        paths[name] = write_json(tmp_path / path.name, content)
    assert len(draw(paths)) == 3
    assert "RTHO diverged at once; " in figure3(content).get_suptitle()


def test_the_title_says_how_the_learnt_rates_end(done):
    content = read_json(done[0]["figure3"])
    for name, end in (("RTHO", 0.0), ("RTHO-NT", 0.07)):
        content["curves"][name]["eta"][-1] = end
    title = figure3(content).get_suptitle()
    assert "RTHO ends as η reaches 0; RTHO-NT was cut off at η = 0.07" in title


def test_a_large_rho_of_random_search_does_not_flatten_the_learnt_ones(done):
    content = read_json(done[0]["figure3"])
    learnt = max(max(content["curves"][name]["rho"]) for name in ("RTHO", "RTHO-NT"))
    for factor, words in ((2, []), (50, [f"RS: ρ = {50 * learnt:.2g}, above"])):
        content["curves"]["RS"]["rho"] = [factor * learnt]
        content["curves"]["RS"]["epoch"] = content["curves"]["RS"]["eta"] = [1.0]
        content["curves"]["RS"]["mu"] = content["curves"]["RS"]["accuracy"] = [1.0]
        ax = figure3(content).axes[3]
        assert [text.get_text() for text in ax.texts] == words
        assert learnt < ax.get_ylim()[1] < 3 * learnt


def test_an_interrupted_run_goes_on_method_by_method(phones, setting, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        compute(phones, setting, tmp_path, Bar("RTHO"))
    (partial,) = tmp_path.glob(".partial/*")
    assert [file.name for file in partial.iterdir()] == ["Vanilla.json"]
    assert not list(tmp_path.glob("*.json"))
    saved = kept(partial / "Vanilla.json", print)
    monkeypatch.setattr(module, "vanilla", None)  # would be called if it were made again
    content = read_json(compute(phones, setting, tmp_path, Bar())["table3"])
    assert content["resumed"] is True
    assert content["rows"][0]["seconds"] == saved["seconds"]
    assert not list(tmp_path.glob(".partial/*"))


def test_another_setting_does_not_go_on_from_this_one(phones, setting, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compute(phones, setting, tmp_path, Bar("RTHO"))
    paths = compute(phones, setting.changed(seed=1, T=10), tmp_path, Bar())
    assert read_json(paths["table3"])["resumed"] is False
    assert len(list(tmp_path.glob(".partial/*"))) == 1


# --- claims ---


def accuracies(ended="η decayed", slow=9, **found):
    rows = {"Vanilla": 50.0, "RS": 51.0, "RTHO": 53.0, "RTHO-NT": 52.0, **found}
    about = {"ended": ended, "end": {"eta": 1e-5}, "steps": 9}
    return {
        "data": {"frames": [9, 9, 100_000]},
        "rows": [
            {
                "method": name,
                "test accuracy": value,
                "seconds": {"RTHO": 5}.get(name, slow),
                **about,
            }
            for name, value in rows.items()
        ],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"Vanilla": 53.5, "RTHO": 56.0, "RTHO-NT": 55.0},
        {"RS": 52.9},
        {"RTHO-NT": 53.5},
        {"ended": "all steps"},
        {"slow": 4},
    ],
)
def test_each_claim_can_be_false(wrong):
    rules = RULES["phones-table3"]
    assert all(rule(accuracies()).agrees for rule in rules)
    assert [rule(accuracies(**wrong)).agrees for rule in rules].count(False) == 1


# --- the setting and the command ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"every": 121}, "every: expected an integer from 1 to 120, found 121"),
        ({"T": 10}, "every: expected an integer from 1 to 10, found 20"),
        ({"minutes": -1.0}, "minutes: expected a number above 0, found -1"),
        ({"budget": 0.0}, "budget: expected a number above 0, found 0"),
        ({"authors": True, "layer": "cuda"}, "layer: expected cpu with --authors"),
        ({"hidden": (4, 0)}, "hidden: expected at least 1, found 0"),
        ({"context": -1}, "context: expected at least 0, found -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SMALL.changed(**wrong)


def test_the_command_from_speech_to_figures(tmp_path, capsys):
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("espeakng-loader, which speaks the corpus, is not installed")
    place = ["--data-dir", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert main(["phones", "--small", *place]) == 0
    printed = capsys.readouterr().out
    assert "phones on synthetic speech by espeak-ng, " in printed
    assert "RTHO-NT" in printed
    assert len(list((tmp_path / "out").glob("phones-*"))) == 5
