"""The read side's word on what a job has before it, and how fast that goes: what a forecast is made of.

Whatever waits is counted or sampled, never walked through: a million cost as much as a hundred.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs.inspector.stats import BANDS
from junmai_jobs.job import time_in_id
from junmai_jobs.lanes import queue_of, ranks_of
from junmai_jobs.record import BAND_WIDTH, State, read_body
from junmai_jobs.replies import scored, text_of
from junmai_jobs.why.forecast import Crew, Kind, Line, Run, Scene
from junmai_jobs.why.likes import Call, Likes
from junmai_jobs.why.limits import InspectorLimits, Parked, key_of, room_for
from junmai_jobs.why.tempo import Done, Tempo, steady_rate

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink

_ENDED = {"succeeded": 1000, "failed": 200}
"""So many of those that ended last are looked at."""
_TASKS_READ = 200
"""Of so many of them it is read which task they were."""
_PLACES, _SAMPLES, _FEWEST, _NEWEST = 40, 60, 3, 60
"""Lines that are sampled; jobs of all, and of each at least; the newest of a line, to see how many come."""
_LIMITS = 20
_WINDOW = 300.0
"""Seconds for which it is looked back at most to see how much comes in."""
_ENOUGH = 0.9
"""Of the jobs before it such a part must be of tasks of which one has ended."""
_KEYS, _LARGE = 200, 10
"""So many values are read in one command; so many that may be as large as a payload."""
Place = tuple[str, int]
"""A lane and a band, which is 10 less the priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker does, as far as it matters to one job."""

    lanes: tuple[str, ...]
    allowed: int
    """In how many slots its governor lets it begin such a job."""
    held: tuple[tuple[str, ...], ...]
    """Of each slot that is busy the ids of its jobs: first what runs, then what was claimed ahead."""
    offers: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The job of which is asked when it starts."""

    id: str
    lane: str
    band: int
    score: float | None
    """Of its place in line, or among those that wait for a limit; None: it has none yet."""
    limits: tuple[str, ...] = ()
    """Their specs, ``key,count`` or ``key,count,ms``, see lua/lib/limits.lua."""
    joins: float = 0.0
    """Seconds until it stands in line."""

    @property
    def bound(self) -> float:
        """What is before it has a lower score."""
        return (self.band + 1) * BAND_WIDTH if self.score is None else self.score


