"""docs/migrating-from-celery.md keeps its word: our side of each pair runs, what it names is there."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import pytest

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.cli import junmai_jobs
from junmai_jobs.config import Config, load_config
from junmai_jobs.manager import JobQueueManager
from tests.embedded_servers import ROOT
from tests.homes import in_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import RedisProcess

PAGE = (ROOT / "docs" / "migrating-from-celery.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+(?: \w+)?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCES = FENCE.findall(PAGE)
FILE_NAME = re.compile(r"# (\w+\.py)\n")
MODULES = {found[1]: code for kind, code in FENCES if kind == "python" and (found := FILE_NAME.match(code))}
SCRIPTS = [
    pytest.param(code, FENCES[number + 1][1] if FENCES[number + 1][0] == "text" else "", id=f"block{number}")
    for number, (kind, code) in enumerate(FENCES)
    if kind == "python" and not FILE_NAME.match(code)
]
PROSE = FENCE.sub("", PAGE)
SEPARATORS = ("", "\x06\x163", "\x06\x166", "\x06\x169")


@dataclass
class Desk:
    """A folder with the page's modules, a home, and a namespace on a server."""

    folder: Path
    server: RedisProcess
    namespace: str

    @property
    def environment(self) -> dict[str, str]:
        return in_home(self.folder / "home") | {
            "JUNMAI_REDIS_URL": self.server.url, "JUNMAI_NAMESPACE": self.namespace,
        }  # fmt: skip

    def jobs(self) -> JobQueue:
        return JobQueue(config=load_config(environ=self.environment))

    def run(self, file: str, *arguments: str) -> str:
        """Run a file as a script; what it prints."""
        done = subprocess.run(
            [sys.executable, file, *arguments], cwd=self.folder, env=os.environ | self.environment,
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout


@pytest.fixture
def desk(tmp_path: Path, server: RedisProcess) -> Desk:
    (tmp_path / "home").mkdir()
    for name, code in MODULES.items():
        (tmp_path / name).write_text(code, "utf-8")
    return Desk(tmp_path, server, f"migrating-{uuid.uuid4().hex[:8]}")


# ---- the code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "printed"), SCRIPTS)
def test_a_block_prints_what_stands_below_it(desk: Desk, code: str, printed: str) -> None:
    (desk.folder / "block.py").write_text(code, "utf-8")
    assert desk.run("block.py") == printed


def test_the_tasks_are_tasks_and_the_journal_is_kept(desk: Desk) -> None:
    (desk.folder / "night_shift.py").write_text(
        "import card_tasks, journal, night, studio_tasks\n"
        "from junmai_jobs import JobQueue\n"
        "if __name__ == '__main__':\n"
        "    jobs = JobQueue()\n"
        "    modules = ['card_tasks', 'journal', 'night', 'studio_tasks']\n"
        "    with jobs.worker(concurrency=1, tasks=modules):\n"
        "        proof = jobs.submit(studio_tasks.make_proof, '0001.NEF')\n"
        "        print(proof.result(timeout=60))\n"
        "        print(jobs.submit(card_tasks.fetch, 'card').result(timeout=60))\n"
        "        empty = jobs.submit(card_tasks.fetch, 'card', files=0)\n"
        "        jobs.wait([empty], timeout=30)\n"
        "        print(empty.status, empty.job().error['message'])\n"
        "        print(*(line.partition(' ')[2] for line in proof.job().log), sep=', ')\n"
        "        print(*(row['name'] for row in jobs.schedules()))\n",
        "utf-8",
    )
    id_of_proof = re.compile(r"of \w{22}")
    assert id_of_proof.sub("of ID", desk.run("night_shift.py")).splitlines() == [
        "0001.NEF at 1024 px", "100", "failed the card is empty",
        "attempt 1, attempt 1 of ID, done", "look tidy",
    ]  # fmt: skip


def test_the_side_of_celery_is_python_and_has_ours_below_it() -> None:
    old = [number for number, (kind, _) in enumerate(FENCES) if kind == "python celery"]
    assert len(old) == 6
    for number in old:
        ast.parse(FENCES[number][1])
        assert FENCES[number + 1][0] == "python"


@pytest.mark.parametrize("text", [code for kind, code in FENCES if kind == "json"])
def test_a_file_that_is_shown_is_accepted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(text, "utf-8")
    load_config(file, in_home(tmp_path))


# ---- what is named ----------------------------------------------------------------------------------


def typed() -> Iterator[str]:
    """Every command of ours that the page has, in its text, its tables and its console."""
    yield from re.findall(r"`(junmai-jobs [^`]+)`", PROSE)
    for kind, code in FENCES:
        if kind == "console":
            yield from re.findall(r"^\$ (junmai-jobs .*)$", code, re.MULTILINE)


@pytest.mark.parametrize("line", sorted(set(typed())))
def test_a_command_is_there_with_its_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = junmai_jobs
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known | {"--tasks"}


def test_every_option_that_is_named_alone_is_one_of_the_worker() -> None:
    worker: Any = junmai_jobs.commands["worker"]
    known = {name for each in worker.params for name in each.opts}
    ours = {name for row in table("Setting of Celery") for name in re.findall(r"`(--[\w-]+)", row[1])}
    assert ours - {"--pool", "--tasks"} <= known
    assert ours >= {"--lease", "--max-jobs-per-child"}


def test_every_key_of_the_configuration_is_one() -> None:
    described = Config(home=ROOT).describe()
    for section, key in re.findall(r"`(processing|retention|redis|ai|export|bridge|queues)\.(\w+)`", PROSE):
        assert key in described[section], f"{section}.{key}"


def test_every_method_of_the_manager_is_in_the_table_with_its_endpoint() -> None:
    methods = {name for name in dir(JobQueueManager) if not name.startswith("_")} - {"sync"}
    rows = table("Method")
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[0])} == methods
    assert len({call for row in rows for call in re.findall(r"`(\w+ /[^`]+)`", row[1])}) == 18


