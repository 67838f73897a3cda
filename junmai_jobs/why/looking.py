"""Looks at one job, at what it waits for and at who could run it, so that ``why`` can tell."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from junmai_jobs.errors import JobNotFound
from junmai_jobs.host import is_gone
from junmai_jobs.inspector import Inspector
from junmai_jobs.inspector.base import STANDARD_QUEUES, queue_rank
from junmai_jobs.inspector.stats import ALIVE_WITHIN
from junmai_jobs.job import Status
from junmai_jobs.lanes import needs_of, queue_of, ranks_of
from junmai_jobs.machines import can_serve
from junmai_jobs.record import BAND_WIDTH, State, read_body
from junmai_jobs.replies import as_said, claims, lane_names, mapping, scored, seconds, text_of
from junmai_jobs.settings import served
from junmai_jobs.template import Header
from junmai_jobs.why import Why, decide, fit, is_newer, obstacles, told
from junmai_jobs.why.facts import Facts, Parent, Seen
from junmai_jobs.why.forecast import Scene, expected_wait
from junmai_jobs.why.limits import InspectorLimits, named, offers_in
from junmai_jobs.why.look import Look
from junmai_jobs.why.scene import Candidate, SceneReader, Work

_PARENTS, _DEEPEST = 20, 3
"""So many of the jobs that it waits for are looked at; so far it is told what these wait for."""
_UNTOLD_VERSION = "2"
"""What a worker can read that does not say it."""


class InspectorWhy(Inspector, InspectorLimits):
    """The part of the read side that tells why a job does not run."""

    def why(self, job_id: str) -> Why:
        """Why it does not run, and when it will.

        Raises:
            JobNotFound: there is none.
        """
        return self._why(job_id, 0)[0]

    def _why(self, job_id: str, depth: int) -> tuple[Why, float | None]:
        """Also in how many seconds it will have ended, as far as that can be told."""
        look = self._look(job_id)
        if look.job.status is Status.QUEUED and look.score is None:
            look = self._look(job_id)  # it was claimed, or is nowhere
        if look.job.status is Status.RUNNING or look.job.status.finished:
            asked = look.state is not None and look.state.note == "cancel"
            return told(look.job, look.now, is_asked=asked), self._ends_in(look, 0.0) if depth else None
        held = self._held(look.infos)
        facts, ends = self._facts(look, held, depth)
        if not all(each.passes for each in obstacles(facts)):
            return decide(facts), None
        joins = max(0.0, facts.due - look.now) if facts.due is not None else ends
        if joins is None:
            return decide(facts, None, "that depends on when these jobs end"), None
        wait, unknown = self._wait(look, facts, held, joins)
        ends = self._ends_in(look, wait) if depth and wait is not None else None
        return decide(facts, wait, unknown), ends

    def _look(self, job_id: str) -> Look:
        found = self.load([job_id])
        body, state = self._pipeline([("HGET", self.keys.bodies, job_id), ("HGET", self.keys.states, job_id)])
        if not found or body is None:
            raise JobNotFound.of(job_id)
        header, parsed = Header.read(body), State.parse(state)
        lane = parsed.queue if parsed else header.lane if header else found[0].queue
        homes = ("ready", "scheduled", "retrying")
        ready, scheduled, retrying = self._pipeline(
            [("ZSCORE", self.keys.queue(lane, home), job_id) for home in homes]
        )
        due = scheduled if scheduled is not None else retrying
        return Look(
            job=found[0],
            header=header,
            is_legible=bool(header and is_newer(header.version)) or read_body(body) is not None,
            state=parsed,
            due=None if due is None else float(due) / 1000,
            score=None if ready is None or found[0].status is not Status.QUEUED else float(ready),
            **self._around(),
        )

    def _around(self) -> dict[str, Any]:
        """Of a ``Look`` what is not of its job: the time, the lanes, what is paused and who is there."""
        clock, workers, info, queues, flags = self._pipeline(
            [
                ("TIME",),
                ("ZRANGE", self.keys.workers, 0, -1, "WITHSCORES"),
                ("HGETALL", self.keys.worker_info),
                ("ZRANGE", self.keys.queues, 0, -1),
                ("HGETALL", self.keys.paused),
            ]
        )
        now = self._clock(seconds(clock))
        alive = [name for name, seen in scored(workers) if now - seen / 1000 < ALIVE_WITHIN]
        infos = {name: as_said(info.get(name.encode(), b"{}")) for name in alive}
        return {
            "now": now,
            "lanes": sorted(lane_names(queues), key=queue_rank),
            "flags": mapping(flags),
            "infos": {
                name: said for name, said in infos.items() if said.get("claimers") and not is_gone(said)
            },
        }

    def _clock(self, now: float) -> float:
        """The time that counts, by the server's; tests move it."""
        return now

    def _facts(
        self, look: Look, held: Mapping[str, tuple[tuple[str, ...], ...]], depth: int
    ) -> tuple[Facts, float | None]:
        """What ``decide`` needs; and in how many seconds the last of its parents ends, if that is known."""
        job, header = look.job, look.header
        workers = [self._seen(look, name, len(held[name])) for name in look.infos]
        waits = job.status is Status.BLOCKED and not look.parked_for
        parents, awaited, ends = self._parents(job.id, depth) if waits else ([], 0, 0.0)
        place = (look.band + 1) * BAND_WIDTH if look.place is None else look.place
        facts = Facts(
            now=look.now,
            job=job,
            lane=look.lane,
            version=header.version if header and look.is_legible else "",
            expires=_expiry(header),
            due=look.due,
            is_unknown=bool(look.state and re.fullmatch(r"unknown:\d+", look.state.note)),
            paused=_paused(queue_of(look.lane), look.flags),
            workers=workers,
            head_version=self._head_version(look),
            limit=self.full(look.specs, f"{place:016.0f} {job.id}", look.parked_for, look.now),
            parked_for=look.parked_for,
            parents=parents,
            awaited=awaited,
            taken=self.taken(look.lane, [pool for said in look.infos.values() for pool in offers_in(said)]),
            position=None if look.score is None else self._position(look, workers, look.score),
        )
        return facts, ends

    def _seen(self, look: Look, name: str, busy: int) -> Seen:
        said, own = look.infos[name], queue_of(look.lane)
        queues, tasks, schema = said.get("queues"), said.get("tasks"), said.get("schema")
        offers = offers_in(said)
        lanes = served(queues, said.get("order") or STANDARD_QUEUES, offers, look.lanes)
        return Seen(
            name=name,
            queues=None if queues is None else tuple(queues),
            lanes=tuple(
                each for each in lanes if queue_of(each) == own or not _paused(queue_of(each), look.flags)
            ),
            tasks=None if tasks is None else frozenset(tasks),
            version=schema if isinstance(schema, str) and len(schema) == 1 else _UNTOLD_VERSION,
            slots=len(said["claimers"]),
            busy=busy,
            governor=said.get("governor"),
            has_machine=can_serve(offers, needs_of(look.lane)),
        )

    def _held(self, infos: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[tuple[str, ...], ...]]:
        """For each worker the jobs of its slots that are busy, see ``Work.held``."""
        claimers = {name: said["claimers"] for name, said in infos.items()}
        named_all = [claimer for each in claimers.values() for claimer in each]
        records = self._read("HMGET", self.keys.claimers, *named_all) if named_all else []
        claimed = {name: claims(record) for name, record in zip(named_all, records, strict=True)}
        ids = [job_id for each in claimed.values() for job_id, _ in each]
        texts = self._read("HMGET", self.keys.states, *ids) if ids else []
        states = {job_id: State.parse(text) for job_id, text in zip(ids, texts, strict=True)}

        def running(claimer: str) -> tuple[str, ...]:
            return tuple(
                job_id
                for job_id, token in claimed[claimer]
                if (state := states[job_id]) and state.word == "running" and state.token == token
            )

        return {
            name: tuple(slot for claimer in each if (slot := running(claimer)))
            for name, each in claimers.items()
        }

    def _head_version(self, look: Look) -> str:
        """Of the first in the job's lane: one that a worker cannot read closes the lane to it."""
        head = self._read("ZRANGE", self.keys.queue(look.lane, "ready"), 0, 0)
        body = self._read("HGET", self.keys.bodies, head[0]) if head and look.score is not None else None
        header = Header.read(body or b"")
        return header.version if header else ""

    def _position(self, look: Look, workers: Sequence[Seen], score: float) -> int:
        """The fewest that go before it at any worker that serves it; where none does, as at one for all."""
        rows = [each.lanes for each in workers if look.lane in each.lanes]
        rows = rows or [(*served(None, STANDARD_QUEUES, (), look.lanes), look.lane)]
        return min(self._before(tuple(dict.fromkeys(lanes)), look, score) for lanes in dict.fromkeys(rows))

    def _before(self, lanes: Sequence[str], look: Look, score: float) -> int:
        ranks = ranks_of(lanes)
        own = ranks[queue_of(look.lane)]
        commands: list[tuple[object, ...]] = []
        for lane in lanes:
            at = ranks[queue_of(lane)]
            bound = score if at == own else (look.band + (at < own)) * BAND_WIDTH
            commands.append(("ZCOUNT", self.keys.queue(lane, "ready"), "-inf", f"({bound:.0f}"))
        return int(sum(self._pipeline(commands)))

    # What it waits for.

    def _parents(self, job_id: str, depth: int) -> tuple[list[Parent], int, float | None]:
        low, high = named(job_id)
        awaited, entries = self._pipeline(
            [
                ("ZLEXCOUNT", self.keys.parents, low, high),
                ("ZRANGEBYLEX", self.keys.parents, low, high, "LIMIT", 0, _PARENTS),
            ]
        )
        ids = [text_of(entry)[len(job_id) + 1 :] for entry in entries]
        statuses = self.statuses(ids)
        alive = [each for each in ids if each in statuses and not statuses[each].finished]
        alive.sort(key=lambda each: _NEAREST.index(statuses[each]))
        if depth >= _DEEPEST or not alive:
            rest = [Parent(each, statuses.get(each)) for each in ids if each not in alive]
            parents = [Parent(each, statuses[each]) for each in alive]
            return [*parents, *rest], awaited, 0.0 if not alive else None
        reasons, ends = list[Parent](), list[float | None]()
        for each in alive[: _DEEPEST if depth == 0 else 1]:
            why, end = self._why_parent(each, depth)
            reasons.append(Parent(each, statuses[each], why))
            ends.append(end)
        reasons += [Parent(each, statuses[each]) for each in alive[len(reasons) :]]
        known = [end for end in ends if end is not None]
        is_known = len(known) == len(alive) and awaited <= len(ids)
        return reasons, awaited, max(known) if is_known else None

    def _why_parent(self, job_id: str, depth: int) -> tuple[str, float | None]:
        try:
            why, end = self._why(job_id, depth + 1)
        except JobNotFound:
            return "", 0.0
        return why.detail, end

    # When.

    def _reader(self, look: Look, works: Sequence[Work], **more: Any) -> SceneReader:
        job = Candidate(id=look.job.id, lane=look.lane, band=look.band, limits=look.specs, **more)
        return SceneReader(self._link, self._namespace, job, works, look.now)

    def _wait(
        self, look: Look, facts: Facts, held: Mapping[str, tuple[tuple[str, ...], ...]], joins: float
    ) -> tuple[float | None, str]:
        """Seconds until it starts; or None, and what is not known for that."""
        able = fit(facts)
        is_free = look.score is not None and not facts.position and not facts.limit and not facts.taken
        if is_free and any(worker.allowed(look.job.priority) > worker.busy for worker in able):
            return 0.0, ""
        scene, unknown = self._scene(look, facts, held, joins)
        wait = None if scene is None else expected_wait(scene)
        if wait is not None:
            return wait, ""
        return None, unknown or "as much comes before it as is done"

    def _scene(
        self, look: Look, facts: Facts, held: Mapping[str, tuple[tuple[str, ...], ...]], joins: float
    ) -> tuple[Scene | None, str]:
        """See ``SceneReader.read``."""
        able = fit(facts)
        names = {worker.name for worker in able}
        shared = {lane for worker in able for lane in worker.lanes}
        works = [
            Work(
                lanes=tuple(lane for lane in worker.lanes if worker.name in names or lane != look.lane),
                allowed=worker.allowed(look.job.priority),
                held=held[worker.name],
                offers=offers_in(look.infos[worker.name]),
            )
            for worker in sorted(facts.workers, key=lambda each: each.name not in names)
            if not shared.isdisjoint(worker.lanes)
        ]
        return self._reader(look, works, score=look.place, joins=joins).read()

    def _ends_in(self, look: Look, starts: float) -> float | None:
        """Seconds until a job ends that starts in so many, or has started."""
        if look.job.status.finished:
            return 0.0
        took = self._task_seconds(look)
        if took is None:
            return None
        ran = look.now - int(look.job.token or 0) / 1e6 if look.job.status is Status.RUNNING else 0.0
        return starts + max(0.1 * took, took - ran)

    def _task_seconds(self, look: Look) -> float | None:
        """How long jobs of its task take, about."""
        work = Work(lanes=(look.lane,), allowed=1, held=())
        known = self._reader(look, [work], score=None).read_tempo().seconds.get(look.job.task)
        return statistics.fmean(known) if known else None


_NEAREST = (Status.RUNNING, Status.QUEUED, Status.SCHEDULED, Status.RETRYING, Status.BLOCKED)
"""In which state a job is nearest to its end."""


def _paused(queue: str, flags: Mapping[bytes, bytes]) -> str:
    """The queue, if it is paused by name; ``*``, if all are and it is no exception; else empty."""
    if (own := flags.get(queue.encode())) is not None:
        return queue if own == b"1" else ""
    return "*" if flags.get(b"*") == b"1" else ""


def _expiry(header: Header | None) -> float | None:
    if header is None or header.created is None or header.expires is None:
        return None
    return header.created + header.expires
