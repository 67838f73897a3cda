"""When jobs that are submitted now would start and end: nothing is submitted for that."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from junmai_jobs.job import Body
from junmai_jobs.record import BAND_WIDTH, Record
from junmai_jobs.template import VERSIONS, Header
from junmai_jobs.why import fit, obstacles
from junmai_jobs.why.forecast import Kind, Line, Play, Scene, handful_of, plays_of
from junmai_jobs.why.look import Look
from junmai_jobs.why.looking import InspectorWhy

if TYPE_CHECKING:
    from junmai_jobs.job import NewJob

OTHERS = "that depends on when other jobs end"


@dataclass(frozen=True, slots=True)
class Placed:
    """What would become of jobs that are alike, as far as that can be told. Times are seconds from now."""

    start: float | None = None
    """Of the first; None: nobody knows."""
    ends: tuple[float, ...] = ()
    """Of the last, one for each way in which it may go, in ascending order; empty: nobody knows."""
    slots: int = 0
    """How many of them may run at once."""
    overhead: float = 0.0
    """From the end of a job to the start of the next in a slot."""
    obstacle: str = ""
    """What keeps them from running until somebody does something."""
    unknown: str = ""
    """Why nobody knows."""


class Lot(NamedTuple):
    """Jobs that are alike and would be submitted together."""

    job: NewJob
    """The last of them."""
    number: int = 1
    seconds: Sequence[float] = ()
    """How long such jobs took; empty: nobody knows."""

    @property
    def line(self) -> Line:
        """As it would stand in line."""
        body = Body.decode(self.job.body)
        return Line(body.lane, 10 - body.priority, self.number, (Kind(tuple(self.seconds)),))


def expected_ends(scene: Scene, seconds: Sequence[float], count: int) -> tuple[float, ...]:
    """In how many seconds so many jobs have ended of which the scene's is the last, in ascending order.

    Args:
        scene: without the others of them, which stand before it.
        seconds: how long such jobs took. Each play draws the times from a sample of them drawn anew, so that
            what is told by few runs is told less certainly.
        count: how many.

    Returns:
        An end for each play; empty: it never comes, as things are.
    """
    if scene.joins:
        return _delayed(scene, seconds, count)
    limits = scene.job.limits
    own = Line(scene.lane, scene.band, count - 1, (Kind(tuple(seconds), limits),))
    whole = replace(scene, lines=(*scene.lines, own))
    handful = handful_of(whole)
    ends = []
    for number in range(plays_of(whole, handful, 0.0)):
        chance = random.Random(number)
        kind = Kind(tuple(sorted(chance.choices(seconds, k=len(seconds)))), limits)
        played = replace(whole, job=kind, lines=(*scene.lines, replace(own, kinds=(kind,))))
        ends.append(Play(played, handful, 0.0, chance).end())
    return tuple(sorted(ends)) if max(ends) < math.inf else ()


def _delayed(scene: Scene, seconds: Sequence[float], count: int) -> tuple[float, ...]:
    """The same of jobs for later: what is before them now is done meanwhile, or holds them up even then."""
    now = replace(scene, joins=0.0)
    behind = expected_ends(now, seconds, count)
    alone = expected_ends(replace(now, lines=()), seconds, count)
    plays = len(behind) if alone else 0
    return tuple(
        max(behind[number], scene.joins + alone[number * len(alone) // plays]) for number in range(plays)
    )


class InspectorPlacing(InspectorWhy):
    """The part of the read side that tells when a job would run if it were submitted now."""

    def place(self, lot: Lot, beside: Sequence[Lot] = (), pool: int = 0) -> Placed:
        """What would become of jobs that are submitted now.

        Args:
            lot: they.
            beside: others that are submitted with them; of those that are equals all before them.
            pool: slots that are going to be started for them, and serve every queue.
        """
        job = lot.job
        look = self._look_at(job, pool)
        held = self._held(look.infos)
        facts, _ = self._facts(look, held, 0)
        slots = sum(worker.allowed(look.job.priority) for worker in fit(facts))
        blocker = next((each.detail for each in obstacles(facts) if not each.passes), "")
        if blocker or job.dependencies:
            return Placed(slots=slots, obstacle=blocker, unknown="" if blocker else OTHERS)
        start, unknown = self._wait(look, facts, held, job.delay)
        start = None if start is None else max(start, job.delay)
        scene = None
        if start is not None and lot.seconds and all(each.seconds for each in beside):
            scene, unknown = self._scene(look, facts, held, job.delay)
        if scene is None:
            return Placed(start, slots=slots, unknown=unknown)
        whole = replace(scene, lines=(*scene.lines, *(each.line for each in beside)))
        return Placed(start, expected_ends(whole, lot.seconds, lot.number), slots, scene.overhead)

    def _look_at(self, job: NewJob, pool: int) -> Look:
        """As at one that stands last in its line, of its priority."""
        body, around = Body.decode(job.body), self._around()
        if pool:
            claimers = [f"pool:{slot}" for slot in range(pool)]
            around["infos"]["pool"] = {"claimers": claimers, "schema": VERSIONS[-1].decode()}
        around["lanes"] = list(dict.fromkeys((*around["lanes"], body.lane)))
        record = Record(id=job.id, body=body, state=None, result=None, history=b"", note=None)
        return Look(
            job=record.as_job(None),
            header=Header.read(job.body),
            is_legible=True,
            state=None,
            due=None,
            score=(11.0 - body.priority) * BAND_WIDTH - 1,
            **around,
        )