def table(first: str) -> list[list[str]]:
    """The cells of the table whose first column is called so."""
    lines = PROSE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


# ---- the move ---------------------------------------------------------------------------------------


def message(task: str, *args: Any, priority: int = 0) -> dict[str, Any]:
    """One of Celery's, as kombu writes it into a list of Redis."""
    task_id = str(uuid.uuid4())
    body = json.dumps([args, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": f"celery_tasks.{task}_task", "id": task_id, "retries": 0},
        "properties": {"correlation_id": task_id, "priority": priority, "body_encoding": "base64"},
    }  # fmt: skip


@pytest.fixture
def old(desk: Desk) -> Iterator[list[dict[str, Any]]]:
    """Four photos that wait in Celery's queues, one in a worker's hands, and a job of another task."""
    shoot = desk.folder / "shoot"
    photos = [shoot / f"{number}.jpg" for number in range(5)]
    with closing(sqlite3.connect(desk.folder / "junmai.db")) as db, db:
        db.execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY, name TEXT, import_folder TEXT)")
        db.execute("CREATE TABLE photos (id INTEGER PRIMARY KEY, session_id INTEGER, file_path TEXT)")
        db.execute("INSERT INTO sessions VALUES (3, 'wedding', ?)", (str(shoot),))
        db.executemany(
            "INSERT INTO photos VALUES (?, ?, ?)",
            [(71 + number, 3 if number else None, str(path)) for number, path in enumerate(photos)],
        )
    waiting = [message("process_photo", 71 + number, None, priority=9 - number) for number in range(4)]
    taken = message("process_photo", 75, priority=5)
    with desk.server.client() as celery:
        for each, part in zip(waiting, SEPARATORS, strict=True):
            celery.lpush(f"medium_priority{part}", json.dumps(each))
        celery.lpush("low_priority", json.dumps(message("export_photo", 71, "Web")))
        celery.hset("unacked", "tag", json.dumps([taken, "tasks", "medium_priority"]))
        yield [*waiting, taken]
        celery.delete("low_priority", "unacked", *(f"medium_priority{part}" for part in SEPARATORS))


def test_what_waits_in_celery_is_submitted_here_once(desk: Desk, old: list[dict[str, Any]]) -> None:
    arguments = ("move_over.py", desk.server.url, "junmai.db")
    first = desk.run(*arguments)
    assert (
        re.sub(r"[0-9a-f-]{36}", "ID", first) == "left there: celery_tasks.export_photo_task 71 ID\n5 moved\n"
    )
    assert desk.run(*arguments).splitlines()[-1] == "0 moved"
    with closing(desk.jobs()) as jobs, Catalog(desk.folder / "home" / "catalog.db") as catalog:
        for number, each in enumerate(old):
            job = jobs.job(each["headers"]["id"])
            assert job.priority == each["properties"]["priority"]
            assert (job.task, job.status, job.queue) == ("process_photo", "queued", "medium_priority")
            photo = catalog.photo_row(job.kwargs["photo_id"])
            assert photo
            assert photo.path == desk.folder / "shoot" / f"{number}.jpg"
        assert [row.total_photos for row in catalog.sessions()] == [5]
    with desk.server.client() as celery:
        assert celery.llen("medium_priority") == celery.hlen("unacked") == 1


def test_what_waits_here_is_told_to_go_back(desk: Desk, old: list[dict[str, Any]]) -> None:
    desk.run("move_over.py", desk.server.url, "junmai.db")
    with closing(desk.jobs()) as jobs:
        jobs.cancel(old[0]["headers"]["id"])
    assert sorted(desk.run("go_back.py", "junmai.db").split()) == ["72", "73", "74", "75"]
