"""Small pictures made of characters: a curve in a line, a bar, a span of time; and columns that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from statistics import fmean
from typing import TextIO

GAP = 2


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What pictures are made of."""

    ramp: str
    """From nothing to the most."""
    full: str
    empty: str
    cut: str
    """Stands for what did not fit."""

    @classmethod
    def of(cls, stream: TextIO | None) -> Glyphs:
        """The fine ones, or the plain ones where a stream cannot have them."""
        try:
            "".join(astuple(_FINE)).encode(getattr(stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return _PLAIN
        return _FINE


_FINE = Glyphs("▁▂▃▄▅▆▇█", "█", "░", "…")
_PLAIN = Glyphs("_.:-=+*#", "#", "-", "~")


def sparkline(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """The values as a curve at most so many characters wide; the means of neighbours, where they are more."""
    if not values or width < 1:
        return ""
    group = math.ceil(len(values) / width)
    edges = sorted({0, *range(len(values), 0, -group), len(values)})
    means = [fmean(values[at:end]) for at, end in pairwise(edges)]
    most, steps = max(means), len(glyphs.ramp) - 1
    # Whatever is not nothing can be seen.
    heights = (min(steps, math.ceil(each * steps / most)) if each > 0 else 0 for each in means)
    return "".join(glyphs.ramp[height] for height in heights)


def bar(part: float, width: int, glyphs: Glyphs) -> str:
    """How much of a whole (1.0) there is."""
    full = round(min(max(part, 0.0), 1.0) * width)
    return glyphs.full * full + glyphs.empty * (width - full)


def span(seconds: float) -> str:
    """A length of time in its two largest units."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    whole = int(seconds)
    for unit, size, smaller, step in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // step:02}{smaller}"
    return f"{whole}s"


@dataclass(frozen=True, slots=True)
class Column:
    """One of a table that has to fit."""

    title: str
    rank: int = 0
    """Where there is no room, that of the largest is left out first; 0 never is."""
    least: int | None = None
    """It may be cut to so many cells; None: to none less than it needs."""
    right: bool = False
    """Its cells stand right, as numbers do."""


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Which columns fit into a width, by their numbers, and how wide each is; between two is a gap."""
    from rich.cells import cell_len  # noqa: PLC0415 - slow to import, and --json does without

    wanted = [
        max(cell_len(column.title), *(cell_len(row[at]) for row in rows), 0)
        for at, column in enumerate(columns)
    ]
    least = [
        size if column.least is None else min(size, column.least)
        for size, column in zip(wanted, columns, strict=True)
    ]
    kept = list(range(len(columns)))
    while sum(least[at] + GAP for at in kept) - GAP > width:
        last = max(kept, key=lambda at: (columns[at].rank, at))
        if len(kept) == 1 or not columns[last].rank:
            break
        kept.remove(last)
    room = max(0, width - sum(least[at] + GAP for at in kept) + GAP)
    found: dict[int, int] = {}
    for at in sorted(kept, key=lambda at: columns[at].rank):
        found[at] = least[at] + min(room, wanted[at] - least[at])
        room -= found[at] - least[at]
    return {at: min(found[at], width) for at in kept}


def cell(text: str, width: int, glyphs: Glyphs, *, right: bool = False) -> str:
    """A text that is exactly so wide; what does not fit is cut off, and a mark says so."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - slow to import, and --json does without

    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + glyphs.cut if width > 0 else ""
    return " " * (width - size) + text if right else text + " " * (width - size)
