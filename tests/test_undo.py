"""Edits that a sidecar has: spared, replaced where that is asked for, and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command_line import CommandLine, home_with_server
from tests.photo.sidecars import EDITED, beside
from tests.photo.test_raw import cr2, jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    with home_with_server(tmp_path / "home") as home:
        (home / "config.json").parent.mkdir(exist_ok=True)
        (home / "config.json").write_text('{"ai": {"selection_threshold": 1}}', "utf-8")
        yield CommandLine(home, tmp_path / "cwd", {"JUNMAI_CONCURRENCY": "1"})


def test_edits_are_spared_replaced_and_restored(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    sidecar = beside(photo, EDITED)
    before = sidecar.read_bytes()
    (pick,) = cli.json("process", tmp_path / "shoot")["picks"]
    assert (pick["sidecar"], sidecar.read_bytes()) == ("already_edited", before)
    assert "already edited, left as it is" in cli.run("process", tmp_path / "shoot").out

    (pick,) = cli.json("process", tmp_path / "shoot", "--replace-edits")["picks"]
    assert pick["sidecar"] == "written"
    assert sidecar.read_bytes() != before

    refused = cli.run("undo", tmp_path / "shoot")
    assert (refused.code, "needs --yes" in refused.err) == (2, True)
    found = cli.json("undo", tmp_path / "shoot", "--yes")
    assert (found["restored"], found["edited_since"]) == ([str(photo)], [])
    assert sidecar.read_bytes() == before
    assert cli.run("undo", tmp_path / "shoot", "--yes").out == "0 sidecars restored\n"


def test_an_unknown_session(cli: CommandLine) -> None:
    done = cli.run("undo", "wedding", "--yes")
    assert (done.code, done.err) == (1, "Error: there is no session wedding; there are none\n")


def test_a_jpeg_beside_a_raw_is_the_same_photo(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    photo.with_suffix(".JPG").write_bytes(jpeg())
    report = cli.json("process", tmp_path / "shoot")
    assert (report["photos"], report["picks"][0]["path"]) == (1, str(photo))
