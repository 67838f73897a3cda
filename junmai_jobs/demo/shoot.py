"""A shoot of which it is known what should become of it: the sharp frame of each burst is its pick."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from junmai_jobs.demo.bursts import FRAMES, Burst, make_burst
from junmai_jobs.demo.views import KINDS, view

MORNING = datetime(2026, 5, 9, 9)  # noqa: DTZ001 - clocks of cameras have no zone
_PAUSE = timedelta(minutes=7)
"""From one view to the next."""
_CAMERAS = (
    ("Canon", "Canon EOS R6", "RF24-105mm F4 L IS USM"),
    ("NIKON CORPORATION", "NIKON Z 6_2", "NIKKOR Z 24-70mm f/4 S"),
    ("SONY", "ILCE-7M4", "FE 24-70mm F2.8 GM II"),
)


@dataclass(frozen=True, slots=True)
class Shoot:
    """A folder of photographs as it was taken."""

    folder: Path
    bursts: list[Burst]
    digests: dict[Path, str]
    """Of every file in it."""


def draw_shoot(folder: Path, photos: int) -> Shoot:
    """Fill a folder with so many drawn pictures, five or more: bursts, and views that were taken once."""
    views = max(1, photos // (FRAMES + 1))
    singles = photos - views * FRAMES
    bursts = []
    for number in range(views + singles):
        camera, start = _CAMERAS[number % len(_CAMERAS)], MORNING + number * _PAUSE
        frame = _as_taken(view(number), camera, start)
        place = folder / KINDS[number % len(KINDS)]
        if number < views:
            bursts.append(make_burst(frame, place, start=start, seed=number))
        else:
            place.mkdir(parents=True, exist_ok=True)
            (place / f"IMG_{FRAMES * views + number - views + 1:04}.JPG").write_bytes(frame.getvalue())
    return Shoot(folder, bursts, digests(folder))


def _as_taken(drawn: Image.Image, camera: tuple[str, str, str], moment: datetime) -> io.BytesIO:
    """A JPEG with what a camera would have written into it."""
    make, model, lens = camera
    exif = Image.Exif()
    exif.update({ExifTags.Base.Make: make, ExifTags.Base.Model: model, ExifTags.Base.Orientation: 1})
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: f"{moment:%Y:%m:%d %H:%M:%S}",
            ExifTags.Base.LensModel: lens,
            ExifTags.Base.ExposureTime: 1 / 250,
            ExifTags.Base.FNumber: 5.6,
            ExifTags.Base.ISOSpeedRatings: 200,
            ExifTags.Base.FocalLength: 35.0,
        }
    )
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=95, exif=exif)
    file.seek(0)
    return file


def digests(folder: Path) -> dict[Path, str]:
    """The SHA-256 of every file in a folder and the folders below it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def shortcomings(report: dict[str, Any], shoot: Shoot, exports: Path) -> Iterator[str]:
    """Tell all in which a ``process --json`` of the shoot is not what it should be; nothing if it is."""
    photos, succeeded = len(shoot.digests), report["succeeded"]
    if (report["photos"], succeeded) != (photos, photos):
        yield f"{succeeded} of {photos} photos succeeded"
    for failure in report["failures"]:
        yield f"{failure['path']}: {failure['error']}"
    yield from _wrong_picks(report, shoot)
    yield from _wrong_exports(report, exports)
    now = digests(shoot.folder)
    for path in sorted(now.keys() | shoot.digests.keys()):
        if now.get(path) != shoot.digests.get(path):
            yield f"{path.name} in {path.parent.name} was changed, removed or added"


def _wrong_picks(report: dict[str, Any], shoot: Shoot) -> Iterator[str]:
    if len(report["groups"]) != len(shoot.bursts):
        yield f"of {len(shoot.bursts)} bursts became {len(report['groups'])} groups"
    picked_of = {frozenset(group["photos"]): group["pick"] for group in report["groups"]}
    picks = {pick["path"] for pick in report["picks"]}
    for burst in shoot.bursts:
        pick = picked_of.get(frozenset(map(str, burst.frames)))
        if pick is None:
            yield f"the burst in {burst.frames[0].parent.name} is not one group"
        elif pick != str(burst.sharp):
            yield f"{Path(pick).name} was picked of its burst, but {burst.sharp.name} is the sharp one"
        elif pick not in picks:
            yield f"{burst.sharp.name} is missing among the picks"


def _wrong_exports(report: dict[str, Any], exports: Path) -> Iterator[str]:
    others = set(digests(exports))
    for pick in report["picks"]:
        try:
            with Image.open(pick["exported"] or "") as image:
                image.load()
        except OSError:
            yield f"{Path(pick['path']).name} was picked, but not exported whole"
        else:
            others.discard(Path(pick["exported"]))
    if others:
        yield f"{', '.join(sorted(map(str, others)))}: exported, but of no pick"
