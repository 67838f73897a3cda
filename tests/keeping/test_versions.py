"""What earlier versions have stored is worked on; what a later one has stays as it is, and is named."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, libraries
from junmai_jobs.config import load_config
from junmai_jobs.job import Status
from junmai_jobs.keys import FINISHED_HOMES, Keys
from junmai_jobs.schedule import Schedule
from junmai_jobs.template import VERSIONS
from tests.chaos.audit import Store
from tests.homes import in_home
from tests.keeping import corpus
from tests.keeping.corpus import ENDS, UNKNOWN, VERSION_1, VERSION_2, plant
from tests.servers import RedisProcess, debian_redis, embedded_valkey
from tests.waiting import wait_until
from tests.worker.harness import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    StartWorker = Callable[..., WorkerProcess]

NAMESPACE = "upgraded"
PREFIX = Keys.of(NAMESPACE).prefix


@pytest.fixture(scope="module", params=["redis", "valkey"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisProcess]:
    binary = embedded_valkey() if request.param == "valkey" else debian_redis()
    server = RedisProcess(tmp_path_factory.mktemp("server"), binary=binary).start()
    yield server
    server.stop()


@pytest.fixture
def admin(server: RedisProcess) -> Iterator[Any]:
    with server.client() as client:
        client.flushall()
        client.function_flush()
        yield client


@pytest.fixture
def jobs(server: RedisProcess, tmp_path: Path) -> Iterator[JobQueue]:
    config = load_config(environ=in_home(tmp_path / "home"))
    with closing(JobQueue(server.url, namespace=NAMESPACE, config=config)) as queue:
        yield queue


@pytest.fixture
def start_worker(server: RedisProcess, tmp_path: Path) -> Iterator[StartWorker]:
    started: list[WorkerProcess] = []

    def start(*arguments: str, namespace: str = NAMESPACE) -> WorkerProcess:
        options = ("--namespace", namespace, "--concurrency", "2", "--lease", "2", *arguments)
        started.append(WorkerProcess(server, tmp_path / f"worker-{len(started)}", options).start())
        return started[-1]

    yield start
    for worker in started:
        worker.stop()


def ends(admin: Any, namespace: str = NAMESPACE) -> dict[str, set[str]]:
    """Where the jobs are that have finished, but for what a schedule brought, the worker's own included: they
    have a colon in their ids, and come when a minute ends."""
    keys = Keys.of(namespace)
    found = {
        home: {each.decode() for each in admin.zrange(getattr(keys, home), 0, -1)} for home in FINISHED_HOMES
    }
    return {home: {each for each in ids if ":" not in each} for home, ids in found.items()}


def in_order(admin: Any, namespace: str) -> bool:
    store = Store(admin, namespace)
    return all(len(store.job(job_id).homes) == 1 for job_id in store.ids())


def moved(jobs: JobQueue, namespace: str) -> JobQueue:
    """The same jobs, exported and imported."""
    there = JobQueue(jobs.server.url, namespace=namespace, config=jobs.config)
    file = BytesIO()
    jobs.export_to(file)
    there.import_from(file)
    return there


def test_a_record_of_version_1_runs(admin: Any, jobs: JobQueue, start_worker: StartWorker) -> None:
    plant(admin, PREFIX, VERSION_1)
    assert in_order(admin, NAMESPACE)
    start_worker()
    wait_until(lambda: ends(admin) == ENDS, 60, "every job to come to its end")
    results = {job.id: job.result for job in jobs.jobs(status="succeeded", limit=50)}
    assert {results[name] for name in ("number", "parked", "child", "lost", "done")} == {7}
    assert (results["plain"], results["by.name"], results["options"]) == (0, 8, 9)
    again = jobs.job("again")
    assert [entry["event"] for entry in again.history] == ["failed", "succeeded"]
    assert again.log[0].endswith(" read")
    assert (again.retry_count, again.attempt) == (1, 2)
    assert [entry["event"] for entry in jobs.job("lost").history] == ["lost", "succeeded"]
    assert jobs.job("failed").error == {"type": "ValueError", "message": "too dark", "traceback": ""}
    jobs.retry("failed")
    wait_until(lambda: jobs.job("failed").status is Status.SUCCEEDED, what="what was tried again")
    assert int(jobs.job("failed").token or 0) > 1764000000000004
    assert any(job.id.startswith("hourly") for job in jobs.jobs(status="succeeded", limit=50))


def test_what_stands_beside_the_jobs_of_version_1_is_read(admin: Any, jobs: JobQueue) -> None:
    plant(admin, PREFIX, VERSION_1)
    spec, tick = jobs.inspector.schedules()["hourly"]
    assert Schedule.decode("hourly", spec).timetable.every == 3600
    assert tick == corpus.LONG_AGO / 1000
    suspect, made = next(iter(VERSION_1["suspects"])), next(iter(VERSION_1["cached"]))
    assert jobs.broker.suspicion(suspect).deaths == [("failed", "SIGSEGV")]
    assert jobs.broker.recall(made, "1764000000000005") == b"\x07"
    assert jobs.inspector.members("shoot") == ["batched"]
    assert jobs.job("again").progress == {"done": 1, "total": 2}


def test_a_record_of_version_2_runs(admin: Any, jobs: JobQueue, start_worker: StartWorker) -> None:
    plant(admin, PREFIX, VERSION_2)
    assert start_worker("--burst").wait(60) == 0
    found = {job.id: (job.result, job.tags) for job in jobs.jobs(status="succeeded")}
    assert found == {"compressed": (7, ["x" * 100, "y" * 100]), "beside": (7, ())}


@pytest.mark.parametrize("stored", [VERSION_1, VERSION_2])
def test_they_move_as_they_are_and_run_elsewhere(
    admin: Any, jobs: JobQueue, start_worker: StartWorker, stored: dict[str, dict[str, Any]]
) -> None:
    plant(admin, PREFIX, stored)
    with closing(moved(jobs, "moved")) as there:
        keys = Keys.of("moved")
        assert {name.decode(): body for name, body in admin.hgetall(keys.bodies).items()} == stored["bodies"]
        assert in_order(admin, "moved")
        start_worker(namespace="moved")
        count = len(stored["bodies"])
        wait_until(lambda: sum(map(len, ends(admin, "moved").values())) == count, 60, "all jobs to end")
        if stored is VERSION_1:
            assert ends(admin, "moved") == ENDS
            assert [entry["event"] for entry in there.job("lost").history] == ["released", "succeeded"]


def test_a_record_of_a_later_version_stays_untouched_and_is_named(
    admin: Any, jobs: JobQueue, start_worker: StartWorker
) -> None:
    plant(admin, PREFIX, VERSION_2)
    admin.hset(f"{PREFIX}bodies", "later", UNKNOWN)
    admin.zadd(f"{PREFIX}q:default:ready", {"later": 21_990_232_555_520})
    admin.hset(f"{PREFIX}bodies", "elsewhere", VERSION_1["bodies"]["by.name"])
    admin.zadd(f"{PREFIX}q:night:ready", {"elsewhere": 21_990_232_555_521})
    admin.zadd(f"{PREFIX}queues", {"night": 0})
    before = dict(admin.zrange(f"{PREFIX}q:default:ready", 0, -1, withscores=True))
    worker = start_worker()
    wait_until(lambda: "newer version of junmai-jobs" in worker.log(), what="the worker to tell")
    wait_until(lambda: ends(admin)["succeeded"] == {"elsewhere"}, what="another queue to be worked on")
    assert "queue default has jobs of a newer version of junmai-jobs: update this worker" in worker.log()
    assert dict(admin.zrange(f"{PREFIX}q:default:ready", 0, -1, withscores=True)) == before
    assert admin.hget(f"{PREFIX}bodies", "later") == UNKNOWN
    assert jobs.why("later").reason == "newer_schema"
    with closing(moved(jobs, "moved")):
        keys = Keys.of("moved")
        assert admin.hget(keys.bodies, "later") == UNKNOWN
        assert dict(admin.zrange(keys.queue("default", "ready"), 0, -1, withscores=True)) == before


def test_each_version_that_was_ever_written_has_a_corpus() -> None:
    written = {b[:1] for stored in (VERSION_1, VERSION_2) for b in stored["bodies"].values()}
    assert written == set(VERSIONS), "a version that is new has to have one, see docs/upgrading.md"


def test_libraries_of_other_versions_are_cleaned_up(admin: Any, jobs: JobQueue) -> None:
    jobs.stats()
    jobs.broker.promote([])
    function = "redis.register_function('junmai_jobs_0123456789ab_x', function() end)"
    old = f"#!lua name=junmai_jobs_0123456789ab\n{function}"
    foreign = old.replace("junmai_jobs_0123456789ab", "others_library")
    admin.function_load(old)
    admin.function_load(foreign)
    assert jobs.clean_server() == ["junmai_jobs_0123456789ab"]
    assert jobs.clean_server() == []
    names = {dict(zip(each[::2], each[1::2], strict=True))[b"library_name"] for each in admin.function_list()}
    assert len(names) == 2
    assert b"others_library" in names


def test_a_library_that_is_in_use_comes_back_by_itself(
    admin: Any, jobs: JobQueue, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if whoever cleans up were of another version than the worker."""
    monkeypatch.setattr(libraries, "library", lambda: "#!lua name=junmai_jobs_ffffffffffff\n")
    plant(admin, PREFIX, {"bodies": {"first": VERSION_1["bodies"]["number"]}, "queues": {"default": 0}})
    admin.zadd(f"{PREFIX}q:default:ready", {"first": 5})
    start_worker()
    wait_until(lambda: ends(admin)["succeeded"] == {"first"}, what="the first job")
    assert len(jobs.clean_server()) > 0
    plant(admin, PREFIX, {"bodies": {"second": VERSION_1["bodies"]["number"]}})
    admin.zadd(f"{PREFIX}q:default:ready", {"second": 6})
    wait_until(lambda: ends(admin)["succeeded"] == {"first", "second"}, what="the second job")
