"""The time left, beside a bar: as it is told, else by how fast the bar has grown so far."""

from __future__ import annotations

from datetime import timedelta

from rich.progress import Task, TimeRemainingColumn
from rich.text import Text


class TimeLeftColumn(TimeRemainingColumn):
    """Shows the field ``left`` of a bar that has one, in seconds."""

    def render(self, task: Task) -> Text:
        """What stands in the column."""
        left = task.fields.get("left")
        if left is None or task.finished:
            return super().render(task)
        return Text(str(timedelta(seconds=round(left))), style="progress.remaining")
