"""Who is compared with whom, and how each is set up.

An adapter is ``benchmarks/peers/NAME.py``. It runs by the python of its peer's environment, makes the objects
of that library when it is imported, and has

    async connect()                         a connection is there
    async submit(photo_id, path, level)     one job, by one call
    async submit_many([(photo_id, path)], level)   many, by one call; only where the peer has one
    work()                                  a worker until it is terminated: a function, or a coroutine

A level is 0, 1 or 2, the most urgent, for those that know priorities. The job is ``benchmarks.record.noop``.
This package imports nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass

URL_VARIABLE = "JUNMAI_BENCH_URL"
"""The server's address for an adapter."""
VARIANT_VARIABLE = "JUNMAI_BENCH_VARIANT"
"""Which of those that an adapter knows; usually empty."""
LEVELS = 3
NORMAL = 1
"""The level of a job of which nobody says more."""
SPACING = 0.01  # s
PROCESSES = 2
"""So many run jobs, of every peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How one queue is measured."""

    adapter: str
    """NAME, or NAME:VARIANT."""
    requires: tuple[str, ...]
    """What pip puts into its environment; nothing: it runs in ours."""
    producer: str
    """What a program imports to submit jobs."""
    settings: str
    """What is not as the library has it by itself, and what of that matters here."""
    keeps: bool
    """Whether a job outlives the kill of the process that runs it, so set up."""
    strict: bool
    """Whether the most urgent job that waits is always the next to start, in levels, so set up."""
    bulk: bool
    """Whether it has a call for many jobs."""
    starts: int = PROCESSES
    """How often its worker is to be started, for two processes that run jobs."""


PEERS = {
    "junmai-jobs": Peer(
        adapter="ours",
        requires=(),
        producer="from junmai_jobs import JobQueue, task",
        settings="one job at a time in a process, none taken ahead; a process lives through a whole round",
        keeps=True,
        strict=True,
        bulk=True,
        starts=1,
    ),
    "junmai-jobs-ahead": Peer(
        adapter="ours:16",
        requires=(),
        producer="from junmai_jobs import JobQueue, task",
        settings="the same, but up to 16 of one priority claimed in one call",
        keeps=True,
        strict=False,
        bulk=True,
        starts=1,
    ),
    "celery": Peer(
        adapter="celery",
        requires=("celery[redis]", "hiredis"),
        producer="from celery import Celery; import celery.app.task, celery.app.amqp, kombu.transport.redis",
        settings="acks late, rejects what a lost process had, prefetch 1, no results; one job at a time",
        keeps=True,
        strict=True,
        bulk=False,
        starts=1,
    ),
    "rq": Peer(
        adapter="rq",
        requires=("rq", "hiredis"),
        producer="from redis import Redis; from rq import Queue, Retry",
        settings="SimpleWorker (no fork a job), a queue a level, three retries, no results; one job at a "
        "time; what is killed between the pop and the start is lost",
        keeps=False,
        strict=True,
        bulk=True,
    ),
    "dramatiq": Peer(
        adapter="dramatiq",
        requires=("dramatiq[redis]", "hiredis"),
        producer="import dramatiq; from dramatiq.brokers.redis import RedisBroker",
        settings="8 threads in a process, which takes jobs ahead and sorts only those",
        keeps=True,
        strict=False,
        bulk=False,
        starts=1,
    ),
    "huey": Peer(
        adapter="huey",
        requires=("huey", "redis", "hiredis"),
        producer="from huey import RedisHuey",
        settings="no results; one job at a time, popped before it runs; one line without priorities",
        keeps=False,
        strict=False,
        bulk=False,
        starts=1,
    ),
    "huey-priority": Peer(
        adapter="huey:priority",
        requires=("huey", "redis", "hiredis"),
        producer="from huey import PriorityRedisHuey",
        settings="no results; one job at a time, popped before it runs",
        keeps=False,
        strict=True,
        bulk=False,
        starts=1,
    ),
    "arq": Peer(
        adapter="arq",
        requires=("arq", "hiredis", "uvloop ; sys_platform != 'win32'"),
        producer="from arq import create_pool; from arq.connections import RedisSettings",
        settings="polls every 0.05 s instead of 0.5, reads 1,000 ids a poll, no results; 10 jobs at once in "
        "a process; one line without priorities",
        keeps=True,
        strict=False,
        bulk=False,
    ),
    "saq": Peer(
        adapter="saq",
        requires=("saq[redis,hiredis]", "typing_extensions", "uvloop ; sys_platform != 'win32'"),
        producer="from saq import Queue; import saq.queue.redis",
        settings="three retries, timeout 60 s, no results; 10 jobs at once in a process; one line without "
        "priorities",
        keeps=True,
        strict=False,
        bulk=False,
    ),
    "taskiq": Peer(
        adapter="taskiq",
        requires=("taskiq", "taskiq-redis", "hiredis", "uvloop ; sys_platform != 'win32'"),
        producer="from taskiq_redis import RedisStreamBroker",
        settings="stream broker, acknowledged after the run, claimed by others after 30 s; 10 jobs at once "
        "in a process, 100 read ahead; one line without priorities; the stream is never cut",
        keeps=True,
        strict=False,
        bulk=False,
        starts=1,
    ),
    "streaq": Peer(
        adapter="streaq",
        requires=("streaq", "uvloop ; sys_platform != 'win32'"),
        producer="from streaq import Worker",
        settings="a stream a level, no results; 16 jobs at once in a process, 16 more taken ahead",
        keeps=True,
        strict=False,
        bulk=True,
    ),
    "bullmq": Peer(
        adapter="bullmq",
        requires=("bullmq", "hiredis", "uvloop ; sys_platform != 'win32'"),
        producer="from bullmq import Queue",
        settings="three attempts, removed on completion; one job at a time in a process",
        keeps=True,
        strict=True,
        bulk=True,
    ),
    "docket": Peer(
        adapter="docket",
        requires=("pydocket", "hiredis", "uvloop ; sys_platform != 'win32'"),
        producer="from docket import Docket",
        settings="looks again after 0.01 s instead of 0.25, entries claimed by others after 30 s, no records "
        "of ended jobs; 10 jobs at once in a process; one line without priorities",
        keeps=True,
        strict=False,
        bulk=True,
    ),
}
