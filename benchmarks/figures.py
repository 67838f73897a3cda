"""Figures of several rounds, to be read: the median, and between which two all were."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

COLUMNS = {
    "drain": "drain, jobs/s",
    "late": "part started late",
    "submit": "submit, jobs/s",
    "bulk": "in bulk, jobs/s",
    "bytes": "bytes a job",
    "p50": "idle to start, p50 ms",
    "p99": "p99 ms",
    "idle": "idle, commands/s",
    "import": "import, ms",
}
"""Of a comparison, see ``measures``."""


def number(value: float) -> str:
    """As many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"


def spread(values: Sequence[float]) -> str:
    """The median; of several the least and the largest, too."""
    median = number(statistics.median(values))
    return median if len(values) < 2 else f"{median} ({number(min(values))} to {number(max(values))})"


def table(figures: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Markdown: a row for each that was measured, a column for each figure that somebody has."""
    columns = [name for name in COLUMNS if any(name in row for row in figures.values())]
    heads = ["", *(COLUMNS[name] for name in columns)]
    rows = (
        [who, *(spread(row[name]) if name in row else "" for name in columns)] for who, row in figures.items()
    )
    return markdown(heads, rows)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
