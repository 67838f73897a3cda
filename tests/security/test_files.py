"""What we leave on the disk is the user's alone, and whole or not there."""

from __future__ import annotations

import ast
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import junmai_jobs
from tests.in_process import typed
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

PACKAGE = Path(junmai_jobs.__file__).parent
WRITERS = {
    ("embedded.py", "write_text"),  # the state, beside itself and then in its place
    ("embedded.py", "open"),  # lock and log, which grow
    ("watcher.py", "open"),  # /dev/null
    ("scripts.py", "write_text"),  # the scripts, for a linter
    ("photo/export.py", "open"),  # a picture, in a file of its own that is published when it is whole
    ("photo/sidecar.py", "open"),  # so is a sidecar
}


def writers() -> Iterator[tuple[str, str]]:
    """Each call that may write a file by its name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            modes = [
                each.value
                for each in ast.walk(node)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            opens = name == "open" and any(
                set(mode) <= set("rwaxb+t") and set(mode) & set("wax+") for mode in modes
            )
            if opens or name in {"write_text", "write_bytes", "mkstemp", "NamedTemporaryFile"}:
                yield path.relative_to(PACKAGE).as_posix(), name


def test_files_are_written_in_few_places() -> None:
    assert set(writers()) <= WRITERS


@pytest.fixture
def open_handed() -> Iterator[None]:
    """A user whose new files all may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_handed")
def test_nobody_else_can_enter_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        assert typed(home, "submit", "quick", "--tasks", "tests.worker.tasks").exit_code == 0
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "server").stat().st_mode) == 0o700
    finally:
        typed(home, "server", "stop")


def test_the_servers_cache_of_scripts_does_not_grow(
    jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker(slots=2)

    def round_of(number: int) -> int:
        handles = jobs.submit_many(tasks.quick, [(number + each,) for each in range(100)])
        assert [handle.result(timeout=30) for handle in handles] == [number + each for each in range(100)]
        for command in (
            ["list"],
            ["stats"],
            ["show", handles[0].id],
            ["pause", f"q{number}"],
            ["purge", "--yes"],
        ):
            assert typed(tmp_path, *command, JUNMAI_REDIS_URL=redis_server.url).exit_code == 0
        with redis_server.client() as admin:
            return int(admin.info("memory")["number_of_cached_scripts"])

    first = round_of(0)
    assert [round_of(number * 1000) for number in range(1, 4)] == [first] * 3
