from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from junmai_jobs.errors import StaleLease
from junmai_jobs.files import put_in_place
from junmai_jobs.photo.errors import ExportRefused, PhotoError
from junmai_jobs.photo.export.exporting import _beginning, export
from tests.photo.export.exports import ORIENTATION, preset, read
from tests.photographs import scenes

posix = pytest.mark.skipif(os.name != "posix", reason="a thing of POSIX")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A real photograph of 500 x 667 px."""
    return Path(shutil.copy(next(path for path in scenes() if path.name == "large.jpg"), tmp_path))


def test_the_folder_is_made_and_the_same_export_is_left_alone(tmp_path: Path, photo: Path) -> None:
    final = tmp_path / "Kunden" / "Größe 写真" / "a.jpg"
    first = export(photo, preset(max_dimension=50), final)
    written = final.stat().st_mtime_ns

    assert export(photo, preset(max_dimension=50), final) == first

    assert final.stat().st_mtime_ns == written
    assert [path.name for path in final.parent.iterdir()] == ["a.jpg"]


def test_another_picture_is_never_replaced(tmp_path: Path, photo: Path) -> None:
    final = tmp_path / "a.jpg"
    export(photo, preset(max_dimension=50), final)
    before = final.read_bytes()

    with pytest.raises(ExportRefused, match=r"a\.jpg is in .* already and another picture: move it away"):
        export(photo, preset(max_dimension=60), final)

    assert final.read_bytes() == before


def test_what_a_crash_has_left_is_swept(tmp_path: Path, photo: Path) -> None:
    names = [f"The wedding of Anna and Bertram in Kyoto {number}.jpg" for number in (1, 2)]
    own, others = (tmp_path / f"{_beginning(tmp_path / name)}0123.part" for name in names)
    own.touch()
    others.touch()

    export(photo, preset(), tmp_path / names[0])

    assert not own.exists()
    assert others.exists()  # it may be being written


@posix
def test_the_file_has_the_permissions_of_any_new_file(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "ordinary").touch()

    export(photo, preset(), tmp_path / "out.jpg")

    assert (tmp_path / "out.jpg").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_publishing_is_the_callers_business(tmp_path: Path, photo: Path) -> None:
    final, seen = tmp_path / "out" / "a.jpg", []

    def publish(temporary: Path, to: Path) -> str:
        seen.append((temporary.parent, to, read(temporary).size, to.exists()))
        put_in_place(temporary, to)
        return str(to)

    export(photo, preset(), final, publish=publish)

    assert seen == [(final.parent, final, (500, 667), False)]


@pytest.mark.parametrize("failure", [StaleLease("not ours"), KeyboardInterrupt(), OSError(errno.EIO, "I/O")])
def test_when_it_is_not_published_nothing_stays(tmp_path: Path, photo: Path, failure: BaseException) -> None:
    final = tmp_path / "out" / "a.jpg"

    def refuse(temporary: Path, to: Path) -> None:
        raise failure

    with pytest.raises(PhotoError if isinstance(failure, OSError) else type(failure)):
        export(photo, preset(), final, publish=refuse)
    assert list(final.parent.iterdir()) == []


def test_a_destination_that_is_a_file(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "export").write_text("a letter")

    for final in (tmp_path / "export" / "a.jpg", tmp_path / "export" / "deeper" / "a.jpg"):
        with pytest.raises(
            PhotoError, match=r"a\.jpg cannot be written, as .*export is a file and not a folder"
        ):
            export(photo, preset(), final)
    assert (tmp_path / "export").read_text() == "a letter"


def test_a_folder_that_has_the_files_name(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "out" / "a.jpg").mkdir(parents=True)

    with pytest.raises(PhotoError, match=r"a\.jpg cannot be written, as a folder of that name is in"):
        export(photo, preset(), tmp_path / "out" / "a.jpg")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.jpg"]


def as_somebody(code: str, *arguments: object, before: Callable[[], None]) -> str:
    """Export in a process of its own, with ``before`` done in it; return what it was told."""
    program = (
        "import sys; from pathlib import Path; from junmai_jobs.config import ExportPreset\n"
        "from junmai_jobs.photo.errors import PhotoError\n"
        "from junmai_jobs.photo.export.exporting import export\n"
        f"{code}"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        preexec_fn=before,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


TELL = (
    "try: export(Path(sys.argv[1]), ExportPreset(format='TIFF', max_dimension=2000), Path(sys.argv[2]))\n"
    "except PhotoError as error: print(error)"
)


@posix
def test_a_folder_that_may_not_be_written(photo: Path, tmp_path: Path) -> None:
    if os.getuid():
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o555)
    else:
        folder = Path("/proc/sys")  # where permissions bind even root
    with pytest.raises(PhotoError, match=r"a\.jpg cannot be written to .* \(.*\): (check|is its drive)"):
        export(photo, preset(), folder / "a.jpg")


@posix
def test_a_file_larger_than_is_allowed_is_named_with_its_size(photo: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    (tmp_path / "out").mkdir()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    told = as_somebody(TELL, photo, tmp_path / "out" / "a.tif", before=limit)

    assert told.startswith("a.tif needs 0.8 MB, more than its drive or your account allows for one file")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def full_drive(tmp_path: Path) -> Iterator[Path]:
    """A drive of 256 KiB, a real one."""
    drive = tmp_path / "drive"
    drive.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(drive)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no drive may be mounted here")
    yield drive
    subprocess.run(["umount", str(drive)], check=True)


def test_a_full_drive_is_told_with_what_is_needed(photo: Path, full_drive: Path) -> None:
    with pytest.raises(PhotoError, match=r"a\.tif needs 0\.8 MB, and its drive is full: free some space"):
        export(photo, preset(format="TIFF"), full_drive / "a.tif")
    assert list(full_drive.iterdir()) == []
    assert export(photo, preset(max_dimension=200), full_drive / "a.jpg")["bytes"] < 100_000


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, r"a\.jpg needs 0\.1 MB, and its drive is full: free some space there"),
        (
            errno.EROFS,
            r"a\.jpg cannot be written to .* \(.*\): check its permissions, whether its drive is loc",
        ),
        (errno.EIO, r"a\.jpg cannot be written to .* just now \(.*\): is its drive connected\?"),
        (errno.ENODEV, r"a\.jpg cannot be written to .* just now \(.*\): is its drive connected\?"),
    ],
)
def test_what_a_drive_can_say_is_told_in_one_line(
    tmp_path: Path, photo: Path, code: int, message: str
) -> None:
    def fail(temporary: Path, to: Path) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(PhotoError, match=message) as caught:
        export(photo, preset(), tmp_path / "out" / "a.jpg", publish=fail)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


@posix
def test_a_process_killed_at_any_moment_leaves_a_whole_file_or_none(tmp_path: Path, photo: Path) -> None:
    final = tmp_path / "out" / "a.tif"
    forever = (
        "from itertools import count\n"
        "for size in count():\n"
        "    preset = ExportPreset(format='TIFF', max_dimension=300 + size % 2)\n"
        "    Path(sys.argv[2]).unlink(missing_ok=True)\n"
        "    export(Path(sys.argv[1]), preset, Path(sys.argv[2]))\n"
        "    print(size, flush=True)\n"
    )
    program = (
        "import sys; from pathlib import Path; from junmai_jobs.config import ExportPreset\n"
        f"from junmai_jobs.photo.export.exporting import export\n{forever}"
    )
    command = [sys.executable, "-c", program, str(photo), str(final)]
    dice = np.random.default_rng(3)
    for _ in range(8):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            killer = threading.Timer(dice.uniform(0, 0.05), process.send_signal, (signal.SIGKILL,))
            killer.start()
            killer.join()
        if final.exists():
            assert max(read(final).size) in {300, 301}
            assert read(final).getexif()[ORIENTATION] == 1
    assert {path.suffix for path in final.parent.iterdir()} <= {".tif", ".part"}
