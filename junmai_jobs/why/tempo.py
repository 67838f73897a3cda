"""How fast things go, read off the jobs that ended last: how long each task takes, and how much comes in."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

_MOST_BINS, _FEWEST_BINS, _A_BIN = 8, 4, 3
_A_PAUSE, _LONGEST_PAUSE, _FEWEST_PAUSES = 0.05, 5.0, 3
"""Seconds between two jobs of a slot from which on it is a pause, as when a process is replaced; from which
on it was something else; and how many there must be to count on more."""
_REMEMBERED = 100
"""Of each task so many of its last runs."""


class Done(NamedTuple):
    """A run that has ended its job. Times are in seconds since 1970."""

    task: str | None
    """None: nobody has looked."""
    lane: str
    band: int
    created: float | None
    started: float
    finished: float
    claimer: str
    stood: bool = True
    """Whether it stood in line from its submission to its start, as far as is known."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """What the last runs tell."""

    seconds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """How long the last runs of each task took, in ascending order."""
    overhead: float = 0.0
    """Seconds from the end of a job to the start of the next in a slot, where one waited."""
    since: float = 0.0
    """From when on all that ended is known, in seconds since 1970."""

    @classmethod
    def of(cls, ended: Iterable[Done]) -> Tempo:
        """Read it off runs, whatever their order."""
        runs = sorted(ended, key=lambda run: run.finished)
        seconds: dict[str, list[float]] = {}
        free: dict[str, float] = {}  # since when each slot was: what was claimed ahead began later than that
        for run in runs:
            began = max(run.started, free.get(run.claimer, 0.0))
            free[run.claimer] = run.finished
            if run.task is not None:
                seconds.setdefault(run.task, []).append(max(0.0, run.finished - began))
        newest = {task: tuple(sorted(each[-_REMEMBERED:])) for task, each in seconds.items()}
        return cls(newest, _overhead(runs), runs[0].finished if runs else 0.0)


def _overhead(runs: Sequence[Done]) -> float:
    """The mean over slots that had work all the time: how long one idled tells nothing.

    A process that is replaced now and then counts; a single pause may be anything.
    """
    slots: dict[str, list[Done]] = {}
    for run in runs:
        slots.setdefault(run.claimer, []).append(run)
    gaps = [
        max(0.0, after.started - before.finished)
        for row in slots.values()
        for before, after in pairwise(row)
        if after.stood and after.created is not None and after.created < before.finished
    ]
    short = [gap for gap in gaps if gap < _A_PAUSE]
    long = [gap for gap in gaps if _A_PAUSE <= gap < _LONGEST_PAUSE]
    counted = short + (long if len(long) >= _FEWEST_PAUSES else [])
    return statistics.fmean(counted) if counted else 0.0


def steady_rate(times: Iterable[float], since: float, now: float) -> float:
    """How many come in a second, of those that came at these times; 0 where they came at once, or stopped.

    A burst says nothing of what will come, so a part of the time in which far more came than in the others
    does not count.
    """
    came = [time for time in times if since <= time <= now]
    bins = min(_MOST_BINS, len(came) // _A_BIN)
    if bins < _FEWEST_BINS or now <= since:
        return 0.0
    width = (now - since) / bins
    counts = [0] * bins
    for time in came:
        counts[min(bins - 1, int((time - since) / width))] += 1
    mean = statistics.fmean(counts)
    if not any(counts[-bins // _FEWEST_BINS :]):
        return 0.0
    is_even = max(counts) <= mean + 3 * mean**0.5
    return float(mean if is_even else statistics.median(counts)) / width
