"""The laws of the store, checked over a whole namespace while work goes on, and mended by rule.

All that there is is read page by page, and each page is judged by one short call of ``examine``, atomically:
so a healthy store gives no finding, however busy it is. docs/repair.md has the laws and the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from junmai_jobs.ahead import ahead
from junmai_jobs.errors import OptionError
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES
from junmai_jobs.record import is_legible
from junmai_jobs.replies import lane_names, text_of
from junmai_jobs.schedule import Schedule

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from junmai_jobs.inspector import Inspector

LAWS = {
    "foreign_key": "it is moved away whole, to a key of the same name behind aside:",
    "entry": "it is moved away, into a key of the same name behind aside:",
    "order": "all of its entries are put in the order of their names",
    "queue_name": "it is moved away, into a key of the same name behind aside:",
    "newer": "nothing: a newer version has to look at it",
    "token": "the last token becomes the largest that is known, or the time",
    "sequence": "the last place becomes the largest that is known, or the time",
    "stream": "the stream of events is moved away whole, behind aside:, and begins anew",
    "home": "it stays in, or goes to, the one home that its state names, or else the first it is in",
    "state": "its state says what its home is; one that runs or has finished goes back to its home",
    "score": "it gets a place at the end of its line, or the time that it is now",
    "orphan": "what is left of it is removed: without its body it can never run",
    "body": "it fails as corrupt_record; its bytes are kept",
    "lease": "its claimer's record is restored; if that has other jobs, it comes back to its place in line",
    "holder": "what is held is noted, what is not is free, and the next who waits for it comes back",
    "waits": "it comes back to its place in line",
    "parked": "the entry is removed",
    "limit": "the limit is looked at again at once",
    "unique": "the key is had by the job that lives; where none does it is free",
    "batch": "it is noted in its batch",
    "queue": "it is noted among the queues",
    "told": "its parent's end is told, and it does what its policy says",
    "edge": "the parent learns of it, with the policy that it was submitted with",
    "leftover": "it is removed",
    "tick": "a schedule gets its next tick; a tick of no schedule is removed",
    "cache": "a value is noted as unused for longest; a use of no value is removed",
    "cache_bytes": "the sum is put right",
    "suspect": "it is noted again; what says nothing is removed",
    "learnt": "it is noted; what says nothing is removed",
    "worker": "it registers again if it lives, and else is buried",
}
"""Each law's word, and what the repair does where it is broken."""
IN_THE_WAY = frozenset({"foreign_key", "order"})
"""While one of these is broken, not all of the rest can be looked at."""
_PAGE, _LIGHT_PAGE = 20, 100
"""How many jobs, or entries that jobs are looked at for, are looked at in one call, and how many others."""
_ALL = ("",)
"""The entries of what is looked at as a whole."""
_ROUNDS, _WALKS = 8, 5
"""So often at most is a page looked at again, and the whole namespace."""
_ROUNDS_OF_KEYS = 100_000
"""So often what all else stands on: of sets that are out of order each call puts some entries right."""
_LEFT = ("states", "results", "histories", "progress_notes", "checkpoints", "log_lines")
_BY_NAME = ("children", "parents", "needed", "members", "holders", "parked", "limits_due")
_COUNTED = 600
"""So many lanes are counted in one call."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that is broken."""

    law: str
    """One of ``LAWS``."""
    where: str
    """The id, the entry or the key."""
    detail: str
    """What is seen there."""
    repair: str
    """What the repair will do, in words."""


def check_laws(broker: Broker, inspector: Inspector) -> Iterator[Violation]:
    """The laws that are broken now; nothing is changed. Each is told once.

    Raises:
        StoreUnavailable: the server is away.
    """
    return _Walk(broker, inspector, mends=False, stops=True).all()


def repair(broker: Broker, inspector: Inspector, *, once: bool = False) -> Iterator[Violation]:
    """The same, each mended when it is given; but those of ``newer``, which are left as they are.

    It goes through all again until nothing new is found, as what is mended may show what else is broken;
    ``once`` it only mends what ``check_laws`` tells. To do it again, after a failure too, or by several at
    once, does no harm.

    Raises:
        StoreUnavailable: the server is away.
    """
    walk = _Walk(broker, inspector, mends=True, stops=once)
    for _ in range(1 if once else _WALKS):
        is_over = True
        for violation in walk.all():
            is_over &= violation.law == "newer"
            yield violation
        if is_over:
            return


