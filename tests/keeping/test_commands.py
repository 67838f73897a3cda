"""``junmai-jobs export`` and ``import``, as typed."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import stat
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.archive_reader import GZIP
from junmai_jobs.config import load_config
from junmai_jobs.jobqueue import JobQueue
from tests.command_line import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import CommandLine, Done

COUNT = 12
JPEG = b"\xff\xd8\xff\xe1\x00\x18Exif\x00\x00\n\x00"
DAMAGED = GZIP + bytes([8, *[255] * 99])


@pytest.fixture
def filled(cli: CommandLine) -> CommandLine:
    rows = "".join(json.dumps({"task": "add", "args": [number]}) + "\n" for number in range(COUNT))
    assert cli.run("--tasks", "studio", "submit", "add", "--stdin", stdin=rows).code == 0
    return cli


def elsewhere(cli: CommandLine) -> CommandLine:
    """The command line in another namespace."""
    return cli.having(JUNMAI_NAMESPACE=f"{cli.environment['JUNMAI_NAMESPACE']}-2")


def succeeded(done: Done) -> dict[str, object]:
    assert done.code == 0, done.err
    found: dict[str, object] = json.loads(done.out)
    return found


def test_out_and_in_again_and_worked_on(filled: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl.gz"
    told = succeeded(filled.run("export", file, "--json"))
    assert (told["jobs"], told["file"], told["left_out"]) == (COUNT, str(file), 0)
    there = elsewhere(filled)
    back = succeeded(there.run("import", file, "--json"))
    assert (back["jobs"], back["sha256"]) == (COUNT, told["sha256"])
    worker = there.run("--tasks", "studio", "worker", "--burst", "--concurrency", "1")
    assert worker.code == 0, worker.err
    listed = succeeded(there.run("list", "--json"))
    assert sorted(job["result"] for job in listed["jobs"]) == list(range(1, COUNT + 1))  # type: ignore[attr-defined]


def test_the_file_is_its_users_alone_and_replaces_what_was_there(filled: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    assert elsewhere(filled).run("export", file).code == 0
    done = filled.run("export", file)
    assert (done.code, done.err) == (0, "")
    assert f"{COUNT} jobs" in done.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text().splitlines()[0])["namespace"] == filled.environment["JUNMAI_NAMESPACE"]
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [file.name]


@pytest.mark.parametrize(
    "there", [JPEG, gzip.compress(JPEG, mtime=0), GZIP, GZIP + b"\x08" + JPEG, DAMAGED, b"{}\n", b""]
)
def test_what_is_no_export_is_not_replaced(filled: CommandLine, tmp_path: Path, there: bytes) -> None:
    (file := tmp_path / "photo.gz").write_bytes(there)
    done = filled.run("export", file)
    assert (done.code, done.out) == (1, "")
    assert f"{file} cannot be written (it is there and no export): choose another place" in done.err
    assert file.read_bytes() == there
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [file.name]


def test_nor_what_comes_there_meanwhile(filled: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"

    def come(_done: int, _of: int) -> None:
        file.write_bytes(JPEG)

    with (
        closing(JobQueue(config=load_config(environ=filled.variables))) as jobs,
        pytest.raises(OSError, match="no export"),
    ):
        jobs.export_to(file, come)
    assert file.read_bytes() == JPEG


@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.jsonl.gz"])
def test_an_export_is_replaced(filled: CommandLine, tmp_path: Path, name: str) -> None:
    for _ in range(2):
        assert succeeded(filled.run("export", tmp_path / name, "--json"))["jobs"] == COUNT


def test_without_a_standard_error(filled: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    for cli, command in ((filled, "export"), (elsewhere(filled), "import")):
        shell = ["sh", "-c", f"{shlex.join([*COMMAND, command, str(file)])} 2>&-"]
        done = subprocess.run(shell, env=cli.variables, cwd=cli.folder, check=True, capture_output=True)
        assert f"{COUNT} jobs" in done.stdout.decode()


def test_through_a_pipe(filled: CommandLine) -> None:
    out = filled.run("export", "-")
    assert out.code == 0
    assert f"{COUNT} jobs" in out.err
    done = elsewhere(filled).run("import", "-", stdin=out.out)
    assert done.code == 0, done.err


def test_what_cannot_be_done_is_said_in_a_line(filled: CommandLine, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    assert filled.run("export", good).code == 0
    bad.write_bytes(good.read_bytes()[:-30])
    (photo := tmp_path / "photo.jpg").write_bytes(JPEG)
    there = elsewhere(filled)
    cases = (
        (filled, ["import", good], 1, "the namespace is not empty, it has jobs"),
        (there, ["import", bad], 1, "cut off"),
        (there, ["import", tmp_path / "none"], 1, "cannot be read (No such file or directory)"),
        (there, ["import", tmp_path], 1, "cannot be read"),
        (filled, ["export", tmp_path / "none" / "file"], 1, "cannot be written"),
        (filled, ["export", tmp_path], 1, "cannot be written"),
        (filled, ["export", ""], 1, "cannot be written"),
        (filled, ["export", "-", "--json"], 2, "name a file"),
        (there, ["import"], 2, "name the FILE"),
        (there, ["import", photo], 1, "line 1: this is no export of junmai-jobs"),
        (there, ["import", "--discard", good], 2, "exclude each other"),
    )
    for cli, command, code, said in cases:
        done = cli.run(*command)
        assert (done.code, done.out) == (code, ""), done
        assert said in done.err
        assert "Traceback" not in done.err
    assert succeeded(there.run("list", "--json")) == {"jobs": []}


def test_nothing_is_left_when_told_so(filled: CommandLine) -> None:
    assert succeeded(filled.run("import", "--discard", "--json")) == {"discarded": True}


@pytest.mark.skipif(
    os.name != "posix", reason="Windows has no pipes among its files, and links for some only"
)
def test_only_a_file_is_replaced_and_a_link_leads_to_it(filled: CommandLine, tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link.gz", tmp_path / "target"
    os.mkfifo(pipe)
    done = filled.run("export", pipe)
    assert (done.code, done.out) == (1, "")
    assert "it is no regular file" in done.err
    assert pipe.is_fifo()
    link.symlink_to(target)
    assert filled.run("export", link).code == 0
    assert link.is_symlink()
    assert target.read_bytes().startswith(GZIP)


def test_what_no_version_has_stored_is_left_out_and_told(filled: CommandLine, tmp_path: Path) -> None:
    with closing(JobQueue(config=load_config(environ=filled.variables))) as jobs:
        jobs._link.client.hset(jobs.broker.keys.suspects, "one", "1")
    told = filled.run("export", tmp_path / "file")
    assert f"{COUNT} jobs" in told.out
    assert "1 left out" in told.out
