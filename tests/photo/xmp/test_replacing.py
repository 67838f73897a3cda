"""Files that are replaced and restored: nothing is lost, whoever else is at them and whatever fails."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from junmai_jobs.photo.errors import SidecarError
from junmai_jobs.photo.xmp import replacing
from junmai_jobs.photo.xmp.into_file import restore_file, write_into_file
from junmai_jobs.photo.xmp.replacing import WrittenMeanwhile, backups, remove, replace, restore
from junmai_jobs.photo.xmp.sidecar import restore_sidecar, write_sidecar
from tests.photo.killing import all_killed, contents, swept
from tests.photo.sidecars import AS_ELEMENTS, EDITED, SETTINGS, beside, names_in, raw_photo
from tests.photographs import camera_photographs

posix = pytest.mark.skipif(os.name != "posix", reason="owners and links as POSIX has them")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "shoot").mkdir()
    path = tmp_path / "shoot" / "a"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    (tmp_path / "shoot").mkdir()
    path = tmp_path / "shoot" / "IMG_1.jpg"
    path.write_bytes(camera_photographs()[0].read_bytes())
    return path


def yes() -> bool:
    return True


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=["with links", "without links, as on FAT"])
def drive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "with links":
        monkeypatch.setattr(os, "link", no_links)
    return str(request.param)


# ---- what a new file is like, and its backup -----------------------------------------------------


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone gives files away")
def test_owner_and_group_stay(file: Path, drive: str) -> None:
    os.chown(file, 12_345, 54_321)
    file.chmod(0o640)
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert contents(file.parent) == {"a": b"new", "a.old": b"old"}
    for each in file.parent.iterdir():
        found = each.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12_345, 54_321, 0o640)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="attributes as Linux has them")
def test_attributes_stay(file: Path, drive: str) -> None:
    os.setxattr(file, "user.colour", b"red")
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert [os.getxattr(each, "user.colour") for each in file.parent.iterdir()] == [b"red", b"red"]


@pytest.mark.skipif(sys.platform != "darwin", reason="attributes and flags as macOS has them")
def test_tags_of_the_finder_stay_and_what_is_locked_is_left(file: Path, drive: str) -> None:
    subprocess.run(["xattr", "-w", "com.apple.metadata:_kMDItemUserTags", "red", str(file)], check=True)
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    for each in file.parent.iterdir():
        said = subprocess.run(["xattr", str(each)], check=True, capture_output=True, text=True).stdout
        assert "com.apple.metadata:_kMDItemUserTags" in said
    subprocess.run(["chflags", "uchg", str(file)], check=True)
    with pytest.raises(PermissionError):
        replace(file, BytesIO(b"newer"), is_still=yes)
    subprocess.run(["chflags", "nouchg", str(file)], check=True)
    assert file.read_bytes() == b"new"


def test_the_time_of_change_is_new_and_the_backup_has_the_old_one(file: Path, drive: str) -> None:
    os.utime(file, (1, 1))
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert (file.with_name("a.old").stat().st_mtime, file.stat().st_mtime > 1) == (1, True)


def test_a_backup_is_the_very_file_where_there_are_links(file: Path) -> None:
    number = file.stat().st_ino
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert (file.with_name("a.old").stat().st_ino, file.stat().st_ino != number) == (number, True)


def test_a_backup_made_meanwhile_by_somebody_else_is_not_overwritten(
    file: Path, drive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, theirs = os.link, file.with_name("a.old")

    def meanwhile(*paths: Path) -> None:
        if not theirs.exists():
            theirs.write_bytes(b"theirs")
        link(*paths)

    monkeypatch.setattr(os, "link", meanwhile)
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert contents(file.parent) == {"a": b"new", "a.old": b"theirs", "a.old2": b"old"}


def test_what_is_kept_already_is_kept_once(file: Path, drive: str) -> None:
    for _ in range(2):
        replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
        replace(file, BytesIO(b"old"), is_still=yes)
    replace(file, BytesIO(b"newer"), is_still=yes, keep_as=".old")
    assert contents(file.parent) == {"a": b"newer", "a.old": b"old"}


def test_what_differs_in_neither_size_nor_time_is_kept_too(file: Path, drive: str) -> None:
    """As on a card, whose times are two seconds apart."""
    for content in (b"old", b"OLD"):
        file.write_bytes(content)
        os.utime(file, (1, 1))
        for _ in range(2):
            replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
            file.write_bytes(content)
            os.utime(file, (1, 1))
    assert contents(file.parent) == {"a": b"OLD", "a.old": b"old", "a.old2": b"OLD"}


def test_what_a_killed_process_left_behind_is_swept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (left := file.with_name(".junmai-0123456789ab.tmp")).write_bytes(b"half")
    other = shutil.copytree(file.parent, file.parent.with_name("other")) / "a"

    replace(other, BytesIO(b"new"), is_still=yes)
    assert contents(other.parent) == {"a": b"new", left.name: b"half"}, "perhaps it is at work"
    monkeypatch.setattr(replacing, "_LEFT_BEHIND", -60.0)
    replace(file, BytesIO(b"new"), is_still=yes)
    assert contents(file.parent) == {"a": b"new"}


@posix
def test_a_link_a_pipe_and_an_empty_file_are_no_backups(file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    file.with_name("a.old").symlink_to(tmp_path / "secret")
    os.mkfifo(file.with_name("a.old2"))
    file.with_name("a.old3").touch()
    assert backups(file, ".old") == []
    replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert backups(file, ".old") == [file.with_name("a.old4")]


def test_what_is_open_is_closed_before_it_is_replaced(file: Path, drive: str) -> None:
    """Or Windows would not replace it."""
    new = BytesIO(b"new")
    with file.open("rb") as old:
        replace(file, new, is_still=lambda: old.closed and new.closed, old=old)
    assert file.read_bytes() == b"new"


# ---- what fails ----------------------------------------------------------------------------------


def test_what_cannot_be_put_in_its_place_leaves_no_backup(
    file: Path, drive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Path.replace

    def refuse(path: Path, to: Path) -> Path:
        if to == file:  # as Windows does while another program has it open
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return move(path, to)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert contents(file.parent) == {"a": b"old"}


def test_what_was_written_meanwhile_is_left_and_leaves_no_backup(file: Path, drive: str) -> None:
    with pytest.raises(WrittenMeanwhile, match=r"^a is being written by another program: try again"):
        replace(file, BytesIO(b"new"), is_still=lambda: False, keep_as=".old")
    with pytest.raises(WrittenMeanwhile):
        remove(file, is_still=lambda: False)
    assert contents(file.parent) == {"a": b"old"}


def test_a_copy_for_which_there_is_no_room_leaves_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, left = os.fsync, iter("1")

    def full(descriptor: int) -> None:
        if not next(left, None):  # of the copy
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(file, BytesIO(b"new"), is_still=yes, keep_as=".old")
    assert contents(file.parent) == {"a": b"old"}


@posix
def test_a_folder_that_cannot_be_synced_is_no_failure(
    jpeg: Path, drive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network drives."""
    sync, before = os.fsync, jpeg.read_bytes()

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    assert write_into_file(jpeg, SETTINGS, preset="p") == "written"
    assert restore_file(jpeg) == "restored"
    assert contents(jpeg.parent) == {"IMG_1.jpg": before}


