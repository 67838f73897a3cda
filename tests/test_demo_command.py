"""``junmai-jobs demo``: what is drawn, what the command shows and leaves, and where it cannot work."""

from __future__ import annotations

import errno
import itertools
import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from junmai_jobs import embedded, tasks
from junmai_jobs.commands import demo as command
from junmai_jobs.demo.shoot import draw_shoot
from junmai_jobs.demo.views import view
from junmai_jobs.photo.groups.grouping import fingerprint
from tests.demos import demo_of
from tests.in_process import typed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.demos import Demo
    from tests.servers import RedisProcess

ALIKE = 10  # bits: from there on two views might be taken for one


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with demo_of(tmp_path, "-m", "junmai_jobs.cli", "demo", "--photos", "6") as demo:
        yield demo


# ---- what is drawn -------------------------------------------------------------------------------


def test_a_shoot_is_always_the_same(tmp_path: Path) -> None:
    shoots = [draw_shoot(tmp_path / name, 6) for name in ("one", "other")]
    one, other = [
        {file.relative_to(shoot.folder): sha for file, sha in shoot.digests.items()} for shoot in shoots
    ]
    assert one == other
    assert len(one) == 6
    assert [len(burst.frames) for burst in shoots[0].bursts] == [5]


def test_views_are_unlike_each_other() -> None:
    prints = [int(fingerprint(view(number).convert("L")) or "0", 16) for number in range(8)]
    assert all(prints)
    assert min((one ^ other).bit_count() for one, other in itertools.combinations(prints, 2)) > ALIKE


# ---- what it shows and leaves --------------------------------------------------------------------


def test_it_tells_what_it_showed_and_what_to_type_next(demo: Demo) -> None:
    code, out, err = demo.run()
    assert (code, err) == (0, "")
    for part in (
        "Drawing a shoot of 6 photos", "$ junmai-jobs process ", "mountains/IMG_0005.JPG", "Best of 5: ",
        "6 photos: 6 succeeded, 0 failed, 1 group, 2 picks",
        "1 burst, 1 sharp frame picked and exported; no original was changed.",
        "junmai-jobs process FOLDER --dry-run",
    ):  # fmt: skip
        assert part in out
    wait_until(demo.has_left_nothing, what="the last process and file of it to be gone")
    assert not any(demo.home.iterdir())


def test_stopped_in_the_middle_it_leaves_nothing(demo: Demo) -> None:
    code, shown = demo.in_terminal("Photos", lambda terminal, _pid: os.write(terminal, b"\x03"))
    assert code == 130, shown
    assert "The demo was stopped; nothing of it is left." in shown
    assert "Traceback" not in shown
    wait_until(demo.has_left_nothing, what="the last process and file of it to be gone")


def test_its_folder_is_kept_and_a_server_of_others_is_left_as_it_was(
    server: RedisProcess, tmp_path: Path
) -> None:
    with server.client() as client:
        client.set("somebody's", "own")
    words = ("-m", "junmai_jobs.cli", "demo", "--photos", "5", "--keep", "--json", "--redis", server.url)
    with demo_of(tmp_path, *words) as demo:
        code, out, err = demo.run()
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert (found["succeeded"], found["bursts"], len(found["picks"])) == (5, 1, 1)
        folder = Path(found["folder"])
        assert folder.parent == demo.temporary.resolve()
        with Image.open(found["picks"][0]["exported"]) as pick:
            assert pick.size == (1188, 792)
        assert Path(found["contact_sheet"]).is_relative_to(folder)
        assert not demo.processes()
    with server.client() as client:
        assert client.keys() == [b"somebody's"]
        client.flushall()


# ---- where it cannot work ------------------------------------------------------------------------


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tasks, "_PHOTO_LIBRARIES", ("a_library_that_there_is_not",))
    done = typed(tmp_path, "demo")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: the photo libraries are not installed: pip install 'junmai-jobs[photo]'\n"


def test_where_there_is_no_place_for_it_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def write(_: Path, __: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    done = typed(tmp_path / "home", "demo", "--photos", "6")
    assert (done.exit_code, done.stderr.count("\n"), "TMPDIR names another" in done.stderr) == (1, 1, True)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(Path, "write_bytes", write)
    done = typed(tmp_path / "home", "demo", "--photos", "6")
    assert (done.exit_code, done.stderr.count("\n"), "No space left" in done.stderr) == (1, 1, True)
    assert not any((tmp_path / "temporary").iterdir())


def test_on_windows_it_says_which_server_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "_WINDOWS", True)
    monkeypatch.setattr(command, "sys", SimpleNamespace(platform="win32"))
    done = typed(tmp_path, "demo", "--json")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (69, "", 1)
    assert "Install Memurai, or Redis in WSL, and set JUNMAI_REDIS_URL" in done.stderr


def test_on_windows_it_uses_the_server_that_is_configured(
    monkeypatch: pytest.MonkeyPatch, server: RedisProcess, tmp_path: Path
) -> None:
    monkeypatch.setattr(embedded, "_WINDOWS", True)
    monkeypatch.setattr(command, "sys", SimpleNamespace(platform="win32"))
    done = typed(tmp_path, "demo", "--photos", "5", "--json", JUNMAI_REDIS_URL=server.url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["succeeded"] == 5
    with server.client() as client:
        assert client.keys() == []


@pytest.mark.parametrize("photos", ["4", "151", "many"])
def test_a_number_of_photos_that_makes_no_shoot(tmp_path: Path, photos: str) -> None:
    assert typed(tmp_path, "demo", "--photos", photos).exit_code == 2
