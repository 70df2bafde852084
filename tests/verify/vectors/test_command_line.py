"""`python -m hgref`: right, wrong, or one clear line and status 2."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few

from hgref.__main__ import main
from hgref.verify.vectors.description import problem_of, read_file
from hgref.verify.vectors.vector import shipped

VECTOR = shipped()["momentum-softmax"]
CONTENT = read_file(VECTOR)
GRAD = {
    name: json.loads(json.dumps(text).replace('"', "")) for name, text in CONTENT["grad"].items()
}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def run(tmp_path, candidate, vector=None):
    """Exit status of `check` on files with that content: objects, or text as it is."""
    paths = []
    for name, content in (("vector.json", vector), ("candidate.json", candidate)):
        path = tmp_path / name
        if isinstance(content, (bytes, str)):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        else:
            path.write_text(json.dumps(content))
        paths.append(str(path))
    return main(["check", str(VECTOR) if vector is None else paths[0], paths[1]])


def test_a_right_candidate(tmp_path, capsys):
    assert run(tmp_path, GRAD) == 0
    assert run(tmp_path, {"grad": GRAD, "made with": "Julia"}) == 0
    assert run(tmp_path, {"mu": GRAD["mu"]}) == 0
    assert capsys.readouterr().out.startswith("hypergradient: right")


def test_a_wrong_candidate_gets_its_diagnosis(tmp_path, capsys):
    assert run(tmp_path, {"eta": -GRAD["eta"], "mu": -GRAD["mu"]}) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("hypergradient: WRONG in eta, mu")
    assert "the sign of the hypergradient is reversed" in printed


BAD_CANDIDATES = [
    (b"", "expected JSON, found"),
    (b"\xff\xfe", "expected JSON, found"),
    (b"[1, 2]", "expected a JSON object, found list"),
    (b'{"eta": NaN}', "WRONG"),
    (b'{"eta": 1e999}', "WRONG"),
    (b'{"eta": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "expected JSON, found"),
    ({"lr": 1.0}, "unknown hyperparameter in the candidate 'lr'"),
    ({"eta": [1.0]}, "candidate eta: expected shape (), found (1,)"),
    ({"eta": "1.O"}, "candidate eta: expected real numbers, found '1.O'"),
    ({"grad": 3}, "candidate: expected shape"),
    ({}, "candidate: expected some of"),
]


@pytest.mark.parametrize(("content", "message"), BAD_CANDIDATES)
def test_bad_candidates(tmp_path, capsys, content, message):
    status = run(tmp_path, content)
    captured = capsys.readouterr()
    if message == "WRONG":
        assert status == 1
    else:
        assert status == 2
        assert message in captured.err
        assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "hgref-vector-9"}, "schema: expected 'hgref-vector-1'"),
        ({"T": 0}, "T: expected at least 1, found 0"),
        ({"T": 10**12}, "T: expected T · d <= 10000000"),
        ({"T": "5"}, "T: expected an integer, found '5'"),
        ({"w0": [0.0]}, "w0: expected shape (6,), found (1,)"),
        ({"dynamics": {"kind": "sgd"}}, "unknown kind in dynamics 'sgd'"),
        ({"dynamics": {"kind": "adam"}}, "dynamics: adam: expected the fields ['convention'] too"),
        ({"dynamics": {"kind": "gd", "mu": 1}}, "unknown field of gd 'mu'"),
        ({"dynamics": None}, 'dynamics: expected {"kind": …}, found NoneType'),
        ({"objective": []}, "objective: expected a list of terms"),
        ({"objective": [{"kind": "clipped"}]}, "clipped: expected the fields ['of'] too"),
        ({"objective": [{"kind": "clipped", "of": 3}]}, "clipped: expected a list of terms"),
        (
            {"objective": [{"kind": "clipped", "of": [{"kind": "clipped", "of": []}]}]},
            "unknown kind in clipped 'clipped'",
        ),
        ({"error": [{"kind": "clipped", "of": []}]}, "unknown kind in error 'clipped'"),
        ({"transform": ["eta"]}, "transform: expected {kind: [names]}, found list"),
        ({"transform": {"log": ["eta"]}}, "unknown kind in transform 'log'"),
        ({"transform": {"exp": "eta"}}, "transform: exp: expected a list of names, found 'eta'"),
        ({"transform": {"exp": ["rate"]}}, "unknown block in Exp 'rate'"),
        ({"transform": {"exp": []}}, "Exp: expected names of blocks"),
        ({"lambda": [1, 2]}, "lambda: expected names and numbers"),
        ({"lambda": {"eta": 0.1}}, "missing hyperparameters ['mu', 'weights']"),
        (
            {"error": [{"kind": "softmax", "X": [[1]], "y": [0], "classes": 10**9}]},
            "classes: expected an integer from 1 to 10000",
        ),
    ],
)
def test_bad_vectors(tmp_path, capsys, change, message):
    assert run(tmp_path, GRAD, {**CONTENT, **change}) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_fields_and_files(tmp_path, capsys):
    for field in ("schema", "dynamics", "objective", "error", "T", "w0", "lambda"):
        assert run(tmp_path, GRAD, {n: x for n, x in CONTENT.items() if n != field}) == 2
        assert f"expected the field '{field}'" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none.json"), str(VECTOR)]) == 2
    assert "none.json" in capsys.readouterr().err


def test_a_file_that_is_too_large_is_not_read(tmp_path, capsys):
    assert run(tmp_path, b" " * 10_000_001) == 2
    assert "expected at most 10000000 bytes" in capsys.readouterr().err


@given(field=st.sampled_from(sorted(set(CONTENT) - {"traps"})), value=anything)
def test_whatever_stands_in_a_field_it_is_a_problem_or_an_error_that_says_so(field, value):
    try:
        problem_of({**CONTENT, field: value})
    except (ValueError, TypeError) as error:
        assert str(error)  # noqa: PT017


@given(option=st.sampled_from(["X", "y", "classes", "example_weights"]), value=anything)
def test_whatever_stands_in_a_term_it_is_a_problem_or_an_error_that_says_so(option, value):
    term = {**CONTENT["objective"][0], option: value}
    try:
        problem_of({**CONTENT, "objective": [term]})
    except (ValueError, TypeError) as error:
        assert str(error)  # noqa: PT017


@few
@given(value=anything)
def test_whatever_the_candidate_is_the_status_is_0_1_or_2(tmp_path_factory, value):
    assert run(tmp_path_factory.mktemp("fuzz"), json.dumps(value)) in (0, 1, 2)
    assert run(tmp_path_factory.mktemp("fuzz"), {"eta": value}) in (0, 1, 2)


def test_list_export_and_help(tmp_path, capsys):
    assert main(["vectors"]) == 0
    assert capsys.readouterr().out.splitlines() == list(shipped())
    assert main(["vectors", "--export", str(tmp_path / "out")]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{name}.json" for name in shipped()} | {"FORMAT.md", "consumer.py"}
    with pytest.raises(SystemExit) as caught:
        main(["check", "--help"])
    assert caught.value.code == 0
    assert "CANDIDATE.json" in capsys.readouterr().out
