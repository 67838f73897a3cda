"""Curves, bars, spans of time, and columns that fit."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from junmai_jobs.commands.charts import GAP, Column, Glyphs, bar, cell, fit, span, sparkline

FINE = Glyphs.of(io.TextIOWrapper(io.BytesIO(), "utf-8"))
PLAIN = Glyphs.of(io.TextIOWrapper(io.BytesIO(), "ascii"))
CELLS = st.text(st.characters(categories=["L", "N"]), max_size=20)


def test_a_stream_that_lacks_the_fine_glyphs_gets_plain_ones() -> None:
    assert sparkline([0, 1, 4, 8], 9, FINE) == "▁▂▅█"
    assert sparkline([0, 1, 4, 8], 9, PLAIN) == "_.=#"
    assert bar(0.5, 4, FINE) == "██░░"
    assert bar(0.5, 4, PLAIN) == "##--"
    assert Glyphs.of(None) == PLAIN
    assert Glyphs.of(io.TextIOWrapper(io.BytesIO(), "latin-1")) == PLAIN


def test_a_curve_has_the_means_of_neighbours_where_there_are_too_many() -> None:
    assert sparkline([1, 1, 0, 0, 4, 4], 3, FINE) == "▃▁█"
    assert sparkline([9, 1, 1, 0, 0], 3, FINE) == "█▂▁"  # the oldest alone
    assert (sparkline([], 3, FINE), sparkline([1], 0, FINE), sparkline([0, 0], 3, FINE)) == ("", "", "▁▁")


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=300), st.integers(1, 50))
def test_a_curve_fits_and_shows_whatever_is_not_nothing(values: list[int], width: int) -> None:
    curve = sparkline(values, width, FINE)
    assert 1 <= len(curve) <= min(width, len(values))
    assert (set(curve) == {"▁"}) == (not any(values))
    assert ("█" in curve) == any(values)


@pytest.mark.parametrize("part", [-1.0, 0.0, 0.333, 1.0, 7.0, math.inf])
def test_a_bar_is_as_wide_as_it_should_be(part: float) -> None:
    assert len(bar(part, 10, FINE)) == 10


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0.0s"), (0.04, "0.0s"), (9.94, "9.9s"), (10, "10s"), (59.9, "59s"), (60, "1m00s"),
        (3599, "59m59s"), (3600, "1h00m"), (86399, "23h59m"), (86400, "1d00h"), (90 * 86400, "90d00h"),
    ],
)  # fmt: skip
def test_a_span_of_time(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_columns_are_left_out_by_their_rank_and_then_cut() -> None:
    columns = [Column("NAME", least=4), Column("N", right=True), Column("MORE", rank=1), Column("ID", rank=9)]
    rows = [["a-long-name", "12", "xyz", "0123456789"]]
    assert fit(columns, rows, 80) == {0: 11, 1: 2, 2: 4, 3: 10}
    assert fit(columns, rows, 32) == {0: 10, 1: 2, 2: 4, 3: 10}
    assert fit(columns, rows, 25) == {0: 11, 1: 2, 2: 4}
    assert fit(columns, rows, 14) == {0: 4, 1: 2, 2: 4}
    assert fit(columns, rows, 9) == {0: 5, 1: 2}
    assert fit(columns, [], 80) == {0: 4, 1: 1, 2: 4, 3: 2}


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5), st.integers(14, 90))
def test_what_fits_fits(rows: list[list[str]], width: int) -> None:
    columns = [Column("ONE", least=5), Column("TWO", rank=1), Column("THREE", least=7)]
    sizes = fit(columns, rows, width)
    assert {0, 2} <= sizes.keys()
    assert sum(sizes.values()) + GAP * (len(sizes) - 1) <= width
    assert all(cell_len(cell(row[at], size, FINE)) == size for row in rows for at, size in sizes.items())


def test_a_cell_says_that_it_was_cut() -> None:
    assert cell("abcdef", 4, FINE) == "abc…"
    assert cell("abcdef", 4, PLAIN) == "abc~"
    assert cell("写真写真", 4, FINE) == "写 …"
    assert cell("7", 3, FINE, right=True) == "  7"
    assert (cell("ab", 0, FINE), cell("ab", 1, FINE)) == ("", "…")
