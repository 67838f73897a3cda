"""The webhook: what is posted, who it is from, and what becomes of it when the address is in trouble."""

from __future__ import annotations

import base64
import email.utils
import json
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from junmai_jobs import Abort, RetryLater
from junmai_jobs.context import RunningJob, running
from junmai_jobs.endings import fail
from junmai_jobs.job import Claimed
from junmai_jobs.notify import QUEUE, Notice, Outlets, notify
from junmai_jobs.notify.webhook import Undelivered, deliver_webhook, post, signature
from junmai_jobs.tasks.notices import tell_once
from junmai_jobs.worker import Worker
from tests.command_line import CommandLine
from tests.executing import NOBODY
from tests.in_process import typed
from tests.photographs import copy_to
from tests.receivers import Receiver, Request, receiving
from tests.servers import free_port
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs import JobQueue

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the one of the standard's examples
AT = "2026-11-29T10:00:00.000Z"
DONE = Notice("session_finished", "All is done.", {"photos": 3})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def verify(request: Request) -> dict[str, Any]:
    """What a receiver does, with the standard's own library: check who it is from and when, then read it."""
    document: dict[str, Any] = Webhook(SECRET).verify(request.body, dict(request.headers))
    return document


# ---- what is posted ------------------------------------------------------------------------------


def test_the_signature_of_the_standards_own_example() -> None:
    found = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_posted(receiver: Receiver) -> None:
    data = {"message": "写真 \udcff", "photos": 3}
    document = {"type": "session_finished", "timestamp": AT, "data": data}
    assert post(receiver.url, SECRET, "notice-1", document).status == 204
    (request,) = receiver.requests
    assert request.path == "/hooks/s3cret?to=me"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "notice-1"
    assert verify(request) == document
    with pytest.raises(WebhookVerificationError):
        verify(replace(request, body=request.body.replace(b"3", b"4")))


def test_without_a_secret_nothing_is_signed_and_a_user_is_named(receiver: Receiver) -> None:
    post(receiver.url.replace("://", "://me:p%40ss@"), None, "notice-1", {})
    (request,) = receiver.requests
    assert "webhook-signature" not in request.headers
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"me:p@ss"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [(307, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})]
    assert post(receiver.url, SECRET, "notice-1", {}).status == 307
    assert [each.path for each in receiver.requests] == ["/hooks/s3cret?to=me"]


def test_nobody_there(receiver: Receiver) -> None:
    with pytest.raises(Undelivered, match=r"^http://127\.0\.0\.1:\d+/\*\*\* cannot be reached: ") as caught:
        post(f"http://127.0.0.1:{free_port()}/s3cret", SECRET, "notice-1", {})
    assert "s3cret" not in str(caught.value)


# ---- what becomes of it --------------------------------------------------------------------------


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> Receiver:
    """The receiver, named in the configuration that a job reads."""
    settings = {"webhook": receiver.url, "secret": SECRET}
    (tmp_path / "config.json").write_text(json.dumps({"notify": settings}), "utf-8")
    monkeypatch.setenv("JUNMAI_CONFIG", str(tmp_path / "config.json"))
    return receiver


def outcome(receiver: Receiver, status: int, **headers: str) -> BaseException | dict[str, Any]:
    receiver.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}))
    job = Claimed("notice-1", "1764000000000000", b"")
    with running(RunningJob(job, NOBODY, 60)):
        try:
            return deliver_webhook(type="test", timestamp=AT, data={})
        except (Abort, RetryLater, Undelivered) as error:
            return error


@pytest.mark.parametrize("status", [200, 202, 204])
def test_taken(configured: Receiver, status: int) -> None:
    assert outcome(configured, status) == {"status": status}


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422])
def test_refused_for_good(configured: Receiver, status: int) -> None:
    error = outcome(configured, status, Retry_After="5", Location="https://example.org/s3cret")
    assert isinstance(error, Abort)
    assert f"/*** answered {status}" in str(error)
    assert "s3cret" not in str(error)
    assert ("redirects are not followed" in str(error)) is (status < 400)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(configured: Receiver, status: int) -> None:
    assert isinstance(outcome(configured, status), Undelivered)
    error = outcome(configured, status, Retry_After="120")
    assert isinstance(error, RetryLater)
    assert error.seconds == 120


@pytest.mark.parametrize(
    ("header", "seconds"), [("0", 5), ("999999999999", 3600), ("1e9", None), ("-5", None), ("soon", None)]
)
def test_the_wait_that_is_asked_for_is_bounded(
    configured: Receiver, header: str, seconds: float | None
) -> None:
    error = outcome(configured, 503, Retry_After=header)
    assert (error.seconds if isinstance(error, RetryLater) else None) == seconds


def test_the_wait_may_be_a_date(configured: Receiver) -> None:
    error = outcome(configured, 503, Retry_After=email.utils.formatdate(time.time() + 600, usegmt=True))
    assert isinstance(error, RetryLater)
    assert 590 <= error.seconds <= 600


