"""Develop settings written into photographs: what is compared of the files before and after.

Exiftool and Pillow are readers that know nothing of ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from junmai_jobs.photo.develop.presets import blended, load_presets
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.pictures.opening import Roots
from junmai_jobs.photo.xmp.into_file import SUFFIXES
from junmai_jobs.photo.xmp.writing import marks_of, undo_settings, write_settings
from tests.photographs import PIEXIF, PILLOW, unpacked

Figures = dict[str, Any]
SETTINGS = blended(load_presets()["landscape"], 70)
MARKS = marks_of(4.0)
_MOVING = ("Offset", "Start", "MPImageLength")  # told apart by what is found there
_GROUPS = ("--XMP:all", "--System:all", "--File:all", "--ExifTool:all", "--Composite:all")
_MOST_FRAMES, _EDGE = 8, 400


def exiftool(*arguments: str | Path) -> list[dict[str, Any]]:
    """What exiftool reads, one object a file."""
    command = ["exiftool", "-j", "-q", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=600)
    found: list[dict[str, Any]] = json.loads(done.stdout or b"[]")
    return found


def is_same(value: Any, read: Any) -> bool:
    """Whether a setting is what exiftool reads."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return bool(([f"{x}, {y}" for x, y in value] if isinstance(value, list) else value) == read)
    with contextlib.suppress(TypeError, ValueError):
        return float(read) == value
    return False


def photographs() -> list[Path]:
    """Every file in the source distributions of piexif and Pillow that is a JPEG or TIFF by its content."""
    roots = (unpacked(PIEXIF), unpacked(PILLOW))
    return sorted(path for root in roots for path in root.rglob("*") if path.is_file() and _suffix(path))


def _suffix(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\xff\xd8":
        return ".jpg"
    return ".tif" if start in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"} else ""


def untouched(files: Sequence[Path], folder: Path) -> Figures:
    """Apply a preset to all of a folder without the flag; what was there before must be as it was."""
    copied = _copied(files, folder)
    raws = [Path(shutil.copy(path, path.with_suffix(".NEF"))) for path in copied if path.suffix == ".tif"]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    outcomes = Counter(_applied(path, into_file=False) for path in [*copied, *raws])
    changed = [path.name for path, data in before.items() if path.read_bytes() != data]
    new = Counter(path.suffix for path in folder.iterdir() if path not in before)
    return {"files": len(before), "outcomes": dict(outcomes), "changed": changed, "new": dict(new)}


def written_into(files: Sequence[Path], folder: Path) -> Figures:
    """Apply a preset to all of a folder with the flag, and compare everything but the XMP."""
    copied = _copied(files, folder)
    before = {path: path.read_bytes() for path in copied}
    tags, looks = _tags(folder), {path: pixels(path) for path in copied}
    opened = [path for path in copied if _can_be_read(path)]
    outcomes = {path: _applied(path, into_file=True) for path in opened}
    written = [path for path, outcome in outcomes.items() if outcome == "written"]
    after = _tags(folder)
    lacking = {path.name: [name for name in SETTINGS if not is_same(SETTINGS[name], value.get(name))]
               for path, value in _settings(written).items()}  # fmt: skip
    figures = {
        "files": len(copied),
        "opened": len(opened),
        "written": len(written),
        "not written": {path.name: said for path, said in outcomes.items() if said != "written"},
        "settings read otherwise": [name for name, values in lacking.items() if values],
        "pixels changed": [path.name for path in written if pixels(path) != looks[path]],
        "not decoded": sum(not looks[path] for path in written),
        "other metadata changed": [path.name for path in written if after[path.name] != tags[path.name]],
        "no backup": [path.name for path in written if _backup(path).read_bytes() != before[path]],
    }
    figures["not undone"] = [
        path.name
        for path in written
        if undo_settings(path) != "restored" or path.read_bytes() != before[path] or _backup(path).exists()
    ]
    refused = [path for path in opened if outcomes[path] != "written"]
    figures["changed though not written"] = [
        each.name for each in refused if each.read_bytes() != before[each]
    ]
    return figures


def _applied(path: Path, *, into_file: bool) -> str:
    roots = Roots((path.parent.resolve(),))
    try:
        return write_settings(path, roots, SETTINGS, preset="landscape", marks=MARKS, into_file=into_file)
    except PhotoError as error:
        return f"{type(error).__name__}: {error}"


def _copied(files: Sequence[Path], folder: Path) -> list[Path]:
    folder.mkdir()
    assert set(map(_suffix, files)) <= SUFFIXES
    return [
        Path(shutil.copy(path, folder / f"{number}-{path.stem}{_suffix(path)}"))
        for number, path in enumerate(files)
    ]


def _backup(path: Path) -> Path:
    return path.with_name(f"{path.name}.original")


def _can_be_read(path: Path) -> bool:
    try:
        load_color(path, _EDGE)
    except PhotoError:
        return False
    return True


def pixels(path: Path) -> list[str]:
    """A digest of each picture in a file; nothing if Pillow cannot decode it."""
    found = []
    with (
        contextlib.suppress(
            UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError
        ),
        warnings.catch_warnings(action="ignore"),
        Image.open(path) as image,
    ):
        for number in range(min(getattr(image, "n_frames", 1), _MOST_FRAMES)):
            image.seek(number)
            found.append(f"{image.mode} {image.size} {hashlib.sha256(image.tobytes()).hexdigest()}")
    return found


def _tags(folder: Path) -> dict[str, dict[str, Any]]:
    """All that is in each file beside its XMP, with thumbnails and further pictures found where it says."""
    return {
        Path(tags["SourceFile"]).name: {
            key: value for key, value in tags.items() if not key.endswith(_MOVING)
        }
        for tags in exiftool("-b", "-a", "-G1", "-u", *_GROUPS, "-ext", "jpg", "-ext", "tif", folder)
    }


def _settings(files: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    found = exiftool("-XMP-crs:all", *files) if files else []
    return {Path(tags["SourceFile"]): tags for tags in found}