@posix
@pytest.mark.parametrize("kind", ["photograph", "sidecar"])
def test_whoever_is_killed_at_any_step_loses_nothing(tmp_path: Path, kind: str, drive: str) -> None:
    photo = raw_photo(tmp_path / "shoot")
    write: Callable[..., str]
    if kind == "sidecar":
        written, suffix = beside(photo, EDITED), ".bak"
        write, undo = write_sidecar, restore_sidecar
    else:
        written, suffix = photo.rename(photo.with_suffix(".jpg")), ".original"
        photo, write, undo = written, write_into_file, restore_file
    before = written.read_bytes()

    def kept() -> list[bytes]:
        return [each.read_bytes() for each in backups(written, suffix)]

    all_before, as_wished = contents(photo.parent), {"written", "unchanged"}
    for step in all_killed(lambda: write(photo, SETTINGS, preset="p", replace_edits=True)):
        assert before in {written.read_bytes(), *kept()}
        if step % 2:
            assert write(photo, SETTINGS, preset="p", replace_edits=True) in as_wished
            assert kept() == [before]
        assert undo(photo) in {"restored", "no_backup"}
        assert swept(photo.parent) == all_before
    for _ in all_killed(lambda: undo(photo)):
        assert undo(photo) in {"restored", "no_backup"}
        assert swept(photo.parent) == all_before
        write(photo, SETTINGS, preset="p", replace_edits=True)


