"""The Lightroom plugin's protocol: it asks for a job, gets a lease, shows that it lives, and tells the end.

A plugin is a worker with one slot on the queue ``lightroom``, which nobody else serves. It names itself with
``client``; if it asks again, what it still held goes back. The original's plugin names nothing and tells no
lease: each of its jobs has a claimer of its own, and its result counts while the lease stands.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

from msgspec import Meta, Struct

from junmai_jobs import codec
from junmai_jobs.bridge.endpoints import Endpoints
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.site import Site
from junmai_jobs.endings import Ending, fail, succeed
from junmai_jobs.errors import StaleLease
from junmai_jobs.job import Call, Claimed

LIGHTROOM = Endpoints()
QUEUE = "lightroom"
LEASE = 300.0
"""Seconds: the original's plugin shows no sign of life while it works."""
_UNNAMED = "lightroom-unnamed-"


class Client(Struct, forbid_unknown_fields=True):
    """Which plugin asks."""

    client: Annotated[str, Meta(pattern="^[a-z0-9]{1,64}$")] | None = None


class LightroomJob(TypedDict):
    """What to do, as LrDevConfig 1.0, and the lease to tell with the result."""

    jobId: str
    config: dict[str, Any]
    lease: str


@LIGHTROOM.get("/job/next", 404, changes=True)
def next_job(site: Site, query: Client) -> LightroomJob:
    """Claim the next job for Lightroom; 404: there is none."""
    broker = site.jobs.broker
    broker.promote([QUEUE])
    broker.reap([QUEUE], lease=LEASE)
    worker = f"lightroom-{query.client}" if query.client else _UNNAMED + secrets.token_hex(8)
    claimer = f"{worker}/0"
    request = f"{time.time_ns() // 1000}.1"  # later ones count, see lua/lib/replay.lua
    claimed = broker.claim(claimer, request, [QUEUE], lease=LEASE)
    if claimed is None:
        raise Refusal(404, "No pending jobs", "no_job")
    broker.register(worker, {"claimers": [claimer], "queues": [QUEUE], "tasks": ["lightroom_apply"]})
    config = Call.decode(claimed.body).kwargs["config"]
    return {"jobId": claimed.id, "config": config, "lease": claimed.token}


class Lease(Struct, forbid_unknown_fields=True):
    """The lease that came with the job."""

    lease: Annotated[str, Meta(pattern="^[0-9]{1,20}$")] | None = None


class Result(Lease, forbid_unknown_fields=True, kw_only=True):
    """How it went; ``reason`` in words."""

    status: Literal["success", "failure"]
    reason: Annotated[str, Meta(max_length=10_000)] | None = None


class Told(TypedDict):
    """What was noted."""

    message: str


@LIGHTROOM.post("/job/<path:job_id>/result", 404, 409)
def result(site: Site, job_id: str, body: Result) -> Told:
    """End a job; refused once its lease is over and somebody else has it."""
    run = _run(site, job_id, body)
    site.jobs.broker.end(run.claimed, _ending(body))
    if run.worker.startswith(_UNNAMED):
        site.jobs.broker.deregister(run.worker, [run.claimer], lost=False)
    return {"message": f"Job {job_id} noted as {body.status}"}


class Beat(TypedDict):
    """``cancel``: stop, somebody asked for it."""

    message: str
    cancel: bool


@LIGHTROOM.post("/job/<path:job_id>/heartbeat", 404, 409)
def heartbeat(site: Site, job_id: str, body: Lease) -> Beat:
    """Renew the lease of a job."""
    run = _run(site, job_id, body)
    held = site.jobs.broker.extend(run.worker, [run.claimer], lease=LEASE) or {}
    if run.claimed.token not in held:
        raise _stale(job_id)
    return {"message": "Lease renewed", "cancel": held[run.claimed.token] == "CANCEL"}


class _Run(NamedTuple):
    """A run of a job in Lightroom."""

    claimed: Claimed
    claimer: str

    @property
    def worker(self) -> str:
        return self.claimer.rpartition("/")[0]


def _run(site: Site, job_id: str, given: Lease) -> _Run:
    """The run that the plugin means: that of its lease; where it tells none, the one that is on.

    Raises:
        StaleLease: it is over.
    """
    job = site.jobs.job(job_id)
    if job.queue != QUEUE or job.worker is None or job.token is None or given.lease not in {None, job.token}:
        raise _stale(job_id)
    return _Run(Claimed(job.id, job.token, b""), job.worker)


def _stale(job_id: str) -> StaleLease:
    return StaleLease(f"the lease of job {job_id} is over: this result does not count")


def _ending(told: Result) -> Ending:
    if told.status == "success":
        return succeed(codec.pack({"status": told.status, "reason": told.reason}))
    reason = told.reason or "Lightroom could not do it, and gave no reason"
    return fail({"type": "LightroomFailure", "message": reason, "traceback": ""})
