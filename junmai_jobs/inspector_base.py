"""How the read side asks the server, and which queues there are."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from junmai_jobs.connection import ClientLink
from junmai_jobs.keys import QUEUE_HOMES, Keys
from junmai_jobs.lanes import queue_of
from junmai_jobs.replies import lane_names

log = logging.getLogger("junmai_jobs.worker")
STANDARD_QUEUES = ("high_priority", "medium_priority", "default", "low_priority")
_SIZES = {**dict.fromkeys(QUEUE_HOMES, "ZCARD"), "bell": "LLEN"}
"""By which command the keys of a queue tell their size, and that they are what they should be."""


class InspectorBase:
    """Reads one namespace through a redis-py client.

    Every method may raise StoreUnavailable.
    """

    def __init__(self, link: ClientLink, namespace: str) -> None:
        self._link = link
        self._namespace = namespace
        self.keys = Keys.of(namespace)
        self._foreign: frozenset[str] = frozenset()
        self._odd: frozenset[bytes] = frozenset()

    def queues(self) -> list[str]:
        """Every queue that ever had a job, the standard four first."""
        return list(dict.fromkeys(map(queue_of, self.lanes())))

    def lanes(self, queue: str | None = None) -> list[str]:
        """The known queues, or one, each followed by its lanes."""
        names = lane_names(self._read("ZRANGE", self.keys.queues, 0, -1))
        return [name for name in sorted(names, key=_queue_rank) if queue in {None, queue_of(name)}]

    def tell_odd_names(self) -> None:
        """Tell once in the log of each name among the queues that is none, and so is left out."""
        found = self._read("ZRANGE", self.keys.queues, 0, -1)
        odd = frozenset(name for name in found if not lane_names([name]))
        for name in sorted(odd - self._odd):
            log.error("%s holds %r, the name of no queue; take it out", self.keys.queues, name)
        self._odd = odd

    def sound(self, lanes: Iterable[str]) -> list[str]:
        """Those of these lanes whose sets and bell are ours; of each other it is told once in the log.

        A script that meets what somebody else has put in the place of one fails for all its queues, and so
        does a child that waits for the bell of each.
        """
        lanes = list(dict.fromkeys(lanes))
        keys = [(lane, self.keys.queue(lane, kind)) for lane in lanes for kind in _SIZES]
        sizes = self._link.insist(lambda: self._sizes([key for _, key in keys]))
        foreign = {lane: key for (lane, key), size in zip(keys, sizes, strict=True) if size is None}
        for lane in foreign.keys() - self._foreign:
            log.error("queue %s is closed: %s holds what is not ours; move it away", lane, foreign[lane])
        self._foreign = frozenset(foreign)
        return [lane for lane in lanes if lane not in foreign]

    def _sizes(self, keys: Sequence[str]) -> list[int | None]:
        """None for a key that holds another kind of thing."""
        pipeline = self._link.client.pipeline(transaction=False)
        for key, command in zip(keys, itertools.cycle(_SIZES.values()), strict=False):
            pipeline.execute_command(command, key)
        replies = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
                raise reply
        return [None if isinstance(reply, Exception) else reply for reply in replies]

    def paused(self) -> list[str]:
        """The known queues (and the standard four) that are paused."""
        flags = self._read("HGETALL", self.keys.paused)
        flags = dict(zip(flags[::2], flags[1::2], strict=True)) if isinstance(flags, list) else flags
        names = dict.fromkeys((*STANDARD_QUEUES, *self.queues(), *lane_names(flags)))
        names.pop("*", None)
        return [name for name in names if flags.get(name.encode(), flags.get(b"*")) == b"1"]

    def _read(self, *command: object) -> Any:
        return self._pipeline([command])[0]  # whose errors name the key

    def _pipeline(self, commands: Sequence[tuple[object, ...]]) -> list[Any]:
        def once() -> list[Any]:
            pipeline = self._link.client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = pipeline.execute()
            return replies

        return self._link.insist(once) if commands else []


def _queue_rank(name: str) -> tuple[int, str]:
    queue = queue_of(name)
    return (STANDARD_QUEUES.index(queue) if queue in STANDARD_QUEUES else len(STANDARD_QUEUES), name)
