"""What is read by name may be anything; what is ours is nobody else's, whatever the umask is."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.config import load_config
from junmai_jobs.embedded import Embedded
from junmai_jobs.errors import ConfigError
from junmai_jobs.files import (
    SMALL,
    aside,
    make_private_folder,
    may_become,
    put_in_place,
    remove_leftovers,
)
from junmai_jobs.photo.develop.contexts import load_rules
from junmai_jobs.photo.errors import PresetError
from junmai_jobs.schema import CatalogFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def as_config(file: Path) -> None:
    load_config(file, {"JUNMAI_HOME": str(file.parent)})


def at_home(file: Path) -> None:
    file.rename(file.with_name("config.json"))
    load_config(environ={"JUNMAI_HOME": str(file.parent)})


@pytest.mark.parametrize("read", [as_config, at_home, load_rules])
@pytest.mark.parametrize(("kind", "said"), [("pipe", "no regular file"), ("device", "no regular file"),
                                            ("large", "larger than 1 MiB")])  # fmt: skip
def test_what_has_no_end_is_not_read(
    tmp_path: Path, read: Callable[[Path], object], kind: str, said: str
) -> None:
    file = tmp_path / "given.json"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.write_bytes(b"{}" + b" " * SMALL)
    with pytest.raises((ConfigError, PresetError), match=said):
        read(file)


@pytest.fixture(params=[0o000, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_ours_is_private_whatever_the_umask(tmp_path: Path, umask: None) -> None:
    home = tmp_path / "above" / "home"
    embedded = Embedded(home, 1800.0, "always")
    embedded.prepare()
    with embedded.locked():
        pass
    CatalogFile(home / "catalog.db").close()
    assert [mode(path) for path in (home.parent, home, embedded.folder)] == [0o700] * 3
    assert [mode(path) for path in (embedded.folder / "lock", home / "catalog.db")] == [0o600] * 2


def test_what_is_there_stays_as_it_is(tmp_path: Path, umask: None) -> None:
    (tmp_path / "ours").touch()
    for path, bits in ((tmp_path, 0o755), (tmp_path / "ours", 0o640)):
        path.chmod(bits)
    make_private_folder(tmp_path)
    CatalogFile(tmp_path / "ours").close()
    assert (mode(tmp_path), mode(tmp_path / "ours")) == (0o755, 0o640)
    with pytest.raises(FileExistsError):
        make_private_folder(tmp_path / "ours")


def test_a_home_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)  # as it is for everybody but root
    with pytest.raises(
        ConfigError, match=rf"^{tmp_path} cannot be used: .*chmod 700 {tmp_path}.*JUNMAI_HOME"
    ):
        load_config(environ={"JUNMAI_HOME": str(tmp_path)})


@pytest.mark.parametrize("variable", ["JUNMAI_HOME", "JUNMAI_CONFIG"])
def test_the_home_of_nobody(variable: str) -> None:
    with pytest.raises(ConfigError, match="no such user"):
        load_config(environ={variable: "~no-such-user/a"})


def test_what_is_put_in_its_place_is_synced_before_it_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (final := tmp_path / "final").write_bytes(b"old")
    sync, synced = os.fsync, []

    def look(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), final.read_bytes()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    with aside(final) as made:
        made.write_bytes(b"new")
        put_in_place(made, final)
    assert synced == [(False, b"old"), (True, b"new")]
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_folder_that_cannot_be_synced_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network drives."""
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    (made := tmp_path / "made").write_bytes(b"new")
    put_in_place(made, tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == b"new"


def test_what_the_last_look_refuses_is_not_put_there_and_leaves_nothing(tmp_path: Path) -> None:
    (final := tmp_path / "final").write_bytes(b"old")

    def refuse() -> None:
        raise LookupError

    with pytest.raises(LookupError), aside(final) as made:  # noqa: PT012 - the one raises in the other
        made.write_bytes(b"new")
        put_in_place(made, final, last_look=refuse)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"final": b"old"}


@pytest.mark.parametrize(
    ("content", "may"), [(None, True), (b"", True), (b"ours, all", True), (b"our", False)]
)
def test_what_is_ours_may_take_the_place_of_nothing_else(
    tmp_path: Path, content: bytes | None, *, may: bool
) -> None:
    file = tmp_path / "sheet.html"
    if content is not None:
        file.write_bytes(content)
    assert may_become(file, b"ours,") is may


def test_leftovers_are_ours_alone_and_old(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    with aside(folder / "final") as made:
        pass
    made.write_bytes(b"left behind")
    (folder / ".junmai-0123456789ab.tmp.jpg").touch()
    (folder / ".junmai-note.tmp").touch()
    (folder / ".junmai-0123456789ab.tmp").mkdir()
    (tmp_path / made.name).touch()
    others = {path.name for path in folder.iterdir()} - {made.name}

    remove_leftovers(folder, until=time.time() - 3600)
    assert made.exists(), "somebody may be at work on it"
    os.utime(made, (0, 0))
    remove_leftovers(folder, until=time.time() - 3600)
    assert made.exists(), "as the file that it is to be like, it may seem to be old"
    remove_leftovers(folder, until=time.time() + 3600)

    assert {path.name for path in folder.iterdir()} == others
    assert (tmp_path / made.name).exists()
    remove_leftovers(tmp_path / "no folder", until=time.time())
