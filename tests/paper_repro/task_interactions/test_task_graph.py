"""Which relations the graph shows, and where."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from paper_repro.record import read_json, write_json
from paper_repro.task_interactions.draw import draw, figure2
from paper_repro.task_interactions.graph import (
    MOST_EDGES,
    WIDE,
    circle,
    graph,
    order_of,
    strongest,
    tasks_shown,
)


def relations(K, seed=0):
    C = np.triu(np.random.default_rng(seed).uniform(0.001, 0.01, (K, K)), 1)
    return C + C.T


def drawn(C, names, pictures=None):
    ax = Figure().subplots()
    graph(ax, C, names, pictures, order_of([C]))
    return ax


def test_the_strongest_pairs_come_last_and_zeros_never():
    C = np.zeros((4, 4))
    C[0, 1] = C[1, 0] = 0.1
    C[2, 3] = C[3, 2] = 0.3
    C[1, 2] = C[2, 1] = 0.2
    edges = strongest(C, 5)
    assert [(e.j, e.k) for e in edges] == [(0, 1), (1, 2), (2, 3)]
    assert [e.share for e in edges] == pytest.approx([1 / 3, 2 / 3, 1])
    assert [e.C for e in strongest(C, 1)] == [0.3]
    assert strongest(C, 1)[0].share == 1
    assert strongest(np.zeros((3, 3)), 5) == []


def test_an_edge_is_as_wide_as_its_relation_is_strong():
    C = relations(10)
    lines = drawn(C, list("abcdefghij")).lines[:20]
    widths = [line.get_linewidth() for line in lines]
    strongest_first = np.sort(C[np.triu_indices(10, 1)])[::-1][:20]
    np.testing.assert_allclose(widths[::-1], WIDE * strongest_first / strongest_first[0])
    greys = [float(line.get_color()) for line in lines]
    assert greys == sorted(greys, reverse=True)
    assert greys[-1] == 0


def test_of_few_tasks_all_are_shown_and_of_many_those_with_an_edge():
    C = np.zeros((30, 30))
    C[3, 7] = C[7, 3] = 1.0
    edges = strongest(C, MOST_EDGES)
    assert sorted(tasks_shown(edges, list(range(30)))) == [3, 7]
    assert tasks_shown(edges, [2, 0, 1]) == [2, 0, 1]
    texts = [text.get_text() for text in drawn(C, [f"class {k}" for k in range(30)]).texts]
    assert sorted(texts) == ["class 3", "class 7"]
    few = drawn(C[:8, :8], list("abcdefgh"))
    assert sorted(text.get_text() for text in few.texts) == list("abcdefgh")


def test_no_relations_are_said_in_words():
    ax = drawn(np.zeros((3, 3)), list("abc"))
    assert "no relations: C = 0" in [text.get_text() for text in ax.texts]
    assert ax.get_legend() is None
    assert drawn(np.zeros((30, 30)), ["x"] * 30).get_legend() is None


def test_related_tasks_are_neighbours():
    C = np.full((6, 6), 0.001)
    for j, k in ((0, 3), (1, 4), (2, 5)):
        C[j, k] = C[k, j] = 0.1
    place = {task: i for i, task in enumerate(order_of([C, C]))}
    assert sorted(place) == list(range(6))
    assert all(abs(place[j] - place[k]) == 1 for j, k in ((0, 3), (1, 4), (2, 5)))


def test_places_are_apart_on_a_circle():
    places = np.array(list(circle(list(range(7))).values()))
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1)
    np.testing.assert_allclose(places[0], [0, 1], atol=1e-12)
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    assert distances[np.triu_indices(7, 1)].min() > 0.8
    assert circle([]) == {}


def test_the_legend_says_how_wide_is_how_much_and_how_many_are_left_out():
    C = relations(50)
    ax = drawn(C, [f"p{k}" for k in range(50)])
    legend = ax.get_legend()
    title = legend.get_title().get_text()
    assert title.startswith(f"the {MOST_EDGES} strongest of 1225 pairs, among ")
    assert title.endswith(" of 50 classes")
    told = [float(text.get_text().removeprefix("C = ")) for text in legend.get_texts()]
    assert told[-1] == pytest.approx(C.max(), rel=0.05)
    assert told == sorted(told)
    one = np.zeros((3, 3))
    one[0, 1] = one[1, 0] = 0.25
    legend = drawn(one, list("abc")).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["C = 0.25"]


@pytest.mark.parametrize("K", [2, 20, 50])
def test_classes_without_pictures_are_drawn(results, tmp_path, K):
    content = read_json(results["figure2"])
    content["data"]["classes"] = [f"class {k}" for k in range(K)]
    content["C"] = {"HMTL": relations(K), "HMTL-S": relations(K, 1)}
    content["pictures"] = None
    paths = {**results, "figure2": write_json(tmp_path / "f.json", content)}
    made = {path.suffix: path.read_bytes() for path in draw(paths)}
    assert made[".png"].startswith(b"\x89PNG")
    assert made[".pdf"].startswith(b"%PDF")


def test_pictures_in_colour_and_grey_stand_at_their_class(results):
    content = read_json(results["figure2"])
    grey = figure2(content).axes[0]
    assert len([a for a in grey.artists if hasattr(a, "offsetbox")]) == 4
    content["data"]["classes"] = ["0", "1", "two", "3"]  # a picture says which digit it is
    assert [text.get_text() for text in figure2(content).axes[0].texts] == ["two"]
    colours = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
    content["pictures"] = [one.tobytes().hex() for one in colours]
    shown = [a.offsetbox.get_data() for a in figure2(content).axes[0].artists]
    for one, pixels in zip(shown, colours[order_of_content(content)], strict=True):
        np.testing.assert_array_equal(one, pixels)


def order_of_content(content):
    return order_of([np.array(C) for C in content["C"].values()])
