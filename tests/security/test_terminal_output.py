"""Nothing that is stored steers a terminal or is taken for a line of ours, in whatever a person is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.commands import process
from junmai_jobs.job import Body
from junmai_jobs.report import Failure, Pick, Report
from junmai_jobs.schedule import Schedule, Timetable
from tests.in_process import typed
from tests.security.evil import EVIL, is_clean

if TYPE_CHECKING:
    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess

SHOWN = EVIL.encode("unicode_escape").decode()


@pytest.fixture
def evil(jobs: JobQueue, redis_server: RedisProcess) -> None:
    """Everything that a command shows, written by somebody who means harm."""
    keys, broker = jobs.inspector.keys, jobs.broker
    evil_body = Body(queue=EVIL.replace("\n", ""), priority=5, task=EVIL, args=[EVIL], kwargs={EVIL: EVIL},
                     options={"tags": [EVIL], "retry": [EVIL]})  # fmt: skip
    error = {"type": EVIL, "message": EVIL, "traceback": f"line\n{EVIL}"}
    line = {"attempt": 1, "event": EVIL, "token": "1", "finished": 1, "worker": EVIL,
            "detail": {"error": error, "signal": EVIL, "reason": EVIL}}  # fmt: skip
    with redis_server.client() as admin:
        for job_id in ("bad", EVIL):
            admin.hset(keys.bodies, job_id, evil_body.encode())
            admin.hset(keys.states, job_id, f"failed|default|1|1|0|0|{EVIL.replace('|', '')}|||{EVIL}")
            admin.zadd(keys.failed, {job_id: 1})
            admin.hset(keys.histories, job_id, json.dumps(line) + "\n")
            admin.hset(keys.progress_notes, job_id, json.dumps({"message": EVIL, EVIL: 1}))
            admin.hset(keys.log_lines, job_id, f"1 1\n1 {EVIL}\n1 {EVIL}\n")
        said = {"host": EVIL, "queues": [EVIL], "tasks": [EVIL], "claimers": [EVIL]}
        admin.hset(keys.worker_info, EVIL, json.dumps(said))
        admin.zadd(keys.workers, {EVIL: 1.7e12})
        admin.zadd(keys.queues, {f"default+{EVIL}": 1, EVIL: 2})
        admin.hset(keys.paused, EVIL, 1)
        admin.hset(keys.schedules, EVIL, b"junk")
        broker.schedule(Schedule(name="s", timetable=Timetable.of(every=60), body=evil_body.encode()))


@pytest.mark.usefixtures("evil")
@pytest.mark.parametrize(
    ("command", "shows"),
    [
        (["list"], True), (["failed"], True), (["show", "bad"], True), (["show", EVIL], True),
        (["workers"], True), (["stats"], False), (["schedule", "list"], True), (["pause"], False),
        (["retry", EVIL], False), (["cancel", EVIL], True), (["batch", EVIL], True),
        (["retry", "--all"], False),
        (["submit", EVIL], True), (["list", "--queue", EVIL], True), (["schedule", "run", EVIL], True),
        (["worker", "--queues", EVIL], True), (["--namespace", EVIL, "stats"], True),
        (["stats", "--config", EVIL], True),
        (["list", "--status", EVIL], True), ([EVIL], True), (["list", "--limit", EVIL], True),
        (["stats", f"--{EVIL}"], True), (["stats", EVIL], True),
        (["--redis", f"redis://{EVIL}", "stats"], False),
        (["--tasks", EVIL, "submit", "a"], True), (["submit", "a", "--kwargs", EVIL], False),
    ],
    ids=lambda case: " ".join(case).replace(EVIL, "EVIL") if isinstance(case, list) else "",
)  # fmt: skip
def test_a_command(redis_server: RedisProcess, tmp_path: Path, command: list[str], shows: bool) -> None:
    text = typed(tmp_path, *command, JUNMAI_REDIS_URL=redis_server.url).output
    assert is_clean(text)
    assert not shows or "gpj.exe" in text
    assert not re.search(r"^ERROR fake", text, re.MULTILINE)


@pytest.mark.usefixtures("evil")
def test_json_has_it_whole_and_in_ascii(redis_server: RedisProcess, tmp_path: Path) -> None:
    for command in (["list"], ["show", "bad"], ["workers"], ["schedule", "list"]):
        text = typed(tmp_path, *command, "--json", JUNMAI_REDIS_URL=redis_server.url).stdout
        assert is_clean(text)
        assert text.isascii()
        assert EVIL in list(_texts(json.loads(text)))


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield value


def test_the_table_of_picks(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("/shoot")
    name = EVIL.replace("/", "")
    pick = Pick(path=f"/shoot/{name}", score=4.0, why=EVIL, group=2, preset=EVIL)
    report = Report(session_id=1, photos=2, succeeded=1, failed=1, groups=[], picks=[pick], started=2,
                    failures=[Failure(path=f"/shoot/{name}", error=EVIL)])  # fmt: skip
    process._show(report, folder)
    text = capsys.readouterr().out
    assert is_clean(text)
    assert text.count("gpj.exe") == 5
    assert SHOWN in text
