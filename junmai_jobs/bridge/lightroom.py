"""The Lightroom plugin's protocol: it asks for a job, gets a lease, shows that it lives, and tells the end.

A plugin is a worker with one slot on the queue ``lightroom``, which nobody else serves. It names itself with
``client``; if it asks again, what it still held goes back. The original's plugin names nothing and tells no
lease: each of its jobs has a claimer of its own, and its result counts while the lease stands. The catalog
hears of each run, after the queue does; what it misses ``catalog.sync`` finds out.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

from msgspec import Meta, Struct

from junmai_jobs import codec, endings
from junmai_jobs.bridge.endpoints import Endpoints, JobId
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.site import Site
from junmai_jobs.broker import Broker
from junmai_jobs.catalog import CatalogError
from junmai_jobs.endings import Ending
from junmai_jobs.errors import PayloadError, StaleLease
from junmai_jobs.job import Call, Claimed, Job, Status
from junmai_jobs.schema import printable
from junmai_jobs.settings import EXTERNAL_LEASE
from junmai_jobs.tasks.lightroom import lightroom_apply

LIGHTROOM = Endpoints()
QUEUE = lightroom_apply.options.queue
_UNNAMED = "lightroom-unnamed-"
_NOT_FOR_IT = f"the queue {QUEUE} takes {lightroom_apply.name} alone, of a photo_id and a config"

log = logging.getLogger("junmai_jobs.bridge")


class Client(Struct, forbid_unknown_fields=True):
    """Which plugin asks: a name that no other run of a plugin has."""

    client: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,64}$(?!\n)")] | None = None


class Photo(TypedDict):
    """The photograph that is meant: its id in the catalog, and its file; None: nobody knows that."""

    id: int
    path: str | None


class LightroomJob(TypedDict):
    """What to do, as LrDevConfig 1.0, with which photo, and the lease to tell with the result."""

    jobId: str
    config: dict[str, Any]
    lease: str
    photo: Photo


@LIGHTROOM.get("/job/next", 404, changes=True)
def next_job(site: Site, query: Client) -> LightroomJob:
    """Claim the next job for Lightroom; 404: there is none."""
    broker = site.jobs.broker
    broker.resolve()
    broker.promote([QUEUE])
    broker.reap([QUEUE], lease=EXTERNAL_LEASE)
    worker = f"lightroom-{query.client}" if query.client else _UNNAMED + secrets.token_hex(8)
    claimer = f"{worker}/0"
    order = _claim(broker, claimer)
    if order or query.client:  # who names itself is seen while it waits, too
        said = {"claimers": [claimer], "queues": [QUEUE], "tasks": [lightroom_apply.name], "concurrency": 1}
        broker.register(worker, said)
    if order is None:
        raise Refusal(404, "No pending jobs", "no_job")
    claimed, photo_id, config = order
    photo = _begin(site, claimed, photo_id, config)
    return {"jobId": claimed.id, "config": config, "lease": claimed.token, "photo": photo}


class Lease(Struct, forbid_unknown_fields=True):
    """The lease that came with the job."""

    lease: Annotated[str, Meta(pattern="^[0-9]{1,20}$")] | None = None


class Result(Lease, forbid_unknown_fields=True, kw_only=True):
    """How it went; ``reason`` in words. A failure is final, unless ``retry`` says that it may pass."""

    status: Literal["success", "failure"]
    reason: Annotated[str, Meta(max_length=10_000)] | None = None
    retry: bool = False


class Told(TypedDict):
    """What was noted, and what has become of the job."""

    message: str
    status: Status


@LIGHTROOM.post("/job/<path:job_id>/result", 404, 409)
def result(site: Site, job_id: JobId, body: Result) -> Told:
    """End a job, or have it tried again; refused once its lease is over and somebody else has it."""
    run = _run(site, job_id, body)
    status, ending = _ending(site.jobs.broker, run, body)
    site.jobs.broker.end(run.claimed, ending)
    if run.worker.startswith(_UNNAMED):
        site.jobs.broker.deregister(run.worker, [run.claimer], lost=False)
    with _if_it_can(job_id), site.catalog() as catalog:
        error = None if status is Status.SUCCEEDED else _reason(body)
        catalog.end_job(job_id, status, error, attempt=run.job.attempt)
    return {"message": f"Job {job_id} noted as {body.status}", "status": status}


class Step(Struct, forbid_unknown_fields=True):
    """How far a job is: ``done`` of ``total``, and what it does just now."""

    done: Annotated[float, Meta(ge=0)]
    total: Annotated[float, Meta(ge=0)] | None = None
    stage: Annotated[str, Meta(max_length=200)] = ""


class Pulse(Lease, forbid_unknown_fields=True):
    """A sign of life, with the progress for people to see."""

    progress: Step | None = None


class Beat(TypedDict):
    """``cancel``: stop, somebody asked for it."""

    message: str
    cancel: bool


@LIGHTROOM.post("/job/<path:job_id>/heartbeat", 404, 409)
def heartbeat(site: Site, job_id: JobId, body: Pulse) -> Beat:
    """Renew the lease of a job, and show how far it is."""
    run = _run(site, job_id, body)
    held = site.jobs.broker.extend(run.worker, [run.claimer], lease=EXTERNAL_LEASE) or {}
    if run.claimed.token not in held:
        raise _stale(job_id)
    if step := body.progress:
        note = {"done": step.done, "total": step.total, "message": step.stage}
        site.jobs.broker.progress(run.claimed, note)
    return {"message": "Lease renewed", "cancel": held[run.claimed.token] == "CANCEL"}


class _Order(NamedTuple):
    """A claimed job, and what it is to do with which photo."""

    claimed: Claimed
    photo_id: int
    config: dict[str, Any]


def _claim(broker: Broker, claimer: str) -> _Order | None:
    """The next job; one that no plugin could do fails here."""
    begin, waiting = time.time_ns() // 1000, -1
    for number in itertools.count(1):  # later requests count, see lua/lib/replay.lua
        claimed = broker.claim(claimer, f"{begin}.{number}", [QUEUE], lease=EXTERNAL_LEASE)
        if claimed is None:
            left = broker.survey([QUEUE])[QUEUE.encode()].waiting
            if left in {0, waiting}:
                break
            waiting = left  # a claim looks at a few only, and they may all have expired
        elif order := _order(claimed):
            return order
        else:
            error = {"type": "CorruptRecord", "message": _NOT_FOR_IT, "traceback": ""}
            broker.end(claimed, endings.fail(error, "corrupt_record"))
    return None


def _order(claimed: Claimed) -> _Order | None:
    """What a body orders; None if it is no order for a plugin, whoever has put it into the queue."""
    try:
        call = Call.decode(claimed.body)
    except PayloadError:
        return None
    photo_id, config = call.kwargs.get("photo_id"), call.kwargs.get("config")
    if call.task != lightroom_apply.name or type(photo_id) is not int or not isinstance(config, dict):
        return None
    return _Order(claimed, photo_id, config) if abs(photo_id) < 2**63 else None


def _begin(site: Site, claimed: Claimed, photo_id: int, config: dict[str, Any]) -> Photo:
    """Note that a run begins, and find the photo's file: in the catalog, else where the config says."""
    target = config.get("target")
    named = target.get("identifier") if isinstance(target, dict) else None
    path = named if isinstance(named, str) else None
    with _if_it_can(claimed.id), site.catalog() as catalog:
        row = catalog.photo_row(photo_id)
        known = row.id if row else None
        catalog.begin_job(
            claimed.id, lightroom_apply.name, claimed.attempt, photo_id=known, config=codec.as_json(config)
        )
        path = printable(str(row.path)) if row else path
    return {"id": photo_id, "path": path}


