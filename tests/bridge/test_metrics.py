"""Figures for Prometheus: what has ended is counted once, whatever becomes of it later."""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from junmai_jobs.endings import fail, succeed
from junmai_jobs.metrics import QueueCollector
from junmai_jobs.tasks.lightroom import lightroom_apply
from tests.homes import in_home

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs.endings import Ending
    from junmai_jobs.job import Claimed
    from tests.bridge.studio import Studio

TASK, QUEUE = "lightroom_apply", "lightroom"
_requests = itertools.count(1)


def submit(studio: Studio) -> str:
    return studio.jobs.submit(lightroom_apply, photo_id=1, config={}).id


def claim(studio: Studio, claimer: str = "w/0") -> Claimed:
    claimed = studio.jobs.broker.claim(claimer, f"1.{next(_requests)}", [QUEUE], lease=60.0)
    assert claimed
    return claimed


def run(studio: Studio, ending: Ending) -> str:
    submit(studio)
    claimed = claim(studio)
    studio.jobs.broker.end(claimed, ending)
    return claimed.id


def figures(studio: Studio) -> dict[tuple[str, ...], float]:
    """Each sample: its name and its labels' values, in the order of the labels' names."""
    answer = studio.ask("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def ends(studio: Studio) -> tuple[float, ...]:
    found = figures(studio)
    return tuple(found["junmai_jobs_total", word, TASK] for word in ("succeeded", "failed", "cancelled"))


def test_each_end_is_counted_once_and_stays_counted(studio: Studio) -> None:
    assert ends(studio) == (0, 0, 0)
    run(studio, succeed(b""))
    failed = run(studio, fail({"type": "E", "message": "m", "traceback": ""}))
    studio.jobs.cancel(submit(studio))
    assert ends(studio) == (1, 1, 1)
    assert ends(studio) == (1, 1, 1)

    keys, client = studio.jobs.inspector.keys, studio.jobs.inspector._link.client
    client.delete(keys.succeeded)  # as when it was kept long enough
    studio.jobs.retry(failed)
    assert ends(studio) == (1, 1, 1)
    studio.jobs.broker.end(claim(studio), succeed(b""))
    assert ends(studio) == (2, 1, 1)


def test_what_ended_before_somebody_asked_for_the_first_time_counts_if_the_bridge_was_there(
    studio: Studio,
) -> None:
    run(studio, succeed(b""))
    assert ends(studio) == (1, 0, 0)
    assert QueueCollector(studio.jobs)  # made after it
    registry = CollectorRegistry()
    registry.register(QueueCollector(studio.jobs))
    assert registry.get_sample_value("junmai_jobs_total", {"task": TASK, "outcome": "succeeded"}) == 0


def test_runs_and_waits_are_of_the_jobs_that_a_run_has_ended(studio: Studio) -> None:
    run(studio, succeed(b""))
    run(studio, fail({"type": "E", "message": "m", "traceback": ""}))
    studio.jobs.cancel(submit(studio))
    found = figures(studio)
    for name, label in (("junmai_job_run_seconds", TASK), ("junmai_job_wait_seconds", QUEUE)):
        assert found[f"{name}_count", label] == found[f"{name}_bucket", "+Inf", label] == 2
        assert 0 <= found[f"{name}_sum", label] < 60


def test_depths_waits_and_slots_are_those_of_now(studio: Studio) -> None:
    studio.jobs.broker.register("w", {"claimers": ["w/0", "w/1"], "queues": [QUEUE], "tasks": [TASK]})
    for _ in range(3):
        submit(studio)
    claim(studio)
    found = figures(studio)
    assert found["junmai_queue_depth", QUEUE, "queued"] == 2
    assert found["junmai_queue_depth", QUEUE, "running"] == 1
    assert found["junmai_queue_depth", "default", "blocked"] == 0
    assert 0 < found["junmai_queue_oldest_wait_seconds", QUEUE] < 60
    assert found["junmai_queue_oldest_wait_seconds", "default"] == 0
    assert (found["junmai_worker_slots", "busy"], found["junmai_worker_slots", "idle"]) == (1, 1)


@pytest.mark.parametrize("most", [3, 4, 100])
def test_ends_are_read_in_portions_none_twice_and_none_left_out(studio: Studio, most: int) -> None:
    since = studio.jobs.inspector.now()
    ids = [run(studio, succeed(b"")) for _ in range(10)]
    over = studio.jobs.inspector.now()
    found: list[Any] = []
    while since <= over:
        portion, since = studio.jobs.inspector.ended(since, most)
        found += portion
    assert len(found) == len(ids)
    assert {(each.task, each.queue, each.outcome) for each in found} == {(TASK, QUEUE, "succeeded")}


def test_a_host_collects_it_in_a_registry_of_its_own_before_the_server_is_there(tmp_path: Path) -> None:
    config = load_config(environ=in_home(tmp_path))
    with closing(JobQueue("redis://127.0.0.1:1/0", config=config)) as jobs:
        CollectorRegistry(auto_describe=True).register(QueueCollector(jobs))
