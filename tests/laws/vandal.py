"""Somebody who corrupts a store while work goes on; but loses no body, and has no run forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junmai_jobs.keys import FINISHED_HOMES, Keys
from tests.verbs.store import BAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_GHOSTS = ("results", "histories", "progress_notes", "checkpoints", "log_lines", "states")
_BY_NAME = ("children", "parents", "needed", "members", "holders", "parked", "limits_due")


class Vandal:
    """Acts on a namespace through a redis-py client, on jobs that chance chooses."""

    def __init__(self, client: Any, namespace: str, chance: Random, queues: tuple[str, ...]) -> None:
        self._client, self._keys, self._chance, self._queues = client, Keys.of(namespace), chance, queues
        self.deeds: dict[str, int] = {}
        """How often each was done."""

    def act(self) -> None:
        """One deed."""
        deed = self._chance.choice(self._all())
        deed()
        self.deeds[deed.__name__] = self.deeds.get(deed.__name__, 0) + 1

    def _all(self) -> list[Callable[[], object]]:
        return [
            self.take_out_of_line, self.take_lease, self.put_in_line_what_runs, self.put_in_line_what_is_over,
            self.end_what_waits, self.lead_astray, self.spoil_place, self.invent, self.leave_something,
            self.write_junk, self.forget_queue, self.spoil_numbers, self.replace_key,
        ]  # fmt: skip

    def _any(self, key: str) -> bytes | None:
        found = self._client.zrandmember(key)
        return None if found is None else bytes(found)

    def _home(self, kind: str) -> str:
        return self._keys.queue(self._chance.choice(self._queues), kind)

    def take_out_of_line(self) -> None:
        home = self._home("ready")
        if (job_id := self._any(home)) is not None:
            self._client.zrem(home, job_id)

    def take_lease(self) -> None:
        home = self._home("leases")
        if (job_id := self._any(home)) is not None:
            self._client.zrem(home, job_id)

    def put_in_line_what_runs(self) -> None:
        self._put_in_line(self._any(self._home("leases")))

    def put_in_line_what_is_over(self) -> None:
        self._put_in_line(self._any(getattr(self._keys, self._chance.choice(FINISHED_HOMES))))

    def _put_in_line(self, job_id: bytes | None) -> None:
        if job_id is not None:
            self._client.zadd(self._home("ready"), {job_id: self._chance.randrange(11) * BAND})

    def end_what_waits(self) -> None:
        if (job_id := self._any(self._home("scheduled"))) is not None:
            self._client.zadd(self._keys.failed, {job_id: 1})

    def lead_astray(self) -> None:
        if (job_id := self._any(self._home("ready"))) is not None:
            self._client.zadd(self._keys.queue("elsewhere", "ready"), {job_id: 1})
            self._client.zadd(self._keys.queues, {"elsewhere": 0})

    def spoil_place(self) -> None:
        home = self._home("ready")
        if (job_id := self._any(home)) is not None:
            score = self._chance.choice([11 * BAND, 99 * BAND, 2**60, -1, 0.5, "+inf", "-inf"])
            self._client.zadd(home, {job_id: score}, xx=True)

    def invent(self) -> None:
        self._client.zadd(self._home(self._chance.choice(["ready", "leases", "scheduled"])), {"nobody": 1})

    def leave_something(self) -> None:
        self._client.hset(getattr(self._keys, self._chance.choice(_GHOSTS)), "nobody", b"junk")

    def write_junk(self) -> None:
        self._client.zadd(getattr(self._keys, self._chance.choice(_BY_NAME)), {"junk": 0})

    def forget_queue(self) -> None:
        self._client.zrem(self._keys.queues, self._chance.choice(self._queues))

    def spoil_numbers(self) -> None:
        name = self._chance.choice(["token", "sequence"])
        self._client.hset(self._keys.meta, name, self._chance.choice(["junk", "1", "9" * 16]))

    def replace_key(self) -> None:
        key = getattr(self._keys, self._chance.choice(["uniques", "cached", "suspects", "starts"]))
        self._client.delete(key)
        self._client.set(key, "photographs")