def test_an_address_may_be_away_for_an_hour() -> None:
    policy = deliver_webhook.options.retry
    assert policy.max_retries == 5
    assert sum(policy.delay(retry, chance=0.0) for retry in range(1, 6)) > 3600


def test_without_an_address_it_fails_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path))
    monkeypatch.delenv("JUNMAI_CONFIG", raising=False)
    with pytest.raises(Abort, match=r"has no notify\.webhook"):
        deliver_webhook(type="test", timestamp=AT, data={})


# ---- once ----------------------------------------------------------------------------------------


def deliveries(jobs: JobQueue) -> list[str]:
    return [job.id for job in jobs.jobs(queue=QUEUE)]


def test_the_same_notice_is_delivered_once_whoever_tells_it(
    jobs: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    def submit(task: Any, **arguments: Any) -> None:
        jobs.submit(task, **arguments)

    for key in ("a", "a", "b"):
        notify(Notice("jobs_failed", "One.", {}, key), Outlets(webhook=True), submit)
    notify(Notice("jobs_failed", "Told otherwise.", {}, "a"), Outlets(webhook=True), submit)
    assert len(deliveries(jobs)) == 2
    assert "no notice" not in caplog.text


def test_a_run_that_was_lost_after_it_had_told_tells_nothing_again(
    jobs: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "junmai_jobs.notify")
    jobs.submit(tasks.quick)
    for worker in ("one", "two"):
        claimed = jobs.broker.claim(f"{worker}/0", "1.1", ["default"])
        assert claimed is not None
        with running(RunningJob(claimed, jobs.broker, 60)):
            tell_once([DONE], Outlets(webhook=True))
        jobs.broker.deregister(worker, [f"{worker}/0"], lost=False)
    assert len(deliveries(jobs)) == 1
    assert caplog.messages.count(DONE.message) == 1


def test_what_fails_in_the_window_is_told_in_one(jobs: JobQueue) -> None:
    told: list[int] = []
    settings = jobs.worker_settings()
    with closing(Worker(settings)) as worker:
        scheduler = worker._scheduler
        assert scheduler.window == settings.notify.window == 600
        scheduler.on_failures = lambda count, _jobs: told.append(count)
        scheduler.announce()
        for expected in ([1], [1], [1]):
            fail_one(jobs)
            scheduler.announce()
            assert told == expected
        scheduler.announce(window=0.0)
        assert told == [1, 2], "who leaves tells the rest"


def fail_one(jobs: JobQueue) -> None:
    jobs.submit(tasks.quick)
    claimed = jobs.broker.claim("w/0", f"{time.time_ns()}.1", ["default"])
    assert claimed is not None
    jobs.broker.end(claimed, fail({"type": "ValueError", "message": "no", "traceback": ""}))
    tick = time.time_ns() // 1_000_000  # a failure is told of from the next millisecond on
    wait_until(lambda: time.time_ns() // 1_000_000 > tick)


# ---- a try of it ---------------------------------------------------------------------------------


def test_a_try(tmp_path: Path, receiver: Receiver) -> None:
    settings = {"webhook": receiver.url, "secret": SECRET, "events": {"session_finished": []}}
    (tmp_path / "config.json").write_text(json.dumps({"notify": settings}), "utf-8")
    (tmp_path / "config.json").chmod(0o600)
    receiver.answers = [(200, {}), (410, {})]
    site = f"http://127.0.0.1:{receiver.port}/***"
    done = typed(tmp_path, "notify", "test")
    assert (done.exit_code, done.output) == (0, f"webhook: {site} answered 200 OK\n")
    assert verify(receiver.requests[0])["type"] == "test"
    done = typed(tmp_path, "notify", "test")
    assert (done.exit_code, done.output) == (1, f"webhook: {site} answered 410 Gone\n")


# ---- the main job --------------------------------------------------------------------------------


def test_process_delivers_by_its_own_pool(home: Path, tmp_path: Path, receiver: Receiver) -> None:
    photos = copy_to(tmp_path / "shoot")
    (tmp_path / "config.json").write_text(
        json.dumps({"notify": {"webhook": receiver.url, "secret": SECRET}}), "utf-8"
    )
    (tmp_path / "config.json").chmod(0o600)
    cli = CommandLine(home, tmp_path / "cwd", {"JUNMAI_CONFIG": str(tmp_path / "config.json")})
    report = cli.json("process", tmp_path / "shoot")
    (request,) = receiver.requests
    document = verify(request)
    assert document["type"] == "session_finished"
    assert {name: document["data"][name] for name in ("photos", "succeeded", "failed", "picks")} == {
        "photos": len(photos), "succeeded": len(photos), "failed": 0, "picks": len(report["picks"]),
    }  # fmt: skip