# ---- undo ----------------------------------------------------------------------------------------


def saving(path: Path, content: bytes) -> Callable[[int], None]:
    """What another program does just then."""
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        path.write_bytes(content)

    return meanwhile


def test_a_photograph_saved_while_it_is_restored_stays_as_it_was_saved(
    jpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, saved = jpeg.read_bytes(), camera_photographs()[1].read_bytes()
    write_into_file(jpeg, SETTINGS, preset="p")
    monkeypatch.setattr(os, "fsync", saving(jpeg, saved))
    with pytest.raises(SidecarError, match=r"^IMG_1\.jpg is being written by another program"):
        restore_file(jpeg)
    assert contents(jpeg.parent) == {"IMG_1.jpg": saved, "IMG_1.jpg.original": before}


@pytest.mark.parametrize("old", [AS_ELEMENTS, EDITED], ids=["added to", "replaced"])
def test_a_sidecar_saved_while_it_is_restored_stays_as_it_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str
) -> None:
    photo = raw_photo(tmp_path / "shoot")
    sidecar, saved = photo.with_suffix(".xmp"), EDITED.replace("+1.00", "+2.00")
    beside(photo, old)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    monkeypatch.setattr(os, "fsync", saving(sidecar, saved.encode()))
    with pytest.raises(SidecarError, match=r"^IMG_1\.xmp is being written by another program"):
        restore_sidecar(photo)
    assert sidecar.read_text("utf-8") == saved
    assert [each.read_text("utf-8") for each in backups(sidecar, ".bak")] == ([old] if old is EDITED else [])


def test_a_photograph_that_comes_back_while_its_backup_is_restored_stays(
    jpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_into_file(jpeg, SETTINGS, preset="p")
    jpeg.unlink()
    monkeypatch.setattr(os, "fsync", saving(jpeg, b"new"))
    with pytest.raises(SidecarError, match="is being written by another program"):
        restore_file(jpeg)
    assert jpeg.read_bytes() == b"new"


@pytest.mark.parametrize("path", ["IMG_1.jpg", "IMG_1.xmp"])
def test_what_is_write_protected_is_not_restored_over(tmp_path: Path, path: str) -> None:
    photo = raw_photo(tmp_path / "shoot")
    beside(photo, EDITED)
    jpeg = beside(photo, camera_photographs()[0].read_bytes(), "IMG_1.jpg")
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    write_into_file(jpeg, SETTINGS, preset="p")
    before = contents(photo.parent)
    photo.with_name(path).chmod(0o444)
    with pytest.raises(SidecarError, match="may not be written: lift its write protection"):
        restore_file(jpeg) if path == jpeg.name else restore_sidecar(photo)
    assert contents(photo.parent) == before
    photo.with_name(path).chmod(0o644)


@posix
def test_a_backup_that_was_never_more_than_a_second_name_is_taken_away(jpeg: Path) -> None:
    """As after a crash between the backup and what was to follow."""
    os.link(jpeg, backup := jpeg.with_name("IMG_1.jpg.original"))
    before = jpeg.read_bytes()
    assert restore_file(jpeg) == "restored"
    assert contents(jpeg.parent) == {"IMG_1.jpg": before}
    os.link(jpeg, backup)
    restore(backup, jpeg, is_still=yes)
    assert names_in(jpeg.parent) == {"IMG_1.jpg"}
