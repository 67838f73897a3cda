"""The estimates are as true as they say on the recorded session, and shortest-first gains by them."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

from benchmarks.estimates import RECORDING, Coverage, Line, backtest
from benchmarks.estimates_record import Ran, read, write
from junmai_jobs.shortest import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def test_the_quantiles_cover_what_they_say_and_the_shortest_first_wait_less() -> None:
    runs = read(RECORDING)
    assert len(runs) >= 1000
    told, lines = backtest(runs)
    assert len(told) == len(runs)
    whole = Coverage.of(told)
    assert whole.count > 0.95 * len(runs)
    assert 0.45 <= whole.half <= 0.55
    assert 0.85 <= whole.most <= 0.95
    assert whole.error < whole.error_of_mean
    assert [(count, slots) for count, slots, *_ in lines] == [(510, 1), (510, 3), (5100, 1), (5100, 3)]
    for count, _, fifo, shortest in lines:
        assert shortest.mean < fifo.mean * (0.75 if count <= PATIENCE else 0.97)
        assert (fifo.passed, 0 < shortest.passed <= PATIENCE) == (0, True)


def test_a_recording_reads_as_it_was_written(tmp_path: Path) -> None:
    kinds = [("develop", "24 MP", "CPU", 0.25, 2**20), ("print", "*", "CPU", 0.5, 0)]
    runs = list(starmap(Ran, [*kinds, *kinds]))
    write(tmp_path / "runs.jsonl", runs)
    assert read(tmp_path / "runs.jsonl") == runs


def test_a_line_is_counted_by_hand() -> None:
    fifo = Line.of([4, 1, 1, 1], [0, 0, 0, 0], 1)
    assert (fifo.mean, fifo.longest, fifo.passed) == ((0 + 4 + 5 + 6) / 4, 6, 0)
    moved = Line.of([4, 1, 1, 1], [3, 0, 0, 0], 1)
    assert (moved.mean, moved.longest, moved.passed) == ((0 + 1 + 2 + 6) / 4, 6, 2)
