"""Real photographs for the tests and the demo, fetched once and never committed.

They are the camera pictures that the source distribution of ``piexif`` (MIT licence) carries for its tests.
``python tests/photographs.py FOLDER`` copies them to a folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENT = "piexif==1.1.3"
ARCHIVE = "piexif-1.1.3.zip"
SHA256 = "83cb35c606bf3a1ea1a8f0a25cb42cf17e24353fd82e87ae3884e74a302a5f1b"
FOLDER_IN_ARCHIVE = "piexif-1.1.3/tests/images"

# Views of towns, by a Casio QV-R51.
SCENES = ("02.jpg", "L01.jpg", "L02.jpg", "large.jpg")
# The whole EXIF of a camera each, around a plain blue picture of 80 x 80 px.
CAMERAS = (
    "r_canon.jpg",
    "r_casio.jpg",
    "r_olympus.jpg",
    "r_pana.jpg",
    "r_pen.jpg",
    "r_ricoh.jpg",
    "r_sigma.jpg",
    "r_sony.jpg",
)


def camera_photographs() -> list[Path]:
    """Return the twelve pictures, sorted: the scenes, and one of each camera. The first call fetches them."""
    folder = _cache() / "piexif-1.1.3"
    if not folder.is_dir():
        _fetch(folder)
    return sorted(folder / name for name in SCENES + CAMERAS)


def scenes() -> list[Path]:
    """Return those of them that show something: pictures to be judged by their looks."""
    return [path for path in camera_photographs() if path.name in SCENES]


def copy_to(folder: Path) -> list[Path]:
    """Copy the pictures to a folder, which is made, and return the copies."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, folder)) for path in camera_photographs()]


def _cache() -> Path:
    chosen = os.environ.get("JUNMAI_TEST_CACHE")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[1] / ".cache" / "photographs"


def _fetch(folder: Path) -> None:
    """Fill ``folder`` in one step, so that two test runs may do so at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as workplace:
        archive = _download(Path(workplace))
        unpacked = Path(workplace, "pictures")
        unpacked.mkdir()
        with zipfile.ZipFile(archive) as pack:
            for name in SCENES + CAMERAS:
                (unpacked / name).write_bytes(pack.read(f"{FOLDER_IN_ARCHIVE}/{name}"))
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():  # nobody else has just done it
                raise


def _download(workplace: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "piexif"]
    done = subprocess.run(
        [*command, "--dest", str(workplace), REQUIREMENT],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    if done.returncode:
        raise RuntimeError(f"pip could not fetch the test photographs ({REQUIREMENT}):\n{done.stderr}")
    archive = workplace / ARCHIVE
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"{ARCHIVE} is not the one known here: its sha256 is {found}")
    return archive


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/photographs.py FOLDER")
    for copy in copy_to(Path(sys.argv[1])):
        print(copy)


if __name__ == "__main__":
    main()
