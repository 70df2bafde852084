"""Sizes and times as people write them."""

import pytest

from hgref.planning.text import as_bytes, duration, size


@pytest.mark.parametrize(
    ("text", "number"),
    [("2 GB", 2 * 10**9), ("500mb", 5 * 10**8), ("1.5 GiB", 3 * 2**29), ("7", 7), (12, 12)],
)
def test_sizes(text, number):
    assert as_bytes(text) == number


@pytest.mark.parametrize("text", ["", "GB", "2 XB", "-1 GB", "2 G B"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="budget: expected a size such as"):
        as_bytes(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [(7, "7 B"), (999, "999 B"), (999.9, "1 kB"), (2.5e9, "2.5 GB"), (8e12, "8 TB"),
     (4.2e15, "4200 TB")],
)  # fmt: skip
def test_bytes_for_reading(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12 ms"), (0.28, "280 ms"), (59, "59 s"), (600, "10 min"), (86_400, "24 h"),
     (1e6, "12 days"), (1e9, "12,000 days")],
)  # fmt: skip
def test_times_for_reading(seconds, text):
    assert duration(seconds) == text