@dataclass
class SceneReader(InspectorLimits):
    """Gathers one scene; made anew for each."""

    link: ClientLink
    namespace: str
    job: Candidate
    works: Sequence[Work]
    now: float
    """Seconds since 1970, by the server."""
    states: dict[str, State] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    """Tasks of which no job has ended yet."""
    done: Sequence[Done] = ()
    """The runs that ended last in the lanes of the workers."""
    tempo: Tempo = field(default_factory=Tempo)
    totals: dict[Place, int] = field(default_factory=dict)
    """How many wait in line in each lane and band."""
    keys_known: set[str] = field(default_factory=set)
    """The limits that the scene has."""

    def __post_init__(self) -> None:
        super().__init__(self.link, self.namespace)
        self._likes = Likes(self)
        self._lanes = dict.fromkeys(lane for work in self.works for lane in work.lanes)
        self._ranks = ranks_of(self.works[0].lanes) if self.works else {}

    def read(self) -> tuple[Scene | None, str]:
        """The scene, if enough is known for it; and in words what is not known."""
        self.read_tempo()
        self.totals = self._totals()
        counts = self._counts()
        sampled = self._sampled(counts)
        parked = self.parked(map(key_of, self.job.limits), self.job.bound, self.job.id)
        running = [job_id for work in self.works for slot in work.held for job_id in slot]
        self.learn([*running, *itertools.chain(*sampled.values()), *(i for row in parked for i in row.ids)])
        specs = self._specs()
        holders = self.holders(specs) - set(running)
        self.learn(holders)
        lines = [*self._lines(counts, sampled), *self._parked_lines(parked)]
        crews = self._crews()
        others = [self._run((job_id,)) for job_id in holders]
        own = {lane for work in self.works if self.job.lane in work.lanes for lane in work.lanes}
        before = sum(n for (lane, band), n in counts.items() if lane in own and band <= self.job.band)
        known = sum(each.count for each in lines if each.lane in own and each.band <= self.job.band)
        unknown = f"no job of {', '.join(sorted(self.missing))} has ended yet" if self.missing else ""
        if known < _ENOUGH * before:
            return None, unknown or "what is before it cannot be read"
        offers = [pool for work in self.works for pool in work.offers]
        return Scene(
            job=Kind((1.0,), tuple(map(key_of, self.job.limits))),
            lane=self.job.lane,
            band=self.job.band,
            joins=self.job.joins,
            lines=lines,
            crews=crews,
            others=others,
            limits={key_of(spec): self.limit(spec, self.now) for spec in specs},
            machines={lane: room for lane in self._lanes if (room := room_for(lane, offers)) is not None},
            overhead=self.tempo.overhead,
        ), unknown

    # What has ended.

    def read_tempo(self) -> Tempo:
        """How fast things go in the workers' lanes."""
        self.done = self._done()
        self.tempo = Tempo.of(self.done)
        return self.tempo

    def _done(self) -> list[Done]:
        homes = [
            ("ZRANGE", getattr(self.keys, home), 0, most - 1, "REV", "WITHSCORES")
            for home, most in _ENDED.items()
        ]
        ended = [pair for reply in self._pipeline(homes) for pair in scored(reply)]
        states = self._read_states([job_id for job_id, _ in ended])
        known = ((at, job_id, states[job_id]) for job_id, at in ended if job_id in states)
        rows = [row for row in known if row[2].queue in self._lanes and row[2].token]
        rows.sort(key=lambda row: -row[0])
        calls = self._read_calls([job_id for _, job_id, _ in rows[:_TASKS_READ]])
        return [
            Done(
                calls[job_id].task if job_id in calls else None,
                state.queue,
                state.band,
                time_in_id(job_id),
                int(state.token) / 1e6,
                at / 1000,
                state.claimer,
                job_id in calls and calls[job_id].is_plain and not state.failures and not state.crashes,
            )
            for at, job_id, state in rows
        ]

    # What waits.

    def _totals(self) -> dict[Place, int]:
        ready = {lane: self.keys.queue(lane, "ready") for lane in self._lanes}
        sizes = self._pipeline([("ZCARD", key) for key in ready.values()])
        places = [(lane, band) for lane, size in zip(ready, sizes, strict=True) if size for band in BANDS]
        counts = self._pipeline(
            [
                ("ZCOUNT", ready[lane], band * BAND_WIDTH, f"({(band + 1) * BAND_WIDTH}")
                for lane, band in places
            ]
        )
        return {place: count for place, count in zip(places, counts, strict=True) if count}

    def _counts(self) -> dict[Place, int]:
        """As ``totals``, but of the job's own queue and band only those before it."""
        own = [place for place in self.totals if self._is_own(place)]
        before = self._pipeline(
            [
                ("ZCOUNT", self.keys.queue(lane, "ready"), band * BAND_WIDTH, f"({self.job.bound:.0f}")
                for lane, band in own
            ]
        )
        return {**self.totals, **dict(zip(own, before, strict=True))}

    def _is_own(self, place: Place) -> bool:
        return queue_of(place[0]) == queue_of(self.job.lane) and place[1] == self.job.band

    def _sampled(self, counts: Mapping[Place, int]) -> dict[Place, list[str]]:
        """The ids of some of each, from all over it."""
        largest = dict(sorted(counts.items(), key=lambda item: -item[1])[:_PLACES])
        everything = max(1, sum(largest.values()))
        commands: dict[Place, list[tuple[object, ...]]] = {}
        for place, count in largest.items():
            wanted = min(count, max(_FEWEST, _SAMPLES * count // everything))
            key, first = self.keys.queue(place[0], "ready"), self._rank(place)
            ranks = (first + count * number // wanted for number in range(wanted))
            commands[place] = [("ZRANGE", key, rank, rank) for rank in ranks]
        replies = iter(self._pipeline(list(itertools.chain(*commands.values()))))
        return {
            place: [text_of(job_id) for reply in itertools.islice(replies, len(each)) for job_id in reply]
            for place, each in commands.items()
        }

    def _rank(self, place: Place) -> int:
        """Of the first of a band in its lane."""
        return sum(self.totals.get((place[0], better), 0) for better in range(place[1]))

    def _lines(self, counts: Mapping[Place, int], sampled: Mapping[Place, Sequence[str]]) -> Iterator[Line]:
        rates = self._rates()
        anywhere = self._kinds(itertools.chain(*sampled.values()))
        tasks: dict[Place, dict[str, None]] = {}
        for run in self.done:
            tasks.setdefault((run.lane, run.band), {})[run.task or ""] = None
        for place in dict.fromkeys((*counts, *rates)):
            like = map(self.tempo.seconds.get, tasks.get(place, ()))
            known = tuple(Kind(seconds) for seconds in like if seconds)
            kinds = self._kinds(sampled.get(place, ())) or known
            if kinds := kinds or (() if place in sampled else anywhere):
                yield Line(*place, counts.get(place, 0), kinds, rates.get(place, 0.0))

    def _rates(self) -> dict[Place, float]:
        """How many come in a second that will go before the job, by lane and band; only where some do."""
        since = max(self.tempo.since, self.now - _WINDOW)
        places = dict.fromkeys((*self.totals, *((run.lane, run.band) for run in self.done)))
        times: dict[Place, list[float]] = {place: [] for place in places if self._goes_before(place)}
        for run in self.done:
            if (run.lane, run.band) in times and run.created is not None:
                times[run.lane, run.band].append(run.created)
        for place, ids in self._newest([place for place in times if place in self.totals]).items():
            times[place] += [at for job_id in ids if (at := time_in_id(job_id)) is not None]
        for job_id in {job_id for work in self.works for slot in work.held for job_id in slot}:
            state, at = self.states.get(job_id), time_in_id(job_id)
            if state is not None and at is not None and (place := (state.queue, state.band)) in times:
                times[place].append(at)
        rates = {place: steady_rate(came, since, self.now) for place, came in times.items()}
        return {place: rate for place, rate in rates.items() if rate}

    def _goes_before(self, place: Place) -> bool:
        """Whether what comes there from now on goes before the job."""
        lane, band = place
        if band != self.job.band or queue_of(lane) == queue_of(self.job.lane):
            return band < self.job.band or (band == self.job.band and self.job.joins > 0)
        rank, own = (self._ranks.get(queue_of(each), math.inf) for each in (lane, self.job.lane))
        return rank < own < math.inf

    def _newest(self, places: Sequence[Place]) -> dict[Place, list[str]]:
        commands = []
        for lane, band in places:
            end = self._rank((lane, band)) + self.totals[lane, band]
            first = max(self._rank((lane, band)), end - _NEWEST)
            commands.append(("ZRANGE", self.keys.queue(lane, "ready"), first, end - 1))
        replies = self._pipeline(commands)
        return {place: list(map(text_of, reply)) for place, reply in zip(places, replies, strict=True)}

    # Limits.

    def _parked_lines(self, parked: Sequence[Parked]) -> Iterator[Line]:
        for row in parked:
            state = self.states.get(row.ids[0])
            kinds = self._kinds(row.ids)
            if state is not None and kinds and row.key in self.keys_known:
                yield Line(state.queue, int(row.score // BAND_WIDTH), row.number, kinds, parked=row.key)

    def _specs(self) -> list[str]:
        """The limits that matter, the job's own first; no key twice."""
        found = (spec for call in self.calls.values() for spec in call.limits)
        known: dict[str, str] = {}
        for spec in (*self.job.limits, *found):
            if len(known) < _LIMITS:
                known.setdefault(key_of(spec), spec)
        self.keys_known = set(known)
        return list(known.values())

    # What runs.

    def _crews(self) -> list[Crew]:
        """Who runs a job keeps the first of the places that the governor leaves."""
        runs: dict[tuple[str, ...], list[Run]] = {work.lanes: [] for work in self.works}
        idle = dict.fromkeys(runs, 0)
        for work in self.works:
            runs[work.lanes] += [self._run(slot) for slot in work.held[: work.allowed]]
            idle[work.lanes] += max(0, work.allowed - len(work.held))
        return [Crew(lanes, tuple(those), idle[lanes]) for lanes, those in runs.items()]

    def _run(self, ids: Sequence[str]) -> Run:
        """What a slot does; one whose time nobody knows never ends."""
        state, call = self.states.get(ids[0]), self.calls.get(ids[0])
        kind = self._kind(ids[0]) or Kind((math.inf,), self._limits_of(call))
        began = int(state.token) / 1e6 if state and state.token else self.now
        return Run(kind, max(0.0, self.now - began), state.queue if state else "", len(ids) - 1)

    def _kinds(self, ids: Iterable[str]) -> tuple[Kind, ...]:
        return tuple(kind for job_id in ids if (kind := self._kind(job_id)) is not None)

    def _kind(self, job_id: str) -> Kind | None:
        """What a job is like; None: nothing is known of its task yet."""
        if (call := self.calls.get(job_id)) is None:
            return None
        if seconds := self._likes.seconds(job_id, self.tempo.seconds.get(call.task)):
            return Kind(seconds, self._limits_of(call))
        self.missing.add(call.task)
        return None

    def _limits_of(self, call: Call | None) -> tuple[str, ...]:
        return tuple(key for key in map(key_of, call.limits) if key in self.keys_known) if call else ()

    def learn(self, ids: Iterable[str]) -> None:
        """Read what these jobs are."""
        fresh = [job_id for job_id in dict.fromkeys(ids) if job_id not in self.calls]
        self.states |= self._read_states(fresh)
        self.calls |= (calls := self._read_calls(fresh))
        self._likes.learn(calls)

    def _read_states(self, ids: Sequence[str]) -> dict[str, State]:
        found = self._read_hash(self.keys.states, ids, _KEYS)
        return {job_id: state for job_id, text in found if (state := State.parse(text)) is not None}

    def _read_calls(self, ids: Sequence[str]) -> dict[str, Call]:
        found = self._read_hash(self.keys.bodies, ids, _LARGE)
        return {
            job_id: Call.of(body) for job_id, data in found if (body := read_body(data or b"")) is not None
        }

    def _read_hash(self, key: str, ids: Sequence[str], page: int) -> Iterator[tuple[str, bytes | None]]:
        pages = [ids[at : at + page] for at in range(0, len(ids), page)]
        replies = self._pipeline([("HMGET", key, *each) for each in pages])
        return zip(ids, itertools.chain(*replies), strict=True)
