"""A store is corrupted and repaired again and again while workers work: each accepted job ends once."""

from __future__ import annotations

import random
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.config import Config
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.keys import FINISHED_HOMES
from junmai_jobs.laws import check_laws, repair
from tests.chaos.audit import audit
from tests.chaos.chaos import wait_for_backlog
from tests.chaos.fleet import Fleet
from tests.chaos.tasks import read_journal, work
from tests.laws.vandal import Vandal
from tests.servers import RedisProcess, embedded_valkey, server_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUEUES = ("default", "high_priority")
JOBS, DEEDS, SETTLE = 1500, 60, 90.0


@pytest.fixture(params=["redis", "valkey"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    binary = server_binary() if request.param == "redis" else embedded_valkey()
    server = RedisProcess(tmp_path, binary, options=("--appendonly", "no")).start()
    fleet = Fleet(server, tmp_path, (server.port, server.port))
    try:
        yield fleet
    finally:
        fleet.close()
        server.stop()


def submit(jobs: JobQueue, chance: random.Random, first: int, count: int) -> list[str]:
    """So many more; some fail once, some are for later. A corrupted store may refuse them for a while."""
    batch = []
    for number in range(first, first + count):
        options = {"queue": chance.choice(QUEUES), "priority": chance.randrange(11)}
        if chance.random() < 0.2:
            options["delay"] = chance.uniform(0.1, 1.0)
        task = work.with_options(id=f"job-{number}", **options)
        batch.append((task, {"seconds": chance.uniform(0, 0.02), "failures": int(chance.random() < 0.1)}))
    try:
        jobs.submit_all(batch)
    except StoreUnavailable:
        return []
    return [str(task.options.id) for task, _ in batch]


@pytest.mark.timeout(180)
def test_a_running_load_loses_nothing(fleet: Fleet, tmp_path: Path) -> None:
    chance = random.Random(11)
    with (
        closing(JobQueue(fleet.server.url, config=Config(home=tmp_path))) as jobs,
        closing(fleet.server.client()) as client,
    ):
        vandal = Vandal(client, jobs.namespace, chance, QUEUES)
        acknowledged: list[str] = []
        fleet.keep_up()
        repaired = 0
        deadline = time.monotonic() + SETTLE
        while len(acknowledged) < JOBS or sum(vandal.deeds.values()) < DEEDS:
            assert time.monotonic() < deadline
            if len(acknowledged) < JOBS:
                acknowledged += submit(jobs, chance, len(acknowledged), 50)
            for _ in range(3):
                vandal.act()
            for home in FINISHED_HOMES:
                with suppress(StoreUnavailable):
                    jobs.broker.prune(home, max_age=3600, keep=JOBS)
            repaired += len(list(repair(jobs.broker, jobs.inspector)))
        while not wait_for_backlog(jobs, 0, 1.0):
            assert time.monotonic() < deadline
            list(repair(jobs.broker, jobs.inspector))
        assert fleet.stop() == [0, 0]
        assert list(check_laws(jobs.broker, jobs.inspector)) == []
        found = audit(client, jobs.namespace, acknowledged, read_journal(fleet.journal))
        assert found.findings == ()
        assert (found.homes["succeeded"], found.acknowledged) == (len(acknowledged), len(acknowledged))
        assert repaired >= DEEDS // 2
        assert len(vandal.deeds) > 10, "most of what can be done was done"


@pytest.mark.timeout(120)
def test_a_busy_store_gives_no_finding(fleet: Fleet, tmp_path: Path) -> None:
    chance = random.Random(12)
    with closing(JobQueue(fleet.server.url, config=Config(home=tmp_path))) as jobs:
        fleet.keep_up()
        for first in range(0, JOBS, 50):
            with suppress(StoreUnavailable):
                assert submit(jobs, chance, first, 50)
            assert list(check_laws(jobs.broker, jobs.inspector)) == []
        while not wait_for_backlog(jobs, 0, 0.2):
            assert list(repair(jobs.broker, jobs.inspector)) == []
        assert fleet.stop() == [0, 0]
        counts = jobs.stats()["jobs_by_status"]
        assert counts["succeeded"] == JOBS
