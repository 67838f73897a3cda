"""Why a job does not run: what stands between it and a slot, in the order in which that must go.

A pure decision over what was seen: see ``looking`` for who looks, and docs/why.md for what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from junmai_jobs.job import Job, Status, iso
from junmai_jobs.lanes import needs_of
from junmai_jobs.resources import in_words
from junmai_jobs.settings import EXTERNAL_QUEUES
from junmai_jobs.template import VERSIONS
from junmai_jobs.why.facts import Facts, Full, Seen

Reason = Literal[
    "paused", "position", "limit", "dependency", "backoff", "scheduled", "needs", "governor", "no_worker",
    "unknown_task", "newer_schema", "running", "finished",
]  # fmt: skip
_NAMED = 5
"""Of a list so many are named."""
_OVERDUE = 5.0
"""Seconds after which it is not the time any more that a job waits for: any worker brings it into line."""
_OF_PLACES: Mapping[Status, Reason] = {
    Status.QUEUED: "position", Status.SCHEDULED: "scheduled", Status.RETRYING: "backoff",
}  # fmt: skip
_ASTRAY = "it is in no line, where no verb leaves a job: `junmai-jobs doctor --repair` brings it back"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job does not run, and when it will; ``as_dict`` is the JSON."""

    id: str
    status: Status
    reason: Reason
    detail: str
    """The exact blocker in words, then what else is in the way."""
    position: int | None = None
    """How many start before it, 0: it is next; None: it does not stand in line."""
    expected_start: str | None = None
    """ISO 8601, UTC; None: nobody knows, or not before somebody does something."""

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        return asdict(self)


class Obstacle(NamedTuple):
    """One thing that must go before the job can run."""

    reason: Reason
    detail: str
    passes: bool = True
    """Whether it goes by itself, as things are."""


def obstacles(facts: Facts) -> Iterator[Obstacle]:
    """All that stands between a waiting job and a slot, first what must go first."""
    if facts.is_astray:
        yield Obstacle(_OF_PLACES[facts.job.status], _ASTRAY, passes=False)
        return
    yield from _out_of_line(facts)
    if facts.paused:
        what = "all queues are paused" if facts.paused == "*" else f"the queue {facts.paused} is paused"
        word = "" if facts.paused == "*" else f" {facts.paused}"
        yield Obstacle("paused", f"{what}: `junmai-jobs resume{word}` lets it go on", passes=False)
    unfit = _unfit(facts)
    if unfit is not None:
        yield unfit
    if facts.job.status is Status.QUEUED:
        yield from () if unfit else _held_back(facts)
        yield _place(facts)


def decide(facts: Facts, wait: float | None = None, unknown: str = "") -> Why:
    """What is to be told of a job that waits.

    Args:
        facts: what was seen.
        wait: seconds until it will start; None: nobody knows.
        unknown: why nobody knows.
    """
    first, *rest = obstacles(facts)
    start = None if wait is None else facts.now + wait
    words = [first.detail, *(f"besides, {each.detail}" for each in rest if each.reason != "position")]
    words += [f"when it starts is not known: {unknown}"] if unknown else []
    if facts.expires is not None and (facts.expires <= facts.now or (start or 0) > facts.expires):
        words.append(f"it expires at {iso(facts.expires)} and is cancelled in place of running after that")
        start = None
    if not facts.version:
        words.append("its stored record cannot be read: it will fail as corrupt_record")
    job, at = facts.job, None if start is None else iso(start)
    return Why(job.id, job.status, first.reason, "; ".join(words), facts.position, at)


