"""Whoever named a command in the configuration is told of what failed for good: each time once."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.notify import Notice, notify, receivers
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.worker.conftest import StartWorker
    from tests.worker.harness import Journal

APPEND = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """What the command of the workers to come writes down."""
    file = tmp_path / "told"
    settings = {"notify": {"command": [sys.executable, "-c", APPEND, str(file)]}}
    for number in range(2):
        (tmp_path / f"worker-{number}").mkdir()
        (tmp_path / f"worker-{number}" / "config.json").write_text(json.dumps(settings), "utf-8")
    return file


def notices(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text("utf-8").splitlines()] if told.exists() else []


def test_each_final_failure_is_told_once(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, told: Path
) -> None:
    workers = [start_worker(slots=1) for _ in range(2)]
    wait_until(lambda: len(jobs.workers()) == 2, what="both workers")
    handles = jobs.submit_many(tasks.abort, [(str(journal),)] * 4)
    jobs.submit(tasks.quick, 1)

    def rows() -> list[dict[str, Any]]:
        return [row for notice in notices(told) for row in notice["details"]["jobs"]]

    wait_until(lambda: len(rows()) >= 4, 20, "the notices")
    for worker in workers:  # which tell what is left before they go
        worker.stop()
    assert sorted(row["id"] for row in rows()) == sorted(handle.id for handle in handles)
    assert {row["error"]["message"] for row in rows()} == {"the disk is full"}
    assert {notice["event"] for notice in notices(told)} == {"jobs_failed"}
    assert "failed: abort" in "".join(worker.log() for worker in workers)


def test_a_command_that_fails_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Notice] = []
    notice = Notice("session_finished", "All is done.", {})
    notify(
        notice,
        [*receivers([sys.executable, "-c", "raise SystemExit(3)"]), *receivers(["/no/such"]), heard.append],
    )
    assert heard == [notice]
    assert "returned non-zero exit status 3" in caplog.text
    assert "/no/such" in caplog.text
