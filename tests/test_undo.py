"""``undo``: whenever it is killed, nothing is lost, and the next one finishes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.commands.undo import session_named
from junmai_jobs.photo.xmp.into_file import write_into_file
from junmai_jobs.photo.xmp.sidecar import write_sidecar
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.in_process import typed
from tests.photo.sidecars import AS_ELEMENTS, EDITED, SETTINGS, beside
from tests.photographs import camera_photographs

KILLED = """
import os, sys
from pathlib import Path
from junmai_jobs.cli import main
left = int(sys.argv.pop(1))
def counted(function):
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return function(*arguments, **options)
    return call
for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
    setattr(owner, name, counted(getattr(owner, name)))
main()
"""
"""The command line, killed at one of the steps that change something."""


def contents(folder: Path) -> dict[str, bytes]:
    """All but what a process that was killed had not finished."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".tmp"}


@pytest.mark.skipif(os.name != "posix", reason="folders are synced on POSIX alone, so there are more steps")
def test_an_undo_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    home, shoot = tmp_path / "home", tmp_path / "shoot"
    shoot.mkdir()
    replaced, added, new = (shoot / f"IMG_{number}.NEF" for number in (1, 2, 3))
    jpeg = shoot / "IMG_4.jpg"
    for photo in (replaced, added, new, jpeg):
        photo.write_bytes(camera_photographs()[0].read_bytes() if photo == jpeg else b"raw")
    beside(replaced, EDITED)
    beside(added, AS_ELEMENTS, "IMG_2.xmp")
    before = contents(shoot)
    with Catalog(home / CATALOG_FILE) as catalog:
        session = catalog.session("shoot", shoot)
        catalog.photo_ids(session, [replaced, added, new, jpeg])

    def killed_at(step: int) -> bool:
        command = [sys.executable, "-c", KILLED, str(step), "undo", "shoot", "--yes"]
        environment = os.environ | {"JUNMAI_HOME": str(home)}
        done = subprocess.run(command, check=False, capture_output=True, env=environment, timeout=60)
        assert done.returncode in {0, 9}, done.stderr
        return done.returncode == 9

    step, is_killed = 0, True
    while is_killed:
        for photo in (replaced, added, new):
            write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
        write_into_file(jpeg, SETTINGS, preset="p")
        written = contents(shoot)
        with Catalog(home / CATALOG_FILE) as catalog:
            turn = catalog.turn(session, "a preset")

        is_killed = killed_at(step)

        with Catalog(home / CATALOG_FILE) as catalog:
            is_told = catalog.turn(session, "a preset") > turn
        left = contents(shoot)
        assert is_told or left == written, "or the next run would take for applied what is not there"
        assert set(before.values()) <= set(left.values()) | {AS_ELEMENTS.encode()}
        again = typed(home, "undo", "shoot", "--yes", "--json")
        assert (again.exit_code, contents(shoot)) == (0, before)
        assert json.loads(again.output)["edited_since"] == []
        step += 1
    assert step > 6


def test_what_is_not_all_taken_back_is_listed_with_its_first_backup(tmp_path: Path) -> None:
    home, shoot = tmp_path / "home", tmp_path / "shoot"
    shoot.mkdir()
    photo, foreign = shoot / "IMG_1.NEF", shoot / "IMG_2.NEF"
    for each in (photo, foreign):
        each.write_bytes(b"raw")
    sidecar = beside(photo, EDITED)
    beside(foreign, AS_ELEMENTS.encode("utf-16"), "IMG_2.xmp")
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    sidecar.write_bytes(sidecar.read_bytes().replace(b"0.35", b"0.36"))
    with Catalog(home / CATALOG_FILE) as catalog:
        catalog.photo_ids(catalog.session("shoot", shoot), [photo, foreign])

    done = typed(home, "undo", "shoot", "--yes", "--json")
    found = json.loads(done.output)
    assert (done.exit_code, found["edited_since"], found["failures"]) == (1, [str(photo)], [])
    assert found["first_backups"] == {str(photo): str(shoot / "IMG_1.xmp.bak")}
    shown = typed(home, "undo", "shoot", "--yes", COLUMNS="400")
    assert "IMG_1.xmp.bak" in shown.output


def test_a_session_is_named_by_its_folder_its_number_or_the_last_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(tmp_path / CATALOG_FILE) as catalog:
        for folder in ("may/wedding", "june/wedding", "june/portraits"):
            catalog.session(str(tmp_path / folder), tmp_path / folder)
        found = {row.import_folder.relative_to(tmp_path).as_posix(): row for row in catalog.sessions()}
        first = found["may/wedding"]
        first.import_folder.mkdir(parents=True)
        assert session_named(catalog, str(tmp_path / "may" / "wedding")) == first
        assert session_named(catalog, str(first.id)) == first
        assert session_named(catalog, "portraits") == found["june/portraits"]
        assert session_named(catalog, "wedding") is None, "there are two"
        assert session_named(catalog, "9") is None
        monkeypatch.chdir(first.import_folder)
        assert session_named(catalog, "") is None
    done = typed(tmp_path, "undo", "", "--yes")
    assert (done.exit_code, "Error: '' names no session" in done.output) == (1, True)
