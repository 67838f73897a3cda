"""Metadata as exiftool reads it: a reader of XMP that is not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.photo.sidecars import exiftool

_PLACES = ("Offset", "Start", "MPImageLength")  # which move, and are looked after by the pictures found there


def read_by_exiftool(path: Path, *changes: str) -> dict[str, Any]:
    """Every tag by its group and name, numbers as numbers; first some may be changed."""
    if changes:
        exiftool(*changes, path)
    (tags,) = json.loads(exiftool("-j", "-G1", "-n", "-struct", path))
    return {name: _number(value) for name, value in tags.items()}


def binaries(path: Path) -> dict[str, Any]:
    """All that is in a picture beside XMP: tags, and the thumbnails and pictures found where those say."""
    groups = ("--XMP:all", "--System:all", "--File:all", "--ExifTool:all", "--Composite:all")
    (tags,) = json.loads(exiftool("-j", "-b", "-a", "-G1", "-u", *groups, path))
    return {name: value for name, value in tags.items() if not name.endswith(_PLACES)}


def _number(value: Any) -> Any:
    """Exiftool leaves ``+0.35`` a text."""
    try:
        return float(value) if isinstance(value, str) and value.startswith("+") else value
    except ValueError:
        return value
