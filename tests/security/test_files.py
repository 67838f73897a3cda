"""What we leave on the disk is the user's alone, and whole or not there."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import junmai_jobs
from tests.command_line import CommandLine
from tests.in_process import typed
from tests.photographs import camera_photographs
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
    ("demo/shoot.py", "write_bytes"),  # what it draws, in a folder of its own for its user alone
    ("timeline.py", "open"),  # a trace, aside, for its user alone
    ("learning.py", "write_bytes"),  # to the kernel, that its mark of the most memory is to begin anew
    ("keeping.py", "open"),  # an export, aside, for its user alone
    ("scripts.py", "write_text"),  # the scripts, for a linter
    (
        "photo/export/exporting.py",
        "open",
    ),  # a picture, in a file of its own until it is whole
    ("photo/xmp/replacing.py", "open"),  # so is a sidecar, or a photograph that is to be written into
    ("schema.py", "open"),  # the catalog, for its user alone
    ("logs.py", "open"),  # the log, too
    ("files.py", "open"),  # what is finished, to sync it: Windows does that only for who may write
    ("files.py", "os.open"),  # settings and inputs, to read; what is for its user alone; a folder, to sync
    ("photo/pictures/opening.py", "os.open"),  # a photograph, to read
    ("photo/pictures/opening.py", "os.fdopen"),
    ("cli.py", "os.open"),  # /dev/null, in the place of a closed stream
    ("commands/replay.py", "open"),  # standard streams that a task has closed, once more
    ("commands/init.py", "open"),  # a folder to begin with: what is there is not written over
    ("bridge/token.py", "open"),  # the token, for its user alone
    ("contact_sheet/__init__.py", "open"),  # the page, for its user alone
}
"""Of those by a descriptor, the readers too: their flags are not told apart."""

NAMES = {"write_text", "write_bytes", "touch", "mkstemp", "NamedTemporaryFile", "os.open", "os.fdopen"}


def writers() -> Iterator[tuple[str, str]]:
    """Each call that may write a file by its name, or open one by a descriptor."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            whole = ast.unparse(node.func)
            name = whole if whole in {"os.open", "os.fdopen"} else whole.rpartition(".")[2]
            modes = [
                each.value
                for each in ast.walk(node)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            opens = name == "open" and any(
                set(mode) <= set("rwaxb+t") and set(mode) & set("wax+") for mode in modes
            )
            if opens or name in NAMES:
                yield path.relative_to(PACKAGE).as_posix(), name


def test_files_are_written_in_few_places() -> None:
    assert set(writers()) == WRITERS


OPEN_HANDED = """
import os, sys
os.umask(0)
def watch(event, details):
    if event == "os.chmod" and str(details[0]).startswith((*"0123456789", os.environ["JUNMAI_HOME"])):
        raise RuntimeError(f"{details[0]} was open until now")
sys.addaudithook(watch)
"""
"""What a Python begins with, whose new files all may read and write, and none is closed to them later."""


@pytest.mark.parametrize("is_there", [False, True])
def test_what_is_in_the_home_is_private_from_its_first_moment(tmp_path: Path, *, is_there: bool) -> None:
    """In a home that others may enter, too."""
    home = tmp_path / "home"
    if is_there:
        home.mkdir()
        home.chmod(0o755)
    (tmp_path / "sitecustomize.py").write_text(OPEN_HANDED)
    (tmp_path / "shoot").mkdir()
    shutil.copy(camera_photographs()[0], tmp_path / "shoot")
    cli = CommandLine(home, tmp_path / "cwd", {"PYTHONPATH": str(tmp_path)})
    try:
        assert cli.json("process", tmp_path / "shoot")["succeeded"] == 1
        found = [path.relative_to(home) for path in home.rglob("*")]
        assert {"catalog.db", "logs", "server"} <= {str(path) for path in found}
        assert [path for path in found if is_open(home, path)] == []
        assert is_there or not home.stat().st_mode & 0o077
    finally:
        typed(home, "server", "stop")


def is_open(home: Path, path: Path) -> bool:
    """Whether others can come to what is below the home, if they can come to that."""
    return all((home / each).stat().st_mode & 0o077 for each in (path, *path.parents[:-1]))


def test_the_servers_cache_of_scripts_does_not_grow(
    jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker(slots=2)

    def round_of(number: int) -> int:
        handles = jobs.submit_many(tasks.quick, [(number + each,) for each in range(100)])
        assert [handle.result(timeout=60) for handle in handles] == [number + each for each in range(100)]
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
