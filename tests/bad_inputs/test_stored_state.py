"""What is stored beside the bodies, damaged or not ours, among the work of a real worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobNotFound, JobQueue
from junmai_jobs.host import host_id
from tests.bad_inputs.corpus import body
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

NEVER = (9e15, "inf")
STATES = {
    "junk": b"junk",
    "a word of nobody's": b"lost|default|1||0|0||||",
    "no UTF-8": b"ready|default|1||0|0|\xff|\xff||\xff",
    "a token of 400 digits": b"ready|default|1|" + b"9" * 400 + b"|0|0||||",
    "a token that is no number": b"ready|default|1|abc|0|0||||",
    "40 digits of failures": b"ready|default|1||" + b"9" * 40 + b"|0||||",
    "another queue": b"ready|other|1||0|0||||",
}
STRANGE_IDS = (b"\xff\xfe", b"x" * 129, b"a b", b"line\nfeed", b"\x1b[31m", "caf\u00e9".encode(), b"{x}")


@pytest.fixture
def admin(redis_server: RedisProcess) -> Iterator[Any]:
    with redis_server.client() as client:
        yield client


class Junk:
    """Puts things where they do not belong."""

    def __init__(self, admin: Any, jobs: JobQueue) -> None:
        self.admin, self.keys = admin, jobs.inspector.keys

    def put(
        self, job_id: object, home: str = "ready", *, score: object = 1, state: bytes | None = None
    ) -> None:
        """A job, with a body that is fine."""
        self.admin.hset(self.keys.bodies, job_id, body("quick", [1]))
        self.admin.zadd(self.keys.queue("default", home), {job_id: score})
        if state is not None:
            self.admin.hset(self.keys.states, job_id, state)

    def running(self, job_id: str, *, score: object) -> None:
        """A job that a worker has that is not there any more."""
        self.put(job_id, "leases", score=score, state=b"running|default|1|123|0|0|ghost/1|||")


@pytest.fixture
def junk(admin: Any, jobs: JobQueue) -> Junk:
    return Junk(admin, jobs)


def test_a_state_that_cannot_be_read_counts_as_none_wherever_the_job_waits(
    jobs: JobQueue, junk: Junk, start_worker: StartWorker
) -> None:
    ids = []
    for number, state in enumerate(STATES.values()):
        for home in ("ready", "scheduled", "retrying"):
            ids.append(f"{home}-{number}")
            junk.put(ids[-1], home, state=state.replace(b"ready", home.encode()))
    worker = start_worker(slots=1)
    wait_until(lambda: set(jobs.inspector.statuses(ids).values()) == {"succeeded"}, what="every job to end")
    assert {job.id for job in jobs.jobs(status="succeeded", limit=100)} == set(ids)
    assert "died" not in worker.log()


def test_an_id_that_is_none_is_set_aside(
    jobs: JobQueue, junk: Junk, admin: Any, start_worker: StartWorker
) -> None:
    worker = start_worker(slots=1)
    for job_id in STRANGE_IDS:
        junk.put(job_id)
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
    assert sorted(admin.zrange(junk.keys.failed, 0, -1)) == sorted(STRANGE_IDS)
    assert admin.hmget(junk.keys.bodies, *STRANGE_IDS) == [body("quick", [1])] * len(STRANGE_IDS)
    assert "died" not in worker.log()
    assert {job.reason for job in jobs.jobs(status="failed")} == {"corrupt_record"}


def test_what_waits_under_an_id_that_is_none_is_counted(jobs: JobQueue, junk: Junk) -> None:
    for number, job_id in enumerate(STRANGE_IDS, 1):
        junk.put(job_id, score=number)  # the first is the oldest, whose wait is told
        assert jobs.stats()["jobs_by_status"]["queued"] == number


def test_a_lease_whose_end_is_no_time_is_over(jobs: JobQueue, junk: Junk, start_worker: StartWorker) -> None:
    for score in NEVER:
        junk.running(f"lease-{score}", score=score)
    start_worker(slots=1)
    ids = [f"lease-{score}" for score in NEVER]
    wait_until(
        lambda: set(jobs.inspector.statuses(ids).values()) == {"succeeded"}, 20, "the jobs to come back"
    )
    assert [entry["event"] for entry in jobs.job(ids[0]).history] == ["lost", "succeeded"]


def test_an_index_without_a_body_and_a_body_in_two_homes(
    jobs: JobQueue, junk: Junk, admin: Any, start_worker: StartWorker
) -> None:
    for home in ("ready", "scheduled", "retrying", "leases", "blocked"):
        admin.zadd(junk.keys.queue("default", home), {f"no-body-{home}": 1})
    for home in ("scheduled", "ready"):
        junk.put("two-homes", home)
    admin.hset(junk.keys.bodies, "no-home", body("quick", [1]))
    worker = start_worker(slots=1)
    assert jobs.submit(tasks.quick.with_options(priority=0), 7).result(timeout=60) == 7
    wait_until(
        lambda: not admin.exists(junk.keys.queue("default", "scheduled")), what="the second home to go"
    )
    job = jobs.job("two-homes")
    assert (job.status, [entry["event"] for entry in job.history]) == ("succeeded", ["succeeded"])
    with pytest.raises(JobNotFound):
        jobs.job("no-body-ready")
    assert admin.zscore(junk.keys.queue("default", "ready"), "no-body-ready") is None
    assert jobs.job("no-home").status == "queued"
    assert "died" not in worker.log()


def scatter(junk: Junk) -> None:
    """Junk in every other place that a worker reads."""
    admin, keys = junk.admin, junk.keys
    ours = {"host_id": host_id()}
    said: tuple[dict[str, Any], ...] = (
        {"mark": ["x", 1], "claimers": 5},
        {"mark": [10**30, 1], "claimers": [1, [2], {}], "tasks": {}},
        {"mark": [-1, "x"], "claimers": "abc", "tasks": 5, "queues": 7},
        {"mark": None, "claimers": ["\x1b/1"]},
    )
    for number, info in enumerate(said):
        admin.hset(keys.worker_info, f"junk-{number}", json.dumps(ours | info))
    admin.hset(keys.worker_info, mapping={b"\xff": b"\xff", "deep": "[" * 100_000, "list": "[1]"})
    admin.zadd(keys.workers, {"junk-0": "inf", "junk-1": "-inf", b"\xff": 1, "deep": 9e18})
    admin.hset(keys.claimers, mapping={"junk/1": "junk", b"\xff": b"\xff|\xff|\xff|", "ghost/1": "||||||"})
    admin.zadd(keys.limits_due, {"junk": "-inf", "a,b,c,d": 1, b"\xff": 2, "k,1": "inf"})
    for key in (
        keys.children,
        keys.parents,
        keys.needed,
        keys.members,
        keys.holders,
        keys.parked,
        keys.starts,
    ):
        admin.zadd(key, {"junk": 0, b"\xff a b": 0, "": 0, "a  b": 0})
    for key in (keys.ended, keys.expiring, keys.ages, keys.minutes, keys.hours, keys.ticks):
        admin.zadd(key, {"junk": "-inf", b"\xff": 1, "late": "inf", "": 2})
    admin.hset(keys.schedules, mapping={"junk": b"\xc1", b"\xff": b"", "late": b"\x80", "": b"junk"})
    admin.hset(keys.uniques, mapping={"k": "junk", b"\xff": b"\xff"})
    admin.hset(keys.paused, mapping={b"\xff": "1", "": "x", "default": "junk"})
    admin.hset(
        keys.meta, mapping={"reaped_at 30000": "junk", "token": "junk", "aged": "x", "listened": "junk"}
    )


def test_junk_in_every_other_place(jobs: JobQueue, junk: Junk, start_worker: StartWorker) -> None:
    scatter(junk)
    worker = start_worker(slots=1, schedules=True)
    handles = [
        jobs.submit(tasks.quick, 1),
        jobs.submit(tasks.quick.with_options(delay=0.1), 2),
        jobs.submit(tasks.quick.with_options(unique="k"), 3),
        jobs.submit(tasks.quick.with_options(concurrency=1), 4),
    ]
    handles.append(jobs.submit(tasks.quick.with_options(after=[handles[0]]), 5))
    assert [handle.result(timeout=60) for handle in handles] == [1, 2, 3, 4, 5]
    jobs.schedule("good", tasks.quick, 6, every="1s")
    wait_until(lambda: jobs.jobs(status="succeeded", limit=6)[5:], what="a tick")
    assert "died" not in worker.log()
    assert "cannot work" not in worker.log(), worker.log()
    assert worker.process is not None
    assert worker.process.poll() is None


def test_people_can_look_at_all_that(jobs: JobQueue, junk: Junk) -> None:
    scatter(junk)
    jobs.submit(tasks.quick, 1)
    assert len(jobs.jobs()) == 1
    assert jobs.stats()["jobs_by_status"]["queued"] == 1
    assert {row["name"] for row in jobs.workers()} >= {"junk-0", "junk-1", "deep"}
    assert {row["name"] for row in jobs.schedules() if "error" in row} >= {"junk", "late", ""}
    assert jobs.history("minute") == jobs.history("hour") == []
