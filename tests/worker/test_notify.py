"""Whoever is named in the configuration is told of what failed for good: each time once."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook

from junmai_jobs import RetryPolicy
from junmai_jobs.notify import DELIVERY, QUEUE
from junmai_jobs.notify.webhook import deliver_webhook
from tests.receivers import Receiver, receiving
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker
    from tests.worker.harness import Journal

APPEND = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the one of the standard's examples
AT = "2026-11-29T10:00:00.000Z"
SOON = RetryPolicy(max_retries=5, base=0.1, factor=1.0)


def configure(tmp_path: Path, settings: dict[str, Any]) -> None:
    """For the workers to come."""
    for number in range(2):
        (tmp_path / f"worker-{number}").mkdir()
        (tmp_path / f"worker-{number}" / "config.json").write_text(json.dumps({"notify": settings}), "utf-8")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """What the command of the workers to come writes down."""
    file = tmp_path / "told"
    configure(tmp_path, {"command": [sys.executable, "-c", APPEND, str(file)]})
    return file


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """The webhook of the workers to come."""
    with receiving() as receiver:
        configure(tmp_path, {"webhook": receiver.url, "secret": SECRET, "window_seconds": 0})
        yield receiver


def notices(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text("utf-8").splitlines()] if told.exists() else []


def test_each_final_failure_is_told_once(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, told: Path
) -> None:
    workers = [start_worker(slots=1) for _ in range(2)]
    wait_until(lambda: len(jobs.workers()) == 2, what="both workers")
    first = jobs.submit(tasks.abort, str(journal))
    wait_until(lambda: notices(told), what="the first notice")
    handles = [first, *jobs.submit_many(tasks.abort, [(str(journal),)] * 4)]
    jobs.submit(tasks.quick, 1)
    wait_until(lambda: all(handle.status == "failed" for handle in handles), what="the failures")
    assert len(notices(told)) == 1, "what fails in the ten minutes after it is in the next"
    for worker in workers:  # which tell what is left before they go
        worker.stop()
    wait_until(lambda: sum(notice["details"]["count"] for notice in notices(told)) == 5, what="the rest")
    rows = [row for notice in notices(told) for row in notice["details"]["jobs"]]
    assert sorted(row["id"] for row in rows) == sorted(handle.id for handle in handles)
    assert {row["error"]["message"] for row in rows} == {"the disk is full"}
    assert {notice["event"] for notice in notices(told)} == {"jobs_failed"}
    assert "failed: abort" in "".join(worker.log() for worker in workers)


def test_a_command_that_hangs_holds_up_no_job(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    begun, release = tmp_path / "begun", tmp_path / "release"
    hang = (
        "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch()\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)"
    )
    configure(tmp_path, {"command": [sys.executable, "-c", hang, str(begun), str(release)]})
    worker = start_worker(slots=1)
    jobs.submit(tasks.abort, str(journal))
    wait_until(begun.exists, what="the command")
    handle = jobs.submit(tasks.quick, 5)
    assert handle.result(timeout=60) == 5, "before the command's deadline"
    worker.stop()
    assert "took longer" not in worker.log()
    release.touch()


def test_a_failure_is_delivered_once_and_nobody_sees_the_secret(
    jobs: JobQueue,
    redis_server: RedisProcess,
    start_worker: StartWorker,
    journal: Journal,
    receiver: Receiver,
) -> None:
    workers = [start_worker("--loglevel", "DEBUG", slots=1) for _ in range(2)]
    wait_until(lambda: len(jobs.workers()) == 2, what="both workers")
    handles = jobs.submit_many(tasks.abort, [(str(journal),)] * 4)

    def rows() -> list[str]:
        documents = [json.loads(request.body) for request in receiver.requests]
        return [row["id"] for document in documents for row in document["data"]["jobs"]]

    wait_until(lambda: len(rows()) >= 4, what="the deliveries")
    for worker in workers:
        worker.stop()
    assert sorted(rows()) == sorted(handle.id for handle in handles)
    assert {json.loads(request.body)["type"] for request in receiver.requests} == {"jobs_failed"}
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(receiver.requests)
    key = SECRET.removeprefix("whsec_")
    with redis_server.client() as admin:
        admin.config_set("rdbcompression", "no")
        stored = [admin.dump(name) or b"" for name in admin.scan_iter("*")]
        admin.config_set("rdbcompression", "yes")
    assert any(b"the disk is full" in each for each in stored), "it can be read"
    logged = "".join(worker.log() for worker in workers)
    assert all(word not in logged for word in (key, "s3cret"))
    assert all(word not in each for word in (key.encode(), b"s3cret") for each in stored)


def test_an_address_in_trouble_is_tried_again_with_the_same_id(
    jobs: JobQueue, start_worker: StartWorker, receiver: Receiver
) -> None:
    receiver.answers = [(500, {}), (503, {})]
    start_worker(slots=1)
    delivery = deliver_webhook.with_options(id="notice-1", retry=SOON)
    handle = jobs.submit(delivery, type="test", timestamp=AT, data={"message": "写真"})
    assert handle.result(timeout=60) == {"status": 204}
    assert [request.headers["webhook-id"] for request in receiver.requests] == ["notice-1"] * 3
    for request in receiver.requests:
        document = Webhook(SECRET).verify(request.body, dict(request.headers))
        assert document == {"type": "test", "timestamp": AT, "data": {"message": "写真"}}


def test_an_address_that_asks_to_be_left_alone_is_and_spends_no_retry(
    jobs: JobQueue, start_worker: StartWorker, receiver: Receiver
) -> None:
    receiver.answers = [(429, {"Retry-After": "3000"})]
    start_worker(slots=1)
    handle = jobs.submit(deliver_webhook, type="test", timestamp=AT, data={})
    wait_until(lambda: handle.status == "scheduled", what="the wait")
    assert jobs.job(handle.id).retry_count == 0
    assert len(receiver.requests) == 1


def test_a_delivery_that_fails_is_not_told_of(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, receiver: Receiver
) -> None:
    receiver.answers = [(410, {})] * 10
    worker = start_worker(slots=1)
    wait_until(jobs.workers, what="the worker")
    jobs.submit(tasks.abort, str(journal))
    wait_until(lambda: jobs.jobs(status="failed", task=DELIVERY), what="the delivery's failure")
    worker.stop()  # which would tell of it now
    (delivery,) = jobs.jobs(queue=QUEUE)
    assert (delivery.retry_count, len(receiver.requests)) == (0, 1)
    assert delivery.error is not None
    assert "answered 410 Gone" in delivery.error["message"]
    assert "1 job has failed: deliver_webhook" not in worker.log()


def test_an_address_that_never_answers_gives_the_slot_back(
    jobs: JobQueue, start_worker: StartWorker, receiver: Receiver
) -> None:
    receiver.silent.set()
    start_worker(slots=1)
    handle = jobs.submit(
        deliver_webhook.with_options(soft_timeout=0.5, timeout=5, retry=RetryPolicy(max_retries=0)),
        type="test", timestamp=AT, data={},
    )  # fmt: skip
    wait_until(lambda: handle.status == "failed", what="the end of the wait")
    error = jobs.job(handle.id).error
    assert error is not None
    assert "SoftTimeout" in error["type"]
    assert jobs.submit(tasks.quick, 5).result(timeout=60) == 5
