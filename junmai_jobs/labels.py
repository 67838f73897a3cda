"""Values of a label of Prometheus: few, since each is a series that is kept for years."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 100
OTHER = "(other)"
"""Stands for all that come after the first ``MOST``; no queue, task or worker is called so."""


class Labels:
    """The values of one label. A name that has been told stays itself, and so does one that was too many.

    What cannot be printed is never told: it would steer the terminal of a reader, and no name of ours is so.
    Not for several threads at once.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._told: dict[str, None] = {}

    def of(self, name: str) -> str:
        """The value for a name: itself, or ``OTHER``."""
        if name not in self._told and (len(self._told) >= self._most or not name.isprintable()):
            return OTHER
        self._told[name] = None
        return name

    def keep(self, names: Iterable[str]) -> None:
        """Forget all but these, which makes room for others: for what, once gone, does not come back."""
        self._told = dict.fromkeys(self._told.keys() & set(names))