def told(job: Job, now: float, *, is_asked: bool = False) -> Why:
    """What is to be told of a job that runs or has finished.

    Args:
        job: it.
        now: seconds since 1970.
        is_asked: whether somebody wants it to stop.
    """
    attempt = f"attempt {job.attempt} of {job.max_retries + 1}"
    if job.status is Status.RUNNING:
        ran = max(0.0, now - int(job.token or 0) / 1e6)
        stop = "; it was asked to stop" if is_asked else ""
        return Why(
            job.id,
            job.status,
            "running",
            f"it runs on {job.worker} since {job.started_at} ({ran:.1f} s), {attempt}{stop}",
        )
    words = f"it {_ENDS[job.status]}" + (f" at {job.finished_at}" if job.finished_at else "")
    if job.status is Status.FAILED and job.attempt <= job.max_retries:
        attempt = f"attempt {job.attempt}"  # its error is one of which no other attempt was made
    words += f", {attempt}" if job.attempt else ", never claimed"
    if job.error is not None:
        words += f": {job.error['type'].rpartition('.')[2]}: {job.error['message']}"
    if job.reason and (job.error is None or job.reason != job.error["message"]):
        words += f" ({job.reason})"
    return Why(job.id, job.status, "finished", words)


_ENDS = {Status.SUCCEEDED: "succeeded", Status.FAILED: "failed", Status.CANCELLED: "was cancelled"}


def nobody(queue: str) -> str:
    """What is to be told where nobody serves a queue."""
    if queue in EXTERNAL_QUEUES:
        return "nobody asks for its jobs: start Lightroom, with the plugin"
    return "no worker serves it: start one with `junmai-jobs worker`"


def _out_of_line(facts: Facts) -> Iterator[Obstacle]:
    """What keeps a job from standing in line."""
    status, is_overdue = facts.job.status, facts.due is not None and facts.due < facts.now - _OVERDUE
    until = "" if facts.due is None else iso(facts.due)
    if is_overdue and _unfit(facts):
        return
    if facts.is_unknown and (unfit := _unfit(facts)) and unfit.reason == "unknown_task":
        return
    if is_overdue:
        yield Obstacle(
            _OF_PLACES[status], f"it was for later, until {until}: a worker brings it into line in a moment"
        )
    elif status is Status.SCHEDULED:
        why = f": {facts.job.reason}" if facts.job.reason else ""
        yield Obstacle("scheduled", f"it is for later, not before {until}{why}")
    elif status is Status.RETRYING:
        error = facts.job.error or {"type": "its last run failed", "message": ""}
        why = ": ".join(filter(None, (error["type"].rpartition(".")[2], error["message"])))
        yield Obstacle("backoff", f"its last run failed ({why}); it is tried again at {until}")
    elif facts.parked_for:
        full = _full(facts.limit) if facts.limit else f"it waits for room in the limit {facts.parked_for}"
        yield Obstacle("limit", full)
    elif status is Status.BLOCKED:
        yield Obstacle("dependency", _parents(facts))


def _parents(facts: Facts) -> str:
    if not facts.awaited:
        return "all jobs that it waited for have ended: a worker brings it into line in a moment"
    named = ", ".join(f"{each.id} ({each.status or 'gone'})" for each in facts.parents[:_NAMED])
    more = f" and {facts.awaited - _NAMED:,} more" if facts.awaited > _NAMED else ""
    nearest = next((each for each in facts.parents if each.detail), None)
    why = f"; of these {nearest.id}: {nearest.detail}" if nearest else ""
    return f"it waits for the end of {named}{more}{why}"


def fit(facts: Facts) -> list[Seen]:
    """The workers that could run the job."""
    return _sieved(facts)[-1]


def _sieved(facts: Facts) -> tuple[list[Seen], list[Seen], list[Seen], list[Seen]]:
    """Of the workers those that serve it; of these those that can read it, know it, have what it needs."""
    task = facts.job.task if facts.version and not is_newer(facts.version) else None
    serving = [each for each in facts.workers if each.serves(facts.job.queue)]
    reading = [each for each in serving if each.version >= max(facts.version, facts.head_version)]
    knowing = [each for each in reading if task is None or each.tasks is None or task in each.tasks]
    return serving, reading, knowing, [each for each in knowing if each.has_machine]


