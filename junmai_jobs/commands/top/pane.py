"""A list to walk through: a title, the names of its columns, and as many rows as there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widget import Widget

from junmai_jobs.commands.charts import GAP, Column, Glyphs, cell, fit
from junmai_jobs.wording import clean

_HEAD = 2
"""Lines above the rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One of a pane's; its texts may come from anywhere."""

    key: str
    cells: Sequence[str]
    style: str = ""


class Pane(Widget, can_focus=True):
    """One line per row, never wider than itself: what does not fit is cut, or left out by its column's rank.

    The cursor stays with its row wherever that goes, and with its place when the row is gone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up,k", "move(-1)"),
        ("down,j", "move(1)"),
        ("pageup,ctrl+b", "page(-1)"),
        ("pagedown,ctrl+f", "page(1)"),
        ("home,g", "end(-1)"),
        ("end,G", "end(1)"),
    ]

    def __init__(self, name: str, columns: Sequence[Column], glyphs: Glyphs, nothing: str) -> None:
        super().__init__(id=name)
        self._columns = columns
        self._glyphs = glyphs
        self._nothing = nothing
        self._title = name.upper()
        self._rows: list[Row] = []
        self._at = self._first = self._most = 0

    @property
    def wanted(self) -> int:
        """Lines for as many rows as it has had at most: what is below it must not move all the time."""
        return _HEAD + max(1, self._most)

    @property
    def selected(self) -> str | None:
        """The key of the row with the cursor."""
        return self._rows[self._at].key if self._rows else None

    def show(self, title: str, rows: Iterable[Row], columns: Sequence[Column] | None = None) -> None:
        """Show other rows, and other columns, if some are given."""
        key, self._title = self.selected, title
        self._columns = columns or self._columns
        self._rows = [Row(row.key, [clean(text) for text in row.cells], row.style) for row in rows]
        self._most = max(self._most, len(self._rows))
        keys = [row.key for row in self._rows]
        self._move_to(keys.index(key) if key in keys else self._at)

    def render(self) -> Text:
        """What is seen of it."""
        width, height = self.size
        room = max(0, height - _HEAD)
        self._first = max(min(self._first, self._at, len(self._rows) - room), self._at - room + 1, 0)
        shown = self._rows[self._first : self._first + room]
        sizes = fit(self._columns, [row.cells for row in self._rows], width)
        title = "reverse bold" if self.has_focus else "bold"
        lines = [
            Text(cell(self._title, width, self._glyphs), title),
            self._line([column.title for column in self._columns], sizes, width, "dim"),
        ]
        for number, row in enumerate(shown, self._first):
            has_cursor = self.has_focus and number == self._at
            lines.append(self._line(row.cells, sizes, width, "reverse" if has_cursor else row.style))
        if not shown and room:
            lines.append(Text(cell(self._nothing, width, self._glyphs), "dim"))
        return Text("\n", no_wrap=True, overflow="crop").join(lines[:height])

    def action_move(self, rows: int) -> None:
        """Move the cursor so many rows down."""
        self._move_to(self._at + rows)

    def action_page(self, pages: int) -> None:
        """Move it so many pages down."""
        self._move_to(self._at + pages * max(1, self.size.height - _HEAD))

    def action_end(self, way: int) -> None:
        """Move it to the first row, or the last."""
        self._move_to(way * len(self._rows))

    def _move_to(self, at: int) -> None:
        self._at = max(0, min(at, len(self._rows) - 1))
        self.refresh()

    def _line(self, cells: Sequence[str], sizes: dict[int, int], width: int, style: str) -> Text:
        texts = [
            cell(cells[at], size, self._glyphs, right=self._columns[at].right) for at, size in sizes.items()
        ]
        return Text(cell((" " * GAP).join(texts), width, self._glyphs), style)


def share(room: int, panes: Sequence[Pane]) -> list[int]:
    """How high each pane is to be: a row at least, and the one with the focus grows twice as fast.

    Where there is no room for that the one with the focus has its row, and the last of the others have none.
    """
    left = max(0, room)
    heights = [0] * len(panes)
    for at in sorted(range(len(panes)), key=lambda at: not panes[at].has_focus):
        heights[at] = min(left, _HEAD + 1)
        left -= heights[at]
    while left > 0 and any(height < pane.wanted for height, pane in zip(heights, panes, strict=True)):
        for at, pane in enumerate(panes):
            more = max(0, min(left, pane.wanted - heights[at], 2 if pane.has_focus else 1))
            heights[at] += more
            left -= more
    return heights
