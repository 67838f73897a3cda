"""How the read side asks the server, and which queues there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from junmai_jobs.keys import Keys
from junmai_jobs.lanes import queue_of
from junmai_jobs.replies import lane_names, mapping

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink

_NAMES = 200
"""So many are asked for in one command."""
STANDARD_QUEUES = ("high_priority", "medium_priority", "default", "low_priority")


class InspectorBase:
    """Reads one namespace through a redis-py client.

    Every method may raise StoreUnavailable.
    """

    def __init__(self, link: ClientLink, namespace: str) -> None:
        self._link = link
        self._namespace = namespace
        self.keys = Keys.of(namespace)

    def queues(self) -> list[str]:
        """Every queue that ever had a job, the standard four first."""
        return list(dict.fromkeys(map(queue_of, self.lanes())))

    def lanes(self, queue: str | None = None) -> list[str]:
        """The known queues, or one, each followed by its lanes."""
        names = lane_names(self._read("ZRANGE", self.keys.queues, 0, -1))
        return [name for name in sorted(names, key=queue_rank) if queue in {None, queue_of(name)}]

    def paused(self) -> list[str]:
        """The known queues (and the standard four) that are paused."""
        return self.lanes_and_paused()[1]

    def lanes_and_paused(self) -> tuple[list[str], list[str]]:
        """What ``lanes`` and ``paused`` tell, at once."""
        known, flags = self._pipeline([("ZRANGE", self.keys.queues, 0, -1), ("HGETALL", self.keys.paused)])
        lanes = sorted(lane_names(known), key=queue_rank)
        flags = mapping(flags)
        names = dict.fromkeys((*STANDARD_QUEUES, *map(queue_of, lanes), *lane_names(flags)))
        names.pop("*", None)
        return lanes, [name for name in names if flags.get(name.encode(), flags.get(b"*")) == b"1"]

    def observations(self, names: Sequence[str]) -> list[bytes | None]:
        """What the last runs took under each of these names, see ``estimates.Window``, in one round trip."""
        pages = [names[at : at + _NAMES] for at in range(0, len(names), _NAMES)]
        replies = self._pipeline([("HMGET", self.keys.observations, *page) for page in pages])
        return [value for reply in replies for value in reply]

    def _read(self, *command: object) -> Any:
        return self._pipeline([command])[0]  # whose errors name the key

    def _pipeline(self, commands: Sequence[tuple[object, ...]]) -> list[Any]:
        return self._link.insist(lambda: self._link.exchange(commands)) if commands else []


def queue_rank(name: str) -> tuple[int, str]:
    """To sort lanes by: the standard queues first, in their order, then by name."""
    queue = queue_of(name)
    return (STANDARD_QUEUES.index(queue) if queue in STANDARD_QUEUES else len(STANDARD_QUEUES), name)
