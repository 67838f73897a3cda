"""One event is one line of the log, whatever it is about, and no line steers a terminal."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import RetryPolicy
from junmai_jobs.logs import start_logging
from junmai_jobs.notify import Notice
from junmai_jobs.notify.programs import Started
from tests.security import audited_tasks
from tests.security.evil import EVIL, is_clean
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +\d+ .*")


@contextmanager
def logging_to(file: Path) -> Iterator[None]:
    """Log to this file alone, not to pytest's report, which cannot take all that is logged here."""
    logger = logging.getLogger("junmai_jobs")
    before = (logger.handlers, logger.level, logger.propagate)
    start_logging("INFO", str(file))
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers, logger.level, logger.propagate = before


@pytest.mark.parametrize("tell", [
    lambda logger: logger.warning(EVIL),
    lambda logger: logger.warning("job %s", EVIL),
    lambda logger: logger.warning("job %r", EVIL),
    lambda logger: logger.warning("job %s", ValueError(EVIL), exc_info=ValueError(EVIL)),
    lambda logger: logger.warning("job %s", "\udcff\ud800", stack_info=True),
    lambda logger: logger.warning("job %s", b"\xff\x1b[31m".decode("latin-1")),
])  # fmt: skip
def test_it_is_one_line(tmp_path: Path, tell: Any) -> None:
    with logging_to(tmp_path / "logs" / "log"):
        tell(logging.getLogger("junmai_jobs.worker"))
    text = (tmp_path / "logs" / "log").read_text("utf-8")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert is_clean(text)
    assert LINE.fullmatch(text.rstrip("\n"))


def test_the_log_of_a_worker(jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker) -> None:
    worker = start_worker("--tasks", "tests.security.audited_tasks", "--loglevel", "DEBUG", slots=1)
    with redis_server.client() as admin:
        admin.zadd(jobs.inspector.keys.ticks, {EVIL: 1})
        admin.hset(jobs.inspector.keys.schedules, EVIL, b"junk")
    handle = jobs.submit(audited_tasks.blow_up.with_options(retry=RetryPolicy(max_retries=0)), EVIL)
    wait_until(lambda: handle.status == "failed", what="the failure")
    wait_until(lambda: "gpj.exe" in worker.log(), what="what was logged of it")
    text = worker.log()
    assert is_clean(text)
    assert [line for line in text.splitlines() if not LINE.fullmatch(line)] == []


@pytest.mark.parametrize(
    ("message", "variable"),
    [("a\0b", "a\\0"), ("\ud800", "\\ud"), ("\u5199" * 100_000, "\u5199" * 3), (EVIL, EVIL[:3])],
    ids=["NUL", "half a character", "long", "evil"],
)
def test_a_notice_reaches_its_command_whatever_it_says(tmp_path: Path, message: str, variable: str) -> None:
    """As it is: whoever prints it has to see to it that it steers no terminal."""
    told = tmp_path / "told"
    code = (
        "import json, os, pathlib, sys;"
        "found = [os.environ['JUNMAI_MESSAGE'][:3], json.load(sys.stdin)['message'][:3]];"
        f"pathlib.Path({str(told)!r}).write_text(json.dumps(found))"
    )
    notice = Notice("jobs_failed", message, {})
    assert Started([sys.executable, "-c", code], notice, heard=False).outcome() == ""
    assert json.loads(told.read_text()) == [variable, message[:3]]
