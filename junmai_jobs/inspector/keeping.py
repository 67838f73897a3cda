"""The part of the read side that an export is made of."""

from __future__ import annotations

from collections.abc import Iterator

from junmai_jobs.archive import COLLECTIONS, Row
from junmai_jobs.inspector.pages import InspectorPages
from junmai_jobs.replies import seconds

_PAGE = 50
"""So many ids at once, see ``BrokerKeeping.extract``."""


class InspectorKeeping(InspectorPages):
    """Reads one namespace whole, see ``InspectorPages``."""

    def now(self) -> float:
        """The server's time, in seconds since 1970."""
        return seconds(self._read("TIME"))

    def job_count(self) -> int:
        """How many jobs there are, finished ones among them."""
        return int(self._read("HLEN", self.keys.bodies))

    def job_ids(self) -> Iterator[list[bytes]]:
        """The ids of all jobs."""
        for page in self.fields(self.keys.bodies):
            ids = list(page)
            yield from (ids[at : at + _PAGE] for at in range(0, len(ids), _PAGE))

    def rows(self, into: str) -> Iterator[Row]:
        """What is in one of ``archive.COLLECTIONS``."""
        key = getattr(self.keys, into)
        if COLLECTIONS[into].is_set:
            for members in self.scored_entries(key):
                yield from (Row(into, member, f"{score:.17g}".encode()) for member, score in members)
        else:
            for fields in self.fields(key):
                yield from (Row(into, name, value) for name, value in fields.items())
