"""The read side's way through all that there is, page by page, while work goes on."""

from __future__ import annotations

from collections.abc import Iterator

from junmai_jobs.inspector.base import InspectorBase

_FEWEST, _MOST = 10, 200
"""How many fields of a hash are asked for at once: the larger the values, the fewer."""
_LIGHT, _HEAVY = 2**16, 2**19
"""Bytes of a page after which more, or fewer, are asked for."""


class InspectorPages(InspectorBase):
    """The part of the read side that misses nothing.

    What is there from the first page to the last is given at least once; what comes or goes meanwhile may be.
    """

    def fields(self, key: str) -> Iterator[dict[bytes, bytes]]:
        """All fields of a hash with their values."""
        cursor, count = 0, _FEWEST
        while True:
            cursor, page = self._read("HSCAN", key, cursor, "COUNT", count)
            yield page
            if not cursor:
                return
            size = sum(map(len, page.values()))
            count = count * 2 if size < _LIGHT else count // 2 if size > _HEAVY else count
            count = max(_FEWEST, min(count, _MOST))

    def entries(self, key: str) -> Iterator[list[bytes]]:
        """All members of a sorted set, in no order."""
        for page in self.scored_entries(key):
            yield [member for member, _ in page]

    def scored_entries(self, key: str) -> Iterator[list[tuple[bytes, float]]]:
        """The same, with their scores."""
        cursor = 0
        while True:
            cursor, page = self._read("ZSCAN", key, cursor, "COUNT", _MOST)
            yield [(member, float(score)) for member, score in page]
            if not cursor:
                return

    def size_of_values(self) -> tuple[str, str, int] | None:
        """What the values take that were made before, in bytes; None if that changed while it was added up.

        Before it, how many misses were counted and the sum that is noted, both as they are stored.
        """
        before = self._noted()
        sizes: dict[bytes, int] = {}
        for page in self.entries(self.keys.cache_uses):
            lengths = self._pipeline([("HSTRLEN", self.keys.cached, name) for name in page])
            sizes |= dict(zip(page, lengths, strict=True))
        after = self._noted()
        return (*after[:2], sum(sizes.values())) if before == after else None

    def _noted(self) -> tuple[str, str, int]:
        noted, count = self._pipeline(
            [("HMGET", self.keys.meta, "cache_misses", "cache_bytes"), ("HLEN", self.keys.cached)]
        )
        misses, taken = ((value or b"").decode("utf-8", "replace") for value in noted)
        return misses, taken, count
