"""How long a job will take and how much memory, as the last runs of jobs like it tell.

What a run took is an observation. The last 200 are kept of each task, of each kind of it (``Task.kind_of``)
on any device, and of each kind on each device: a window, out of which a machine that becomes slower or faster
pushes its old times. Whoever asks gets the quantiles of the closest of these that has enough, or nothing.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from junmai_jobs.inspector.base import InspectorBase
    from junmai_jobs.task import Task

WINDOW = 200
"""So many of the last runs are kept of each name."""
FEWEST = 5
"""Of fewer runs nothing is told."""
_KEPT_FOR = 5.0
"""Seconds for which a reader does not ask again of what it knows enough."""
_MOST_KEPT = 5000
_MOST_SECONDS, _MOST_MEMORY = 1e9, 2.0**50
"""Of what is more nobody has run it."""
_FORM = struct.Struct(">ff")
OBSERVATION_BYTES = _FORM.size
Call = tuple["Task[..., Any]", Iterable[Any], Mapping[str, Any]]
"""A task, and the arguments by place and by name."""


class Quantiles(NamedTuple):
    """Half of all runs stay below the first, nine of ten below the second."""

    half: float
    most: float

    @classmethod
    def of(cls, ordered: Sequence[float]) -> Quantiles:
        """Of values in ascending order, at least one."""
        return cls(_quantile(ordered, 0.5), _quantile(ordered, 0.9))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What runs of jobs like one have taken."""

    runs: int
    """Of so many runs."""
    seconds: Quantiles
    memory: Quantiles | None
    """Bytes that the process had at most, its libraries among them; None: nobody could measure it."""
    mean: float
    """Seconds: what many of them take is as many times that."""


class Observation(NamedTuple):
    """What one run took."""

    seconds: float
    memory: int | None = None
    """Bytes that its process had at most; None: not known."""


class Like(NamedTuple):
    """What jobs have in common."""

    task: str
    kind: str | None = None
    device: str | None = None
    """On which they run; None: on any."""

    @property
    def names(self) -> list[str]:
        """Under which such runs are kept, the closest first."""
        wider = (self, self._replace(device=None), Like(self.task))
        return list(dict.fromkeys("|".join(part or "*" for part in each) for each in wider))


@dataclass(frozen=True, slots=True)
class Window:
    """The last runs of one name."""

    seconds: tuple[float, ...] = ()
    """In ascending order."""
    memory: tuple[float, ...] = ()
    """The same, of those of which it is known; bytes."""

    @classmethod
    def of(cls, data: bytes) -> Window:
        """Read what is stored; what is no observation is left out."""
        pairs = list(_FORM.iter_unpack(data[: len(data) // OBSERVATION_BYTES * OBSERVATION_BYTES]))
        seconds = (each for each, _ in pairs if 0 <= each < _MOST_SECONDS)
        memory = (each for _, each in pairs if 0 < each < _MOST_MEMORY)
        return cls(tuple(sorted(seconds)), tuple(sorted(memory)))

    @property
    def half(self) -> float:
        """Seconds that half of the runs take at most."""
        return _quantile(self.seconds, 0.5)

    @property
    def estimate(self) -> Estimate | None:
        """What it tells of the next run; None: too little is known."""
        if len(self.seconds) < FEWEST:
            return None
        memory = Quantiles.of(self.memory) if len(self.memory) >= FEWEST else None
        return Estimate(
            len(self.seconds), Quantiles.of(self.seconds), memory, sum(self.seconds) / len(self.seconds)
        )


class Estimates:
    """Reads what was learnt; what it knows it does not ask again for some seconds. Threads may share it."""

    def __init__(self, inspector: InspectorBase) -> None:
        self._inspector = inspector
        self._kept: dict[str, tuple[float, Window]] = {}

    def of(
        self,
        task: Task[..., Any],
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        device: str | None = None,
    ) -> Estimate | None:
        """What a job will take; None: too little is known.

        Args:
            task: its task.
            args: its arguments by place.
            kwargs: its arguments by name.
            device: on which it will run, see ``learning.device_of``; None: on any.
        """
        return self.of_all([(task, args, kwargs or {})], device)[0]

    def of_all(self, calls: Iterable[Call], device: str | None = None) -> list[Estimate | None]:
        """``of`` for many, in one call of the server or none."""
        likes = [Like(task.name, task.kind_of(args, kwargs), device) for task, args, kwargs in calls]
        return [window.estimate if window else None for window in self.windows(likes)]

    def windows(self, likes: Sequence[Like]) -> list[Window | None]:
        """For each of these the closest window that has enough runs; None where there is none."""
        known = self._known(dict.fromkeys(name for like in likes for name in like.names))
        enough = (
            next((known[name] for name in like.names if len(known[name].seconds) >= FEWEST), None)
            for like in likes
        )
        return list(enough)

    def _known(self, names: Iterable[str]) -> dict[str, Window]:
        now = time.monotonic()
        kept = {name: found for name in names if (found := self._kept.get(name)) and found[0] > now}
        if missing := [name for name in names if name not in kept]:
            read = zip(missing, self._inspector.observations(missing), strict=True)
            fresh = {name: (now + _KEPT_FOR, Window.of(data or b"")) for name, data in read}
            if len(self._kept) + len(fresh) > _MOST_KEPT:
                self._kept = {}
            self._kept |= {name: each for name, each in fresh.items() if len(each[1].seconds) >= FEWEST}
            kept |= fresh
        return {name: window for name, (_, window) in kept.items()}


def packed(observations: Iterable[Observation]) -> bytes:
    """As they are stored, in the order in which they are given: the newest is to be the first."""
    rows = (_FORM.pack(each.seconds, each.memory or 0.0) for each in observations)
    return b"".join(rows)


def lessons(runs: Mapping[Like, Sequence[Observation]]) -> Iterator[tuple[str, bytes]]:
    """What is learnt of runs, the oldest first, under each of their names."""
    by_name: dict[str, list[Observation]] = {}
    for like, observations in runs.items():
        for name in like.names:
            by_name.setdefault(name, []).extend(observations)
    for name, observations in by_name.items():
        yield name, packed(observations[: -WINDOW - 1 : -1])


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Below which the next value is with that probability: (n + 1) * share is its rank among those known.

    So it is told by few values as by many; the largest known is the most that can be told.
    """
    rank = min(max((len(ordered) + 1) * share, 1.0), float(len(ordered)))
    below = math.floor(rank)
    above = ordered[min(below, len(ordered) - 1)]
    return ordered[below - 1] + (rank - below) * (above - ordered[below - 1])