@contextlib.contextmanager
def _if_it_can(job_id: str) -> Iterator[None]:
    """Have the catalog hear of a job, which goes on also where that cannot be done."""
    try:
        yield
    except CatalogError as error:
        fields = {"event": "catalog.behind", "job": job_id}
        log.warning("the catalog has not heard of job %s: %s", job_id, error, extra=fields)


class _Run(NamedTuple):
    """A run of a job in Lightroom."""

    job: Job
    claimed: Claimed
    claimer: str

    @property
    def worker(self) -> str:
        return self.claimer.rpartition("/")[0]


def _run(site: Site, job_id: str, given: Lease) -> _Run:
    """The run that the plugin means: that of its lease; without one, that of a plugin which has none to tell.

    Raises:
        StaleLease: it is over.
    """
    job = site.jobs.job(job_id)
    if job.queue != QUEUE or job.worker is None or job.token is None:
        raise _stale(job_id)
    is_meant = job.worker.startswith(_UNNAMED) if given.lease is None else given.lease == job.token
    if not is_meant:
        raise _stale(job_id)
    return _Run(job, Claimed(job.id, job.token, b""), job.worker)


def _stale(job_id: str) -> StaleLease:
    return StaleLease(f"the lease of job {job_id} is over: what is told of it does not count")


def _reason(told: Result) -> str:
    return told.reason or "Lightroom could not do it, and gave no reason"


def _ending(broker: Broker, run: _Run, told: Result) -> tuple[Status, Ending]:
    """What becomes of a job of which this is told."""
    if told.status == "success":
        return Status.SUCCEEDED, endings.succeed(codec.pack({"status": told.status, "reason": told.reason}))
    if run.job.status is Status.RUNNING and broker.progress(run.claimed):  # somebody asked it to stop
        return Status.CANCELLED, endings.confirm_cancel()
    error = {"type": "LightroomFailure", "message": _reason(told), "traceback": ""}
    policy = replace(lightroom_apply.options.retry, max_retries=run.job.max_retries)
    delay = policy.decide(run.job.attempt, RuntimeError()) if told.retry else None
    if delay is None:
        return Status.FAILED, endings.fail(error)
    return Status.RETRYING, endings.retry(delay, error)