class _Walk:
    """Once through the namespace."""

    def __init__(self, broker: Broker, inspector: Inspector, *, mends: bool, stops: bool) -> None:
        self._broker, self._inspector, self._mends, self._stops = broker, inspector, mends, stops
        self._keys = broker.keys
        self._told: set[tuple[str, str]] = set()
        self._lanes: set[str] = set()
        self._closed: set[str] = set()
        """Lanes with a key that is not ours: their jobs cannot be looked at."""

    def all(self) -> Iterator[Violation]:
        yield from self._look("keys")
        if self._stops and self._told:
            return  # what is wrong there would be in the way of every look at the rest
        yield from self._look("meta")
        yield from self._look("stream")
        yield from self._queues_and_workers()
        yield from self._bodies()
        yield from self._homes()
        yield from self._beside_jobs()
        yield from self._schedules()
        yield from self._values()

    def _queues_and_workers(self) -> Iterator[Violation]:
        for page in self._inspector.entries(self._keys.queues):
            ours = set(lane_names(page))
            yield from self._look("queues", [name for name in page if text_of(name) not in ours])
            yield from self._enter(ours)
        for page in self._inspector.entries(self._keys.workers):
            yield from self._look("workers", page)
            yield from self._look("lanes", [f"@{text_of(name)}" for name in page])
        for fields in self._inspector.fields(self._keys.worker_info):
            yield from self._look("workers", list(fields))

    def _enter(self, lanes: Iterable[str]) -> Iterator[Violation]:
        """Lanes are looked at from now on, if they are ours."""
        for lane in sorted(set(lanes) - self._lanes - self._closed):
            found = list(self._look("lanes", [lane]))
            yield from found
            (self._closed if found and not self._mends else self._lanes).add(lane)

    def _bodies(self) -> Iterator[Violation]:
        """The jobs, and what lanes they are in. Only here the whole of a body is read."""
        seen: set[bytes] = set()
        for lanes, illegible in ahead(self._pages_of_bodies()):
            heads = set(lanes.values()) - seen
            seen |= heads
            yield from self._enter(lane_names(heads))
            # Those of a lane together: each lane costs a call as much as some jobs.
            ids = sorted(lanes, key=lanes.__getitem__)
            yield from self._look("jobs", ids, "")
            for job in illegible:
                yield from self._look("bodies", job)

    def _pages_of_bodies(self) -> Iterator[tuple[dict[bytes, bytes], list[tuple[bytes, bytes]]]]:
        """The lanes of jobs, by id; and those with a body that none can read, of a version that is known."""
        for fields in self._inspector.fields(self._keys.bodies):
            lanes = {job_id: data[1:1000].partition(b"|")[0] for job_id, data in fields.items()}
            known = ((job_id, data) for job_id, data in fields.items() if data[:1] in {b"1", b"2"})
            yield lanes, [job for job in known if not is_legible(job[1])]

    def _homes(self) -> Iterator[Violation]:
        """Who is in a home without being a job, or in several. Where the numbers agree there is none."""
        counted = len(self._lanes) <= _COUNTED and not self._told
        if counted and self._broker.examine("homes", sorted(self._lanes))[0] == 0:
            return
        for lane in sorted(self._lanes):
            for home in QUEUE_HOMES:
                yield from self._entries("jobs", self._keys.queue(lane, home), lane)
        for name in FINISHED_HOMES:
            yield from self._entries("jobs", getattr(self._keys, name), "*")

    def _beside_jobs(self) -> Iterator[Violation]:
        for name in _LEFT:
            for fields in self._inspector.fields(getattr(self._keys, name)):
                yield from self._look(name, list(fields))
        yield from self._entries("expiring", self._keys.expiring)
        for name in _BY_NAME:
            yield from self._entries(name, getattr(self._keys, name))
        for fields in self._inspector.fields(self._keys.uniques):
            yield from self._look("uniques", list(fields))

    def _schedules(self) -> Iterator[Violation]:
        now = self._broker.due().now
        for fields in self._inspector.fields(self._keys.schedules):
            for name, spec in fields.items():
                schedule = Schedule.readable(text_of(name), spec)
                if schedule is None:
                    yield from self._tell([("newer", text_of(name), "is a schedule that cannot be read")])
                    continue
                try:
                    tick = schedule.timetable.after(now) * 1000
                except OptionError as error:
                    yield from self._tell([("newer", text_of(name), f"is a schedule, but {error}")])
                    continue
                yield from self._look("schedules", [name, spec, tick])
        yield from self._entries("ticks", self._keys.ticks)

    def _values(self) -> Iterator[Violation]:
        yield from self._entries("cached", self._keys.cache_uses)
        for fields in self._inspector.fields(self._keys.cached):
            yield from self._look("cached", list(fields))
        if (noted := self._inspector.size_of_values()) is not None:
            yield from self._look("cache_bytes", noted)
        for name, order in (("suspects", "suspected"), ("observations", "observed")):
            yield from self._entries(name, getattr(self._keys, order))
            for fields in self._inspector.fields(getattr(self._keys, name)):
                yield from self._look(name, list(fields))

    def _entries(self, subject: str, key: str, *head: str) -> Iterator[Violation]:
        return chain.from_iterable(self._look(subject, page, *head) for page in self._inspector.entries(key))

    def _look(self, subject: str, entries: Sequence[object] = _ALL, *head: str) -> Iterator[Violation]:
        """What is broken of these, mended if it is to be. ``head`` stands before the entries of each call."""
        at, most = 0, _PAGE if subject in {"jobs", "uniques", *_BY_NAME} else _LIGHT_PAGE
        while at < len(entries):
            page = entries[at : at + most]
            looked, found = self._broker.examine(subject, [*head, *page])
            page = page[:looked]
            at += len(page)
            yield from self._tell(found)
            rounds = _ROUNDS_OF_KEYS if subject == "keys" else _ROUNDS
            for _ in range(rounds if self._mends else 0):
                if not any(law != "newer" for law, *_ in found):
                    break
                _, found = self._broker.examine(subject, [*head, *page], mends=True)
                yield from self._tell(found)

    def _tell(self, found: Iterable[tuple[str, str, str]]) -> Iterator[Violation]:
        for law, where, detail in found:
            if (law, where) not in self._told:
                self._told.add((law, where))
                yield Violation(law, where, detail, LAWS[law])