def _unfit(facts: Facts) -> Obstacle | None:
    """Why nobody who lives could run it, if so."""
    queue, (serving, reading, knowing, able) = facts.job.queue, _sieved(facts)
    if able:
        return None
    if not reading and (serving or is_newer(facts.version)):
        return Obstacle("newer_schema", _newer(facts, serving), passes=False)
    if not serving:
        return Obstacle("no_worker", _no_worker(facts), passes=False)
    if not knowing:
        known = "; ".join(f"{each.name} knows {_some(each.tasks or ())}" for each in reading[:_NAMED])
        give = (
            f"no worker that serves {queue} knows the task {facts.job.task}: give one its module with --tasks"
        )
        return Obstacle("unknown_task", f"{give} ({known})", passes=False)
    wanted = ", ".join(f"{name} {amount:g}" for name, amount in needs_of(facts.lane).items())
    return Obstacle("needs", f"no worker that serves {queue} has what it needs: {wanted}", passes=False)


def is_newer(version: str) -> bool:
    """Whether this version of ours cannot read such a body."""
    return version > VERSIONS[-1].decode()


def _newer(facts: Facts, serving: Sequence[Seen]) -> str:
    whose = "its record" if facts.version >= facts.head_version else "that of a job before it in line"
    newest, queue = max(facts.version, facts.head_version), facts.job.queue
    known = ", ".join(f"{each.name} up to {each.version}" for each in serving[:_NAMED]) or "nobody is there"
    return f"{whose} has version {newest}, which no worker that serves {queue} can read ({known}): update"


def _no_worker(facts: Facts) -> str:
    queue = facts.job.queue
    if queue in EXTERNAL_QUEUES:
        return f"the queue {queue} is served from outside, and {nobody(queue)}"
    if not facts.workers:
        return "no worker is alive: start one with `junmai-jobs worker`"
    served = "; ".join(
        f"{each.name} serves {'all' if each.queues is None else _some(each.queues)}"
        for each in facts.workers[:_NAMED]
    )
    return (
        f"no worker serves the queue {queue} ({served}): start one with `junmai-jobs worker --queues {queue}`"
    )


def _held_back(facts: Facts) -> Iterator[Obstacle]:
    """What keeps those who could run a job in line from beginning it."""
    if facts.taken:
        yield Obstacle("needs", facts.taken)
    workers, priority = fit(facts), facts.job.priority
    allowed = sum(worker.allowed(priority) for worker in workers)
    free = sum(max(0, worker.allowed(priority) - worker.busy) for worker in workers)
    idle = sum(max(0, worker.slots - worker.busy) for worker in workers)
    if allowed == 0 or (free == 0 and idle > (facts.position or 0)):
        held = next(each for each in workers if each.allowed(priority) < each.slots)
        words = f"{held.name} holds back: {in_words(held.governor or {})}"
        yield Obstacle("governor", words, passes=allowed > 0)
    if facts.limit:
        yield Obstacle("limit", _full(facts.limit))


def _full(limit: Full) -> str:
    before = f", {limit.before:,} wait before it" if limit.before else ""
    if limit.used < limit.most:
        return (
            f"it comes back into line: the limit {limit.key} has room, {limit.used} of {limit.most}{before}"
        )
    if limit.span:
        return (
            f"the limit {limit.key} is full: {limit.used} of {limit.most} began in {limit.span:g} s{before}"
        )
    return f"the limit {limit.key} is full: {limit.used} of {limit.most} run{before}"


def _place(facts: Facts) -> Obstacle:
    workers, position = fit(facts), facts.position or 0
    slots, busy = sum(each.slots for each in workers), sum(each.busy for each in workers)
    place = "it is next" if not position else f"{position:,} {'job' if position == 1 else 'jobs'} before it"
    if slots and busy >= slots:
        return Obstacle("position", f"{place}; all {slots} slots that serve it have a job")
    if slots and not position:
        return Obstacle("position", f"{place}, and a slot is free: it starts in a moment")
    return Obstacle("position", place)


def _some(names: Sequence[str] | frozenset[str]) -> str:
    listed = sorted(names) if isinstance(names, frozenset) else list(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return (", ".join(listed[:_NAMED]) or "none") + more
