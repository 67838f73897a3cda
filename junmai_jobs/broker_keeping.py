"""The verbs by which a namespace is kept in a file and brought back (``keeping.py``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from junmai_jobs.archive import StoredJob
from junmai_jobs.broker_base import BrokerBase
from junmai_jobs.errors import InvalidState
from junmai_jobs.replies import text_of


class BrokerKeeping(BrokerBase):
    """The part of ``Broker`` that keeps a namespace and brings it back."""

    def extract(self, ids: Sequence[bytes]) -> Iterator[StoredJob]:
        """Those of at most 50 jobs that are there, each whole and as it is at one moment."""
        left = ids
        while left:
            _, looked_at, *rows = self._call("extract", *left)
            values = map(bytes, rows)
            yield from (StoredJob(*row) for row in zip(*[values] * len(StoredJob._fields), strict=True))
            left = left[looked_at:]

    def stage(self, source: str) -> None:
        """Begin to restore an export, of which what was staged before stays.

        Raises:
            InvalidState: there are jobs, schedules, or values that were made before.
        """
        word, *reply = self._call("stage", staging=self.keys.staging, source=source, discard="")
        if word == "TAKEN":
            raise self._taken(text_of(reply[0]))

    def discard(self, source: str = "*") -> None:
        """Throw away what is staged of an export, or of any."""
        self._call("stage", staging=self.keys.staging, source="", discard=source)

    def restore(self, source: str, into: str, values: Sequence[bytes]) -> None:
        """Stage what was exported, where no worker looks.

        Args:
            source: what ``stage`` was told.
            into: ``jobs``, or the key that the rows are of.
            values: the fields of each ``StoredJob``, or of each row the name and value, or member and score.

        Raises:
            InvalidState: another import has begun meanwhile.
            QueueFull: the server is out of memory.
        """
        verb = self._load("restore")
        arguments = verb.arguments(*values, source=source, into=into)
        word, *_ = self.link.run(verb, self.keys.staging, arguments)
        if text_of(word) == "GONE":
            raise InvalidState(_GONE)

    def adopt(self, source: str) -> None:
        """Give what was restored its place, all at once; from now on workers see it.

        Raises:
            InvalidState: there is something in the namespace by now, or another import has begun meanwhile.
        """
        names = {"base": self.keys.prefix, "staging": self.keys.staging}
        word, *reply = self._call("adopt", source=source, **names)
        if word == "TAKEN":
            raise self._taken(text_of(reply[0]))
        if word == "GONE":
            raise InvalidState(_GONE)

    def _taken(self, key: str) -> InvalidState:
        name = key.removeprefix(self.keys.prefix)
        what = _WORDS.get(name, name)
        return InvalidState(
            f"the namespace is not empty, it has {what}: import before a worker is started there, or into "
            "another one with --namespace"
        )


_WORDS = {
    "bodies": "jobs",
    "schedules": "schedules",
    "cached": "values that were made before",
    "suspects": "inputs that are held suspect",
}
_GONE = "another import into this namespace has begun meanwhile: wait for its end"
