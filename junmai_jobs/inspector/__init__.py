"""The read side: counts, lists, one job whole, the workers. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from junmai_jobs import codec
from junmai_jobs.errors import JobNotFound, ResultExpired
from junmai_jobs.inspector.heads import InspectorHeads
from junmai_jobs.inspector.pages import InspectorPages
from junmai_jobs.inspector.stats import ALIVE_WITHIN, BANDS
from junmai_jobs.job import Job, Status, iso, stored_id
from junmai_jobs.record import BAND_WIDTH, Record, State, read_body
from junmai_jobs.replies import as_said, claims, scored, seconds, text_of
from junmai_jobs.template import Header

_PAGE = 200
_LARGE = 10
"""So many values are read in one command that may be as large as a payload."""
_SAID = ("host", "pid", "started_at", "queues", "tasks", "concurrency", "governor")  # by a worker of itself


class Inspector(InspectorHeads, InspectorPages):
    """Reads one namespace through a redis-py client.

    Every method may raise StoreUnavailable.
    """

    def status(self, job_id: str) -> Status:
        """A job's status alone, cheaply.

        Raises:
            JobNotFound: there is none.
        """
        found = self.statuses([stored_id(job_id)])
        if not found:
            raise JobNotFound.of(job_id)
        return found[job_id]

    def statuses(self, ids: Sequence[str]) -> dict[str, Status]:
        """The statuses of those of these jobs that exist, in one round trip or two."""
        pages = [ids[at : at + _PAGE] for at in range(0, len(ids), _PAGE)]
        hashes = (self.keys.states, self.keys.bodies)
        replies = self._pipeline([("HMGET", key, *page) for page in pages for key in hashes])
        states, bodies = ([value for reply in replies[at::2] for value in reply] for at in (0, 1))
        known: dict[str, Status] = {}
        unclaimed: dict[str, str] = {}  # no state yet: queued, unless it waits for its time; id -> lane
        for job_id, state, data in zip(ids, states, bodies, strict=True):
            if data is not None:
                parsed = State.parse(state)
                known[job_id] = Status.of_word(parsed.word) if parsed else Status.QUEUED
                if not parsed and (body := read_body(data)):
                    unclaimed[job_id] = body.lane
        due = self._pipeline(
            [("ZSCORE", self.keys.queue(lane, "scheduled"), job_id) for job_id, lane in unclaimed.items()]
        )
        scheduled = (job_id for job_id, at in zip(unclaimed, due, strict=True) if at is not None)
        return known | dict.fromkeys(scheduled, Status.SCHEDULED)

    def job(self, job_id: str) -> Job:
        """One job, whole.

        Raises:
            JobNotFound: there is none.
        """
        found = self.load([stored_id(job_id)])
        if not found:
            raise JobNotFound.of(job_id)
        return found[0]

    def schedules(self) -> dict[str, tuple[bytes, float | None]]:
        """The stored form of every schedule, and its next tick (seconds since 1970)."""
        specs, ticks = self._pipeline(
            [("HGETALL", self.keys.schedules), ("ZRANGE", self.keys.ticks, 0, -1, "WITHSCORES")]
        )
        due = {name: tick / 1000 for name, tick in scored(ticks)}
        return {text_of(name): (spec, due.get(text_of(name))) for name, spec in specs.items()}

    def dependencies(self, job_id: str) -> str:
        """What a job was submitted to wait for (``NewJob.dependencies``)."""
        return self.all_dependencies([stored_id(job_id)]).get(job_id, "")

    def all_dependencies(self, ids: Sequence[str]) -> dict[str, str]:
        """What those of these jobs that exist were submitted to wait for."""
        pages = [ids[at : at + _PAGE] for at in range(0, len(ids), _PAGE)]
        replies = self._pipeline([("HMGET", self.keys.bodies, *page) for page in pages])
        stored = (data for reply in replies for data in reply)
        return {
            job_id: str(body.options.get("after", "")) if (body := read_body(data)) else ""
            for job_id, data in zip(ids, stored, strict=True)
            if data is not None
        }

    def members(self, batch: str, limit: int | None = None) -> list[str]:
        """The jobs of a batch, by id; at most so many."""
        low, high, found = f"[{batch} ", f"({batch}!", list[str]()
        while limit is None or len(found) < limit:
            page = self._read("ZRANGEBYLEX", self.keys.members, low, high, "LIMIT", 0, limit or _PAGE)
            found += [text_of(member)[len(batch) + 1 :] for member in page]
            if len(page) < _PAGE:
                break
            low = f"({text_of(page[-1])}"
        return found

    def result(self, job_id: str) -> Any:
        """What a succeeded job returned.

        Raises:
            ResultExpired: it is not kept any more.
            PayloadError: what is stored cannot be read.
        """
        data, state = self._pipeline(
            [("HGET", self.keys.results, job_id), ("HGET", self.keys.states, job_id)]
        )
        # The state is read last: where the result went just before, it tells.
        if data is None and (parsed := State.parse(state)) and parsed.note == "result_expired":
            raise ResultExpired(f"job {job_id} has succeeded, but the result_ttl of its result is over")
        return None if data is None else codec.unpack(data)

    def load(self, ids: Sequence[str]) -> list[Job]:
        """The jobs of these ids that exist, in their order."""
        if not ids:
            return []
        names = (
            self.keys.bodies, self.keys.states, self.keys.results,
            self.keys.histories, self.keys.progress_notes, self.keys.log_lines,
        )  # fmt: skip
        pages = [ids[at : at + _LARGE] for at in range(0, len(ids), _LARGE)]
        replies = self._pipeline([("HMGET", key, *page) for key in names for page in pages])
        values = chain.from_iterable(replies)
        columns = [list(islice(values, len(ids))) for _ in names]
        rows = [
            Record(
                job_id,
                known := read_body(body),
                State.parse(state),
                result,
                history or b"",
                note,
                lines,
                None if known else Header.read(body),
            )
            for job_id, body, state, result, history, note, lines in zip(ids, *columns, strict=True)
            if body is not None
        ]
        homes = self._pipeline([("ZSCORE", self._home_key(row), row.id) for row in rows])
        return [row.as_job(score) for row, score in zip(rows, homes, strict=True)]

    def _home_key(self, row: Record) -> str:
        """The set whose score tells when the job is due or has finished."""
        word = row.state.word if row.state else "scheduled"
        if word in {"succeeded", "failed", "cancelled"}:
            return str(getattr(self.keys, word))
        return self.keys.queue(row.lane, "scheduled" if word == "ready" else word)

    def jobs(
        self,
        *,
        status: Status | None = None,
        queue: str | None = None,
        task: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs that match, newest submission first.

        Of each set the last ``limit`` are looked at: of those that wait the newest, of the finished those
        that finished last, of the scheduled and retrying those due last.
        """
        lanes = self.lanes(queue)
        size = _PAGE if task else min(limit, _PAGE)
        found: dict[str, Job] = {}  # by id: a job may move from one set to the next meanwhile
        for each in Status if status is None else (status,):
            for key, first, end in self._spans(self._ranges(each, lanes)):
                matching = (
                    job
                    for ids in self._pages(key, first, end, size)
                    for job in self.load(ids)
                    if job.status == each and queue in {None, job.queue} and task in {None, job.task}
                )
                found |= {job.id: job for job in islice(matching, limit)}
        return sorted(found.values(), key=lambda job: job.created_at or "", reverse=True)[:limit]

    def _ranges(self, status: Status, queues: Sequence[str]) -> list[tuple[str, str, str]]:
        """The sets that hold a status, each with its bounds; a ready band counts as a set."""
        if status.finished:
            return [(str(getattr(self.keys, status.home)), "-inf", "+inf")]
        if status is not Status.QUEUED:
            return [(self.keys.queue(queue, status.home), "-inf", "+inf") for queue in queues]
        return [
            (self.keys.queue(queue, "ready"), str(band * BAND_WIDTH), f"({(band + 1) * BAND_WIDTH}")
            for queue in queues
            for band in BANDS
        ]

    def _spans(self, ranges: Sequence[tuple[str, str, str]]) -> list[tuple[str, int, int]]:
        """Those that have members, as ranks of their sets, the highest score first.

        The server finds a rank at once; over the offset of a range of scores it would walk each time.
        """
        replies = self._pipeline(
            [
                command
                for key, low, high in ranges
                for command in (("ZCARD", key), ("ZCOUNT", key, "-inf", high), ("ZCOUNT", key, low, high))
            ]
        )
        counts = zip(ranges, replies[::3], replies[1::3], replies[2::3], strict=True)
        return [
            (key, total - below, total - below + count)
            for (key, _, _), total, below, count in counts
            if count
        ]

    def _pages(self, key: str, first: int, end: int, size: int) -> Iterator[list[str]]:
        """The ids between two ranks, so many at a time."""
        for start in range(first, end, size):
            page = self._read("ZRANGE", key, start, min(start + size, end) - 1, "REV")
            yield [text_of(job_id) for job_id in page]

    def workers(self) -> list[dict[str, Any]]:
        """Who is alive, and what each slot runs."""
        clock, workers, info = self._pipeline(
            [
                ("TIME",),
                ("ZRANGE", self.keys.workers, 0, -1, "WITHSCORES"),
                ("HGETALL", self.keys.worker_info),
            ]
        )
        now = seconds(clock)
        said = {name: as_said(info.get(name.encode(), b"{}")) for name, _ in scored(workers)}
        claimers = [claimer for known in said.values() for claimer in known.get("claimers", ())]
        slots = dict(zip(claimers, self._slots(claimers, now), strict=True))
        rows = []
        for name, seen in scored(workers):
            known = said[name]
            rows.append(
                {
                    "name": name,
                    **{key: known.get(key) for key in _SAID},
                    "last_seen": iso(seen / 1000),
                    "silent_s": round(now - seen / 1000, 3),
                    "alive": now - seen / 1000 < ALIVE_WITHIN,
                    "slots": [slots[claimer] for claimer in known.get("claimers", ())],
                }
            )
        return rows

    def _slots(self, claimers: Sequence[str], now: float) -> list[dict[str, Any]]:
        if not claimers:
            return []
        records = self._read("HMGET", self.keys.claimers, *claimers)
        held = [next(iter(claims(record)), ("", "")) for record in records]
        jobs = {job.id: job for job in self.load([job_id for job_id, token in held if token])}
        slots = []
        for claimer, (job_id, token) in zip(claimers, held, strict=True):
            job = jobs.get(job_id)
            busy = job is not None and job.status is Status.RUNNING and job.token == token
            slots.append(
                {
                    "slot": claimer.rpartition("/")[2],
                    "claimer": claimer,
                    "job": job_id if busy else None,
                    "task": job.task if job and busy else None,
                    "running_s": round(now - int(token) / 1e6, 3) if busy else None,
                }
            )
        return slots

    def silences(self) -> dict[str, float]:
        """For each registered worker the seconds since its last sign of life."""
        clock, workers = self._pipeline([("TIME",), ("ZRANGE", self.keys.workers, 0, -1, "WITHSCORES")])
        return {name: seconds(clock) - seen / 1000 for name, seen in scored(workers)}

    def worker_info(self) -> dict[str, dict[str, Any]]:
        """What each registered worker said of itself, by name."""
        info = self._link.insist(lambda: self._link.client.hgetall(self.keys.worker_info))
        return {text_of(name): as_said(text) for name, text in info.items()}
