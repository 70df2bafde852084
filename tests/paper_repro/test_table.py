"""Rows as Markdown and as columns."""

from paper_repro.table import columns, markdown, write_text


def test_markdown_has_a_rule_and_escapes_what_would_break_it():
    rows = [["a", "b"], ["x|y", "1\n2"]]
    assert markdown(rows) == ["| a | b |", "| --- | ---: |", r"| x\|y | 1 2 |"]
    assert markdown(rows, numbers=False)[1] == "| --- | --- |"


def test_columns_stand_below_one_another():
    assert columns([["name", "n"], ["a", "100"]]) == ["name    n", "a     100"]


def test_a_page_is_written_whatever_it_says(tmp_path):
    assert write_text(tmp_path / "p.md", "λ \ud800").read_bytes() == "λ ?".encode()
