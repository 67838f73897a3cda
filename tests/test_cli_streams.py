"""Standard streams that take nothing any more: a terminal or a reader that is gone, a disk that is full."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.command_line import CommandLine

FULL = "/dev/full"
NO_ROOM = "Error: the output cannot be written: its disk is full"


@contextmanager
def gone(make: Callable[[], tuple[int, int]]) -> Iterator[int]:
    """The writing end of a pipe, or of a terminal of which no SIGHUP tells, whose other end is closed."""
    other, ours = make()
    os.close(other)
    yield ours
    os.close(ours)


def test_a_reader_that_leaves_is_no_error(cli: CommandLine) -> None:
    lines = "\n".join(json.dumps({"args": ["x" * 100]}) for _ in range(2000))
    assert cli.run("submit", "add", "--stdin", stdin=lines).code == 0
    for command in (["list", "--limit", "2000"], ["list", "--limit", "2000", "--json"]):
        process = cli.start(*command)
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        assert cli.finish(process).err == ""


def test_what_is_submitted_is_told_where_the_output_cannot_be_written(cli: CommandLine) -> None:
    for options, stdin in (([], ""), (["--json"], ""), (["--stdin"], '{"args": [1]}\n{"args": [2]}')):
        before = {job["id"] for job in cli.json("list")["jobs"]}
        with Path("/dev/full").open("w") as full:
            arguments = ("submit", "add", *(options or ["1"]), *(["1"] if options == ["--json"] else []))
            done = cli.finish(cli.start(*arguments, stdout=full), stdin)
        made = {job["id"] for job in cli.json("list")["jobs"]} - before
        assert done.code == 1
        first, last = done.err.splitlines()
        assert first.startswith("submitted, although that cannot be printed: ")
        assert made
        assert all(job_id in first for job_id in made)
        assert last == "Error: the output cannot be written: its disk is full"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list"], 1),
        (["stats"], 1),
        (["pause", "--json"], 1),
        (["--help"], 1),
        (["nope"], 2),
        (["export", "-"], 1),
    ],
    ids=str,
)
def test_the_code_is_that_of_the_error_where_no_stream_has_room(
    cli: CommandLine, arguments: list[str], code: int
) -> None:
    with Path(FULL).open("w") as full:
        assert cli.finish(cli.start(*arguments, stdout=full, stderr=full)).code == code
        done = cli.finish(cli.start(*arguments, stdout=full))
        assert (done.code, "Exception ignored" in done.err) == (code, False)


def test_what_a_tasks_module_prints_where_there_is_no_room(cli: CommandLine) -> None:
    (cli.folder / "loud.py").write_text("print('x')\n", "utf-8")
    cli = cli.having(JUNMAI_TASKS="loud", PYTHONUNBUFFERED="")
    with Path(FULL).open("w") as full:
        done = cli.finish(cli.start("worker", "--burst", stdout=full))
    assert (done.code, done.err.splitlines()[-1]) == (1, NO_ROOM)


@pytest.mark.parametrize(
    "command", [["list"], ["stats"], ["submit", "add", "1"], ["pause", "--json"]], ids=" ".join
)
def test_a_terminal_that_is_gone_is_no_error(cli: CommandLine, command: list[str]) -> None:
    with gone(pty.openpty) as terminal:
        done = cli.finish(cli.start(*command, stdout=terminal))
        assert (done.code, done.err) == (0, "")
        assert cli.finish(cli.start("nope", stdout=terminal, stderr=terminal)).code == 2


@pytest.mark.parametrize("make", [pty.openpty, os.pipe])
def test_what_serves_goes_on_when_nobody_reads_what_it_tells(
    cli: CommandLine, make: Callable[[], tuple[int, int]]
) -> None:
    port = free_port()
    with gone(make) as nobody:
        process = cli.start("metrics", "--serve", "--port", str(port), stdout=nobody, stderr=nobody)

    def is_served() -> bool:
        assert process.poll() is None
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            return bool(answer.read())
        return False

    try:
        wait_until(is_served, what="an answer")
    finally:
        process.terminate()
        assert cli.finish(process).code == 0


def test_stats_are_watched_in_a_file(cli: CommandLine, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    with watched.open("w") as file:
        process = cli.start("stats", "--watch", stdout=file)
    try:
        wait_until(lambda: watched.read_text("utf-8").count("\nnamespace ") > 1, what="two rounds")
    finally:
        process.send_signal(signal.SIGINT)
        assert cli.finish(process).code == 0


def test_stats_are_watched_while_there_is_a_reader(cli: CommandLine) -> None:
    process = cli.start("stats", "--watch")
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    assert cli.finish(process).err == ""
    with Path(FULL).open("w") as full:
        done = cli.finish(cli.start("stats", "--watch", stdout=full))
    assert (done.code, done.err) == (1, f"{NO_ROOM}\n")


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_stats_are_watched_while_there_is_a_terminal(cli: CommandLine, kind: str) -> None:
    parent, child = pty.openpty()
    os.set_blocking(parent, False)
    process = cli.having(TERM=kind).start("stats", "--watch", stdin=child, stdout=child)
    os.close(child)
    shown = bytearray()

    def is_shown() -> bool:
        with suppress(BlockingIOError):
            shown.extend(os.read(parent, 65536))
        return b"namespace " in shown

    try:
        wait_until(is_shown, what="the counts")
    finally:
        os.close(parent)
        done = cli.finish(process)
    assert (done.code, done.err) == (0, "")


def test_lines_that_are_interrupted_tell_what_is_submitted(cli: CommandLine) -> None:
    process = cli.start("submit", "add", "--stdin")
    assert process.stdin
    process.stdin.write('{"args": [1]}\n' * 450)
    process.stdin.flush()
    wait_until(lambda: cli.json("stats")["total_pending"] == 400, what="two calls of 200")
    process.send_signal(signal.SIGINT)
    done = cli.finish(process)
    assert (done.code, done.out) == (130, "")
    told = r"Stopped: the (200|400) jobs of the lines before are submitted; `junmai-jobs list` shows them\.\n"
    assert re.fullmatch(told, done.err), done.err


def test_no_lines_where_that_cannot_be_printed(cli: CommandLine) -> None:
    with Path(FULL).open("w") as full:
        done = cli.finish(cli.start("submit", "--stdin", "--json", stdout=full))
    assert (done.code, done.err) == (1, f"{NO_ROOM}\n")
