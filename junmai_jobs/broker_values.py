"""The verbs on values that were made before (``cache.py``)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from junmai_jobs.broker_base import BrokerBase
from junmai_jobs.endings import milliseconds

_ASKED, _FORGOTTEN = 200, 100
"""How many are asked for, and thrown away, in one call."""


class BrokerValues(BrokerBase):
    """The part of ``Broker`` that keeps values."""

    def recall(self, key: str, token: str) -> bytes | None:
        """The value that is kept under a key, see ``cache.key_of``; None if there is none.

        A run, known by its ``token``, counts once for a key, however often it asks.
        """
        return self.recall_all([key], token)[0]

    def recall_all(self, keys: Sequence[str], asker: str) -> list[bytes | None]:
        """``recall`` of many keys: in one call for 200 of them, or for a million bytes.

        Args:
            keys: see ``cache.key_of``.
            asker: the token of a run; of a submission ``?`` and up to six digits of chance, see ``reuse.py``;
                ``?`` alone only looks, which is no use of them.
        """
        found: list[bytes | None] = []
        while len(found) < len(keys):
            _, *values = self._call("recall", *keys[len(found) : len(found) + _ASKED], asker=asker)
            found += [None if value is None else bytes(value) for value in values]
        return found

    def remember(self, key: str, token: str, value: bytes, *, lasts: float, most: int, room: int) -> None:
        """Keep a value under a key, in the place of what was.

        Args:
            key: see ``cache.key_of``.
            token: of the run that has made it.
            value: what to keep.
            lasts: for how many seconds; infinite: until others push it out.
            most: how many values are kept; of more those go that were unused for longest.
            room: how many bytes they may take; the same.

        Raises:
            QueueFull: the server is out of memory.
        """
        for_ms = "" if math.isinf(lasts) else milliseconds(lasts)
        self._call("remember", key=key, token=token, value=value, lasts=for_ms, most=most, room=room)

    def forget(self, keys: Sequence[bytes]) -> None:
        """Throw away what is kept under these keys, see ``cache.key_of``."""
        for at in range(0, len(keys), _FORGOTTEN):
            self._call("forget", *keys[at : at + _FORGOTTEN])
