"""What the figures for Prometheus count: each end and each run once, on Redis and on Valkey."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue, RetryPolicy, task
from junmai_jobs import endings as verbs
from junmai_jobs import tally as tallies
from junmai_jobs.config import load_config
from junmai_jobs.labels import Labels
from junmai_jobs.tally import RUN_EVENTS
from tests.homes import in_home
from tests.scrapes import (
    ERROR,
    claim,
    counters,
    crash,
    defer,
    ends,
    let_pass,
    lose,
    registry_of,
    release,
    retry,
    runs,
    scrape,
    submit,
    succeed,
)  # fmt: skip
from tests.servers import RedisProcess, embedded_valkey, server_binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartServer


@pytest.fixture(scope="module", params=[server_binary, embedded_valkey])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisProcess]:
    """Either server in turn."""
    server = RedisProcess(tmp_path_factory.mktemp("server"), request.param()).start()
    yield server
    server.stop()


# ---- what is counted -----------------------------------------------------------------------------


def test_every_run_is_counted_when_its_job_ends(jobs: JobQueue) -> None:
    registry = registry_of(jobs)
    submit(jobs)
    for way in (retry, retry, lose, release, defer):
        way(jobs)
        assert runs(scrape(registry, jobs)) == {}, "the job has not ended"
    succeed(jobs)
    told = {"retried": 2, "lost": 1, "released": 1, "deferred": 1, "succeeded": 1}
    for _ in range(2):
        assert runs(scrape(registry, jobs)) == told


def test_the_run_that_fails_a_job_is_not_one_that_was_retried(jobs: JobQueue) -> None:
    registry = registry_of(jobs)
    submit(jobs)
    retry(jobs)
    jobs.broker.end(claim(jobs), verbs.fail(ERROR))
    submit(jobs)
    told = claim(jobs)
    jobs.cancel(told.id)
    jobs.broker.end(told, verbs.confirm_cancel("asked"))
    found = scrape(registry, jobs)
    assert runs(found) == {"retried": 1, "failed": 1, "cancelled": 1}
    assert ends(found) == {"failed": 1, "cancelled": 1}


@pytest.mark.parametrize("server", [server_binary], indirect=True)  # one of them: it has to wait for 5 s
def test_three_crashes_fail_a_job_and_are_three_runs(jobs: JobQueue) -> None:
    registry = registry_of(jobs)
    [job] = submit(jobs)
    crash(jobs)
    crash(jobs)
    jobs.broker.reprioritize(job, 5)
    wait_until(lambda: jobs.broker.promote(["default"]) is None, what="the second crash's pause to be over")
    crash(jobs)
    found = scrape(registry, jobs)
    assert (runs(found), ends(found)) == ({"crashed": 3}, {"failed": 1})
    assert ("junmai_job_run_seconds_count", "develop") not in found, "no run has ended it"


def test_a_job_that_is_retried_by_hand_has_none_of_its_runs_counted_twice(jobs: JobQueue) -> None:
    registry = registry_of(jobs)
    [job] = submit(jobs)
    crash(jobs)
    jobs.broker.end(claim(jobs), verbs.fail(ERROR))
    assert runs(scrape(registry, jobs)) == {"crashed": 1, "failed": 1}
    jobs.retry(job)
    crash(jobs)
    jobs.cancel(job)
    assert runs(scrape(registry, jobs)) == {"crashed": 2, "failed": 1}
    jobs.retry(job)
    retry(jobs)
    succeed(jobs)
    found = scrape(registry, jobs)
    assert runs(found) == {"crashed": 2, "failed": 1, "retried": 1, "succeeded": 1}
    assert ends(found) == {"succeeded": 1, "failed": 1, "cancelled": 1}


def test_what_was_before_the_collector_does_not_count(jobs: JobQueue) -> None:
    [old] = submit(jobs)
    crash(jobs)
    jobs.broker.end(claim(jobs), verbs.fail(ERROR))
    submit(jobs)
    crash(jobs)
    let_pass(jobs, 200)  # when it was made is told by the time of its first scrape, to some milliseconds
    registry = registry_of(jobs)
    assert runs(scrape(registry, jobs)) == {}
    succeed(jobs)  # begun before it, ended after
    jobs.retry(old)
    succeed(jobs)
    assert runs(scrape(registry, jobs)) == {"succeeded": 2}


def test_of_more_jobs_than_are_remembered_no_run_counts_twice(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "_MOST_REMEMBERED", 2)
    registry = registry_of(jobs)
    failed = []
    for _ in range(4):
        failed += submit(jobs)
        jobs.broker.end(claim(jobs), verbs.fail(ERROR))
        scrape(registry, jobs)
    assert runs(scrape(registry, jobs)) == {"failed": 4}
    for job in failed:
        jobs.retry(job)
        jobs.broker.end(claim(jobs), verbs.fail(ERROR))
        scrape(registry, jobs)
    assert runs(scrape(registry, jobs)) == {"failed": 8}


def test_a_task_that_is_known_here_begins_at_0(jobs: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})

    @task(retry=RetryPolicy(max_retries=0))
    def known() -> None: ...

    found = scrape(registry_of(jobs), jobs)
    assert ends(found, "known") == {"succeeded": 0, "failed": 0, "cancelled": 0}
    assert {event for _, event, _ in (key for key in found if key[0] == "junmai_job_runs_total")} == set(
        RUN_EVENTS
    )


def test_the_cache_is_counted_by_what_is_added(jobs: JobQueue) -> None:
    tally = tallies.Tally(Labels(), Labels())

    def told() -> tuple[float, ...]:
        samples = [sample for metric in tally.collect() for sample in metric.samples]
        return tuple(each.value for each in samples if each.name.startswith("junmai_cache"))

    for hits, misses, expected in ((100, 10, (0, 0)), (103, 11, (3, 1)), (50, 5, (3, 1)), (52, 5, (5, 1))):
        tally.count_cache({"hits": hits, "misses": misses})
        assert told() == expected


# ---- what there is now ---------------------------------------------------------------------------


def test_a_paused_queue_a_failed_job_and_the_server(jobs: JobQueue, server: RedisProcess) -> None:
    submit(jobs, "night")
    jobs.pause("night")
    submit(jobs)
    jobs.broker.end(claim(jobs), verbs.fail(ERROR))
    registry = registry_of(jobs)
    found = scrape(registry, jobs)
    assert found["junmai_server_up",] == 1
    assert (found["junmai_queue_paused", "night"], found["junmai_queue_paused", "default"]) == (1, 0)
    assert found["junmai_failed_jobs",] == 1
    assert 0 < found["junmai_server_round_trip_seconds",] < 10
    assert found["junmai_server_memory_bytes",] > 100_000
    assert ("junmai_server_memory_limit_bytes",) not in found
    with server.client() as admin:
        admin.config_set("maxmemory", 2**30)
        try:
            assert scrape(registry, jobs)["junmai_server_memory_limit_bytes",] == 2**30
        finally:
            admin.config_set("maxmemory", 0)


def test_a_worker_tells_how_much_its_governor_allows(jobs: JobQueue) -> None:
    claimers = [f"w/{number}" for number in range(4)]
    for name, governor in (("w", {"grade": "eased", "slots": 2, "of": 4, "reasons": []}), ("v", None)):
        jobs.broker.register(name, {"claimers": claimers, "governor": governor, "queues": [], "tasks": []})
    found = scrape(registry_of(jobs), jobs)
    assert found["junmai_workers",] == 2
    assert (found["junmai_worker_slots_allowed", "w"], found["junmai_worker_slots_allowed", "v"]) == (2, 4)
    assert (found["junmai_worker_governor_grade", "w"], found["junmai_worker_governor_grade", "v"]) == (1, 0)
    jobs.broker.deregister("w", claimers, lost=False)
    assert ("junmai_worker_slots_allowed", "w") not in scrape(registry_of(jobs), jobs)


def test_while_the_server_is_away_the_counters_stand_and_then_miss_nothing(
    redis_process: StartServer, tmp_path: Path
) -> None:
    server = redis_process()
    with closing(JobQueue(server.url, config=load_config(environ=in_home(tmp_path)))) as jobs:
        registry = registry_of(jobs)
        submit(jobs, count=3)
        succeed(jobs)
        before = scrape(registry, jobs)
        succeed(jobs)
        server.kill()
        away = scrape(registry)
        assert away["junmai_server_up",] == 0
        assert counters(away) == counters(before)
        assert {key[0] for key in away if key not in counters(away)} <= {
            "junmai_server_up",
            "junmai_job_run_seconds_sum",
            "junmai_job_wait_seconds_sum",
        }
        server.start()
        succeed(jobs)
        found = scrape(registry, jobs)
        assert (found["junmai_server_up",], ends(found)["succeeded"]) == (1, 3)
