from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.xmp.sidecar import write_sidecar
from tests.photo.sidecars import AS_ELEMENTS, EDITED, OTHERS, SETTINGS, beside, names_in, raw_photo


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return raw_photo(tmp_path / "shoot")


posix = pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")


@posix
def test_a_sidecar_keeps_its_permissions(photo: Path) -> None:
    path = beside(photo, AS_ELEMENTS)
    path.chmod(0o640)
    write_sidecar(photo, SETTINGS, preset="p")
    assert path.stat().st_mode & 0o777 == 0o640

    path.write_text(EDITED)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    assert {each.stat().st_mode & 0o777 for each in photo.parent.glob("*.xmp*")} == {0o640}


@posix
def test_a_new_sidecar_has_the_permissions_of_any_new_file(photo: Path) -> None:
    photo.with_name("other").touch()
    write_sidecar(photo, SETTINGS, preset="p")
    assert photo.with_suffix(".xmp").stat().st_mode == photo.with_name("other").stat().st_mode


@posix
def test_a_private_sidecar_is_so_while_it_is_written(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside(photo, EDITED).chmod(0o600)
    sync, modes = os.fsync, list[int]()

    def look(descriptor: int) -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in photo.parent.glob("*.*") if path != photo)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    assert (set(modes), len(modes) > 3) == ({0o600}, True), "of what is written, the sidecar and its backup"


@posix
@pytest.mark.parametrize("replace_edits", [False, True])
def test_a_pipe_in_the_place_of_a_sidecar_keeps_nobody_waiting(photo: Path, *, replace_edits: bool) -> None:
    os.mkfifo(photo.with_suffix(".xmp"))
    with pytest.raises(SidecarRefused, match=r"^IMG_1\.xmp is no file: remove it"):
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=replace_edits)


@posix
def test_a_link_stays_a_link(photo: Path, tmp_path: Path) -> None:
    real = tmp_path / "sidecars" / "1.xmp"
    real.parent.mkdir()
    real.write_text(AS_ELEMENTS)
    photo.with_suffix(".xmp").symlink_to(real)

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    assert photo.with_suffix(".xmp").is_symlink()
    assert b"Exposure2012" in real.read_bytes()


def test_a_write_protected_sidecar_is_left_alone(photo: Path) -> None:
    path = beside(photo, AS_ELEMENTS)
    path.chmod(0o444)

    with pytest.raises(SidecarError, match=r"^IMG_1\.xmp may not be written: lift its write protection"):
        write_sidecar(photo, SETTINGS, preset="p")

    assert path.read_bytes() == AS_ELEMENTS.encode()
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}
    path.chmod(0o644)


def in_a_child(photo: Path, before: str) -> str:
    """Write a sidecar in a process of its own, after some preparation there; return what it said."""
    code = f"""
import os, sys
from pathlib import Path
from junmai_jobs.photo.xmp.sidecar import write_sidecar
{before}
try:
    print(write_sidecar(Path(sys.argv[1]), {SETTINGS}, preset="p"))
except Exception as error:
    print(type(error).__name__, error)
"""
    command = [sys.executable, "-c", code, str(photo)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@posix
def test_a_folder_that_may_not_be_written_to() -> None:
    folder = Path(tempfile.mkdtemp())  # unlike tmp_path, open to all, for a root that becomes nobody
    try:
        photo = folder / "IMG_1.NEF"
        photo.touch()
        folder.chmod(0o555)
        nobody = "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)"

        assert in_a_child(photo, nobody).startswith("SidecarError IMG_1.xmp may not be written: lift")
        assert names_in(folder) == {"IMG_1.NEF"}
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@posix
@pytest.mark.parametrize("old", [None, AS_ELEMENTS])
def test_a_write_that_breaks_off_leaves_the_old_sidecar(photo: Path, old: str | None) -> None:
    if old is not None:
        beside(photo, old)
    before = {path.name: path.read_bytes() for path in photo.parent.iterdir()}

    said = in_a_child(photo, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))")

    assert said == "SidecarError IMG_1.xmp cannot be written (File too large): check its drive"
    assert {path.name: path.read_bytes() for path in photo.parent.iterdir()} == before


def test_a_full_drive_is_named(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(
        SidecarError, match=r"^there is no room for IMG_1\.xmp: free some space on its drive$"
    ):
        write_sidecar(photo, SETTINGS, preset="p")
    assert names_in(photo.parent) == {"IMG_1.NEF"}


def test_a_rating_given_while_we_write_is_not_lost(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = beside(photo, AS_ELEMENTS)
    sync, ratings = os.fsync, iter([AS_ELEMENTS.replace(">3<", ">5<")])

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        for changed in ratings:
            path.write_bytes(changed.encode())

    monkeypatch.setattr(os, "fsync", meanwhile)

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"
    assert b"<xmp:Rating>5" in path.read_bytes()
    assert b"Exposure2012" in path.read_bytes()


def test_edits_made_while_we_write_are_not_replaced(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        beside(photo, EDITED)

    monkeypatch.setattr(os, "fsync", meanwhile)

    assert write_sidecar(photo, SETTINGS, preset="p") == "already_edited"
    assert photo.with_suffix(".xmp").read_text() == EDITED
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}


def test_a_sidecar_that_never_rests(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, count = os.fsync, itertools.count()

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        beside(photo, AS_ELEMENTS.replace(">3<", f">{next(count)}<"))

    monkeypatch.setattr(os, "fsync", meanwhile)

    with pytest.raises(SidecarError, match=r"^IMG_1\.xmp is being written by another program: try again"):
        write_sidecar(photo, SETTINGS, preset="p")


def test_a_writer_killed_at_any_moment_leaves_one_of_the_two(photo: Path) -> None:
    path = beside(photo, AS_ELEMENTS)
    whole = set()
    for settings in (OTHERS, SETTINGS):
        write_sidecar(photo, settings, preset="p")
        whole.add(path.read_bytes())
    code = f"""
import sys
from pathlib import Path
from junmai_jobs.photo.xmp.sidecar import write_sidecar
print("ready", flush=True)
while True:
    for settings in ({OTHERS}, {SETTINGS}):
        write_sidecar(Path(sys.argv[1]), settings, preset="p")
"""
    dice = random.Random(1)
    for _ in range(6):
        command = [sys.executable, "-c", code, str(photo)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            until = time.monotonic() + dice.uniform(0.0, 0.05)
            while time.monotonic() < until:
                assert path.read_bytes() in whole
            writer.kill()
        assert path.read_bytes() in whole
    assert write_sidecar(photo, SETTINGS, preset="p") in {"written", "unchanged"}
