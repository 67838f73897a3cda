"""What the doctor reads of a namespace beside what the ``Inspector`` tells; always of bounded length."""

from __future__ import annotations

from typing import NamedTuple

from junmai_jobs.inspector import Inspector
from junmai_jobs.job import is_name
from junmai_jobs.keys import Keys
from junmai_jobs.lanes import queue_of
from junmai_jobs.record import read_body
from junmai_jobs.replies import scored, seconds, text_of
from junmai_jobs.settings import EXTERNAL_QUEUES

_HOMES = ("ready", "scheduled", "retrying")
SAMPLE = 100
"""So many jobs of each home of a lane are looked at."""
_PAGE, _KEYS = 10, 1000


class Lane(NamedTuple):
    """What waits in one for a worker."""

    name: str
    waiting: int
    """In line, and those that are for later."""
    paused: bool

    @property
    def queue(self) -> str:
        """The queue it is in."""
        return queue_of(self.name)


class Overdue(NamedTuple):
    """A lease that nobody has renewed or taken back."""

    job: str
    lane: str
    since: float
    """Seconds since its end."""


class Reader(Inspector):
    """The read side, for the doctor."""

    def namespaces(self, cursor: int) -> tuple[set[str], int]:
        """Those among the next keys of the server, and from where to go on; 0: that were all."""
        pattern = Keys.of("*").queues
        following, keys = self._read("SCAN", cursor, "MATCH", pattern, "COUNT", _KEYS)
        names = {text_of(key).removeprefix("{").partition("}")[0] for key in keys}
        return {name for name in names if is_name(name)}, int(following)

    def size(self) -> int:
        """How many jobs there are, the finished included."""
        return int(self._read("HLEN", self.keys.bodies))

    def has_staged(self) -> bool:
        """Whether an import into this namespace has begun, and not ended."""
        return bool(self._read("EXISTS", f"{self.keys.staging}meta"))

    def look(self) -> list[Lane]:
        """What waits in each lane that workers serve."""
        known, paused = self.lanes_and_paused()
        lanes = [lane for lane in known if queue_of(lane) not in EXTERNAL_QUEUES]
        counts = self._pipeline([("ZCARD", self.keys.queue(lane, home)) for lane in lanes for home in _HOMES])
        width = len(_HOMES)
        return [
            Lane(lane, sum(counts[at * width : (at + 1) * width]), queue_of(lane) in paused)
            for at, lane in enumerate(lanes)
        ]

    def overdue(self, by: float, by_external: float) -> tuple[int, list[Overdue]]:
        """How many leases ended longer ago than that, in seconds; and the oldest of each lane."""
        lanes = self.lanes()
        now = seconds(self._read("TIME"))
        commands: list[tuple[object, ...]] = []
        for lane in lanes:
            last = now - (by_external if queue_of(lane) in EXTERNAL_QUEUES else by)
            key, span = self.keys.queue(lane, "leases"), ("-inf", f"({last * 1000:.0f}")
            commands.append(("ZCOUNT", key, *span))
            commands.append(("ZRANGEBYSCORE", key, *span, "WITHSCORES", "LIMIT", 0, 1))
        replies = self._pipeline(commands)
        oldest = [
            Overdue(job_id, lane, now - end / 1000)
            for lane, heads in zip(lanes, replies[1::2], strict=True)
            for job_id, end in scored(heads)
        ]
        return sum(replies[::2]), oldest

    def tasks_in(self, lane: str) -> list[str]:
        """The tasks of the jobs that come next in a lane; of those that cannot be read nothing."""
        homes = self._pipeline([("ZRANGE", self.keys.queue(lane, home), 0, SAMPLE - 1) for home in _HOMES])
        ids = [text_of(job_id) for home in homes for job_id in home]
        pages = [ids[at : at + _PAGE] for at in range(0, len(ids), _PAGE)]
        replies = self._pipeline([("HMGET", self.keys.bodies, *page) for page in pages])
        bodies = (read_body(data) for reply in replies for data in reply if data is not None)
        return [body.task for body in bodies if body is not None]
