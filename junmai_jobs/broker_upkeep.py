"""The verbs of the chores, which any supervisor does for all; any number of them may at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from junmai_jobs.broker_base import MAX_WAITING, BrokerBase, refusal
from junmai_jobs.endings import milliseconds
from junmai_jobs.errors import ScheduleNotFound
from junmai_jobs.replies import text_of
from junmai_jobs.schedule import Schedule

LEASE = 30.0
"""Seconds."""
_LESSONS = 100
"""A call."""


@dataclass(frozen=True, slots=True)
class Due:
    """The answer to ``Broker.due``."""

    now: float
    """Server time, in seconds since 1970."""
    wait: float | None
    """Seconds until the next tick that is not due yet; None: there is none."""
    ticks: list[tuple[str, int, bytes]]
    """Name, oldest tick that is due, stored form."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What ``Broker.survey`` saw of a lane."""

    waiting: int
    """Jobs in line, 0 while their queue is paused."""
    running: int
    foreign: str
    """A key of the lane in whose place there is something that is not ours; empty if all are."""


class BrokerUpkeep(BrokerBase):
    """The part of ``Broker`` that keeps a namespace in order, schedules included."""

    def survey(self, lanes: Sequence[str]) -> dict[bytes, Sight]:
        """What there is of these lanes and of all that are known, by name, whatever that is."""
        found: dict[bytes, Sight] = {}
        word, first = "MORE", 0
        while word == "MORE":
            word, following, *reply = self._call("survey", *(() if first else lanes), first=first)
            rows = zip(reply[::4], reply[1::4], reply[2::4], reply[3::4], strict=True)
            found |= {
                name: Sight(waiting, running, text_of(foreign)) for name, waiting, running, foreign in rows
            }
            first = int(following)
        return found

    def promote(self, queues: Sequence[str]) -> float | None:
        """Move what is due to ready. Seconds until the next is due, None if nothing is."""
        while (reply := self._call("promote", *queues))[0] == "MORE":
            pass
        return int(reply[1]) / 1000 if reply[1] else None

    def reap(self, queues: Sequence[str], *, lease: float = LEASE) -> None:
        """Take back the jobs whose lease is over."""
        while self._call("reap", *queues, lease=milliseconds(lease))[0] == "MORE":
            pass

    def resolve(self) -> None:
        """Tell blocked jobs of their parents' ends."""
        while self._call("resolve")[0] == "MORE":
            pass

    def prune(self, home: str, *, max_age: float, keep: int) -> None:
        """Forget finished jobs that are older than ``max_age`` seconds or beyond the newest ``keep``."""
        reply: list[Any] = ["MORE", 0]
        while reply[0] == "MORE":
            reply = self._call(
                "prune", word=home, max_age=milliseconds(max_age), keep=keep, after=int(reply[1])
            )

    def expire(self) -> None:
        """Forget the results whose time is over."""
        while self._call("expire")[0] == "MORE":
            pass

    def announce(self, request: str, *, window: float = 0.0) -> tuple[int, list[str]]:
        """The jobs that have failed since the last call that told of any: how many, and the ids of 100.

        None where that was less than ``window`` seconds ago, whoever made it.
        """
        _, count, *ids = self._call("announce", request=request, window=milliseconds(window))
        return count, [text_of(job_id) for job_id in ids]

    def schedule(self, schedule: Schedule) -> None:
        """Store a schedule under its name; if it is there already, its next tick stays.

        Raises:
            OptionError: this machine does not know its time zone.
        """
        first = schedule.timetable.after(self.due().now)
        self._call("schedule", name=schedule.name, spec=schedule.encode(), first=first * 1000)

    def unschedule(self, name: str, request: str) -> None:
        """Remove a schedule; the jobs of its ticks stay.

        Raises:
            ScheduleNotFound: there is none.
        """
        if self._call("unschedule", name=name, request=request)[0] != "OK":
            raise ScheduleNotFound.of(name)

    def due(self) -> Due:
        """Whose ticks are due, the oldest first, at most 100 schedules."""
        _, now, wait, *rest = self._call("due")
        triples = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        ticks = [(text_of(name), int(tick) // 1000, bytes(spec)) for name, tick, spec in triples]
        return Due(int(now) / 1000, int(wait) / 1000 if wait else None, ticks)

    def fire(
        self,
        schedule: Schedule,
        spec: bytes,
        tick: int,
        ticks: Sequence[int],
        following: int,
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """Submit the jobs of ``ticks``, and make ``following`` the next; unless somebody else has.

        Args:
            schedule: which.
            spec: its stored form, as ``due`` gave it.
            tick: its next tick, as ``due`` gave it.
            ticks: at most ``schedule.MOST_TICKS``.
            following: the tick after them.
            max_waiting: see ``enqueue``.

        Raises:
            QueueFull: see ``enqueue``; the tick stays due.
        """
        call = partial(
            self._call,
            "fire",
            *(schedule.job_id(each) for each in ticks),
            name=schedule.name,
            spec=spec,
            tick=tick * 1000,
            following=following * 1000,
            max_waiting=max_waiting,
            delay=milliseconds(schedule.delay),
            body=schedule.body,
        )
        word, *reply = self._in_need_of_room(call)
        if word in {"FULL", "LANES"}:
            raise refusal(word, text_of(reply[1]), "", max_waiting)

    def age(self, queues: Sequence[str], bound: float) -> None:
        """Raise the job of each queue that waits longest, once it has for ``bound`` seconds."""
        self._call("age", *queues, bound=milliseconds(bound))

    def learn(self, request: str, lessons: Iterable[tuple[str, bytes]], *, most: int) -> None:
        """Keep what runs took, see ``estimates.lessons``; of each name the newest, ``most`` bytes.

        ``request`` is the same if the same call is repeated.

        Raises:
            QueueFull: the server is out of memory.
        """
        given = list(lessons)
        for at in range(0, len(given), _LESSONS):
            page = chain.from_iterable(given[at : at + _LESSONS])
            self._call("learn", *page, request=f"{request} {at}", bytes=most)

    def sample(self) -> None:
        """Write the rows of history that are due."""
        while self._call("sample")[0] == "MORE":
            pass

    def examine(
        self, subject: str, entries: Sequence[object] = (), *, mends: bool = False
    ) -> tuple[int, list[tuple[str, str, str]]]:
        """Which laws of the store (``laws.LAWS``) are broken by some entries, at most 100.

        Args:
            subject: what they are, see lua/examine.lua.
            entries: which.
            mends: each is mended by its rule.

        Returns:
            How many were looked at; of each law that is broken its word, where, and what is seen there.
        """
        _, looked, *found = self._call("examine", *entries, mends=int(mends), subject=subject)
        each = map(text_of, found)
        return int(looked), list(zip(each, each, each, strict=True))
