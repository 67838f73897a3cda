"""Jobs of which there is little to tell: why they do not run, without a worker."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobNotFound, JobQueue
from tests.in_process import typed
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import RedisProcess


def test_one_that_expires_before_it_can_start(jobs: JobQueue) -> None:
    handle = jobs.submit(tasks.quick.with_options(expires=0.001))
    wait_until(lambda: "it expires at " in handle.why().detail)


def test_a_record_that_cannot_be_read(jobs: JobQueue, server: RedisProcess) -> None:
    handle = jobs.submit(tasks.quick)
    with server.client() as client:
        client.hset(jobs.inspector.keys.bodies, handle.id, b"what nobody wrote")
    assert handle.why().detail.endswith("its stored record cannot be read: it will fail as corrupt_record")


def test_a_job_that_is_not_there(jobs: JobQueue) -> None:
    with pytest.raises(JobNotFound):
        jobs.why("nobody")


def test_the_command_on_a_job_that_is_not_there(jobs: JobQueue, server: RedisProcess, tmp_path: Path) -> None:
    jobs.stats()
    done = typed(tmp_path / "home", "--redis", server.url, "why", "nobody", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no job nobody" in done.stderr


def test_what_it_proposes_has_the_options_with_which_it_was_called(
    jobs: JobQueue, server: RedisProcess, tmp_path: Path
) -> None:
    jobs.stats()
    given = ("--namespace", "night", "--redis", server.url)
    with closing(JobQueue(server.url, namespace="night", config=jobs.config)) as night:
        handle = night.submit(tasks.quick)
        done = typed(tmp_path / "home", *given, "why", handle.id)
        assert f"start one with `junmai-jobs --redis {server.url} --namespace night worker`" in done.stdout
    done = typed(tmp_path / "home", *given, "show", "nobody")
    assert f"`junmai-jobs --redis {server.url} --namespace night list` shows" in done.stderr
    done = typed(tmp_path / "home", "--redis", f"redis://:secret@127.0.0.1:{server.port}", "show", "nobody")
    assert "secret" not in done.output
