"""Exports read back: colours beside the published formulas, EXIF and GPS beside exiftool, formats, pyvips.

python -m benchmarks.photo_quality.export [--json FILE]

Colour: a chart of 4,913 colours and photographs in each of the four spaces are exported as PNG to the three
others, and every pixel compared (CIEDE2000) with what ``colorimetry`` makes of the same numbers in floating
point, and with that rounded to 8 bits a channel, which is what another program's export would be. How far off
the nearest colours of 8 bits are by themselves, which no export can be nearer than, is told beside it. EXIF:
each field that exiftool names of a photograph, in all four formats. GPS: photographs that were given a place,
in EXIF and XMP, are exported with ``no_gps`` and ``none``.
"""

from __future__ import annotations

import itertools
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.photo_quality import colorimetry, evaluation
from benchmarks.photo_quality.evaluation import Line, none_of
from junmai_jobs.config import ExportPreset
from junmai_jobs.photo.export.encoding import export_suffix
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.photo.pictures import scaling
from junmai_jobs.photo.pictures.icc import profile_of
from tests.photographs import PILLOW, SCIKIT_IMAGE, SCIKIT_LEARN, camera_photographs, scenes, unpacked

MOST = 1.0  # delta E
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
_LATITUDE, _LONGITUDE = (35, 40, 30.25), (139, 45, 6.75)  # degrees, minutes, seconds
_INSTALL = "exiftool is not on PATH: apt install libimage-exiftool-perl, or brew install exiftool"
# Of the old file and not of the photograph: where colour samples lie, how parts of it are laid out.
_OF_THE_FILE = frozenset({
    "YCbCrPositioning", "ExifImageWidth", "ExifImageHeight", "Orientation", "ColorSpace", "PrintIMVersion",
    "OffsetSchema", "InteropIndex", "InteropVersion", "ImageWidth", "ImageHeight", "BitsPerSample",
    "Compression", "PhotometricInterpretation", "SamplesPerPixel", "StripOffsets", "StripByteCounts",
    "RowsPerStrip", "PlanarConfiguration",
})  # fmt: skip
_EXIF_GROUPS = ("IFD0:", "ExifIFD:", "GPS:")


def photographs() -> list[Path]:
    """Photographs of many colours."""
    pillow = unpacked(PILLOW) / "pillow-13.0.0/Tests/images"
    skimage = unpacked(SCIKIT_IMAGE) / "skimage/data"
    learn = unpacked(SCIKIT_LEARN) / "sklearn/datasets/images"
    return [
        *(path for path in scenes() if path.name == "large.jpg"),
        learn / "china.jpg", learn / "flower.jpg",
        pillow / "xmp_test.jpg",
        *(skimage / name for name in ("astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png")),
    ]  # fmt: skip


def profiled() -> dict[Path, str]:
    """Photographs with a profile that others made, of HP, Adobe and Apple, and the space that it is of."""
    pillow = unpacked(PILLOW) / "pillow-13.0.0/Tests/images"
    return {
        unpacked(SCIKIT_LEARN) / "sklearn/datasets/images/china.jpg": "sRGB",
        pillow / "xmp_test.jpg": "AdobeRGB",
        pillow / "frame_size.mpo": "DisplayP3",
    }


def with_exif() -> list[Path]:
    """Photographs with what a camera wrote down."""
    pillow = unpacked(PILLOW) / "pillow-13.0.0/Tests/images"
    return [pillow / "fujifilm.mpo", *camera_photographs()]


def chart() -> Image.Image:
    """17 levels of each channel: every colour there is, in steps of 16."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(17, 289, 3))


def _pixels(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), float) / 255


def _exported(source: Path, folder: Path, **settings: Any) -> Path:
    preset = ExportPreset(name="measured", **{"max_dimension": 20_000, **settings})
    final = folder / f"{len(list(folder.iterdir()))}{export_suffix(preset.format)}"
    export(source, preset, final)
    return final


def colours(paths: Iterable[Path], longest: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Compare the chart and photographs (their long edge at most so many px), each pair of spaces."""
    sources: list[tuple[str, Image.Image]] = [("chart", chart())]
    for path in paths:
        with Image.open(path) as photo:
            photo.thumbnail((longest, longest))
            sources.append((path.name, photo.convert("RGB")))
    for name, image in sources:
        for space in colorimetry.SPACES:
            numbers = np.asarray(image, float) / 255
            if name != "chart":  # what sRGB shows, in the numbers of this space
                numbers = np.rint(colorimetry.converted(numbers, "sRGB", space) * 255) / 255
            source = folder / f"{space} {name}.png"
            Image.fromarray(np.rint(numbers * 255).astype(np.uint8)).save(
                source, icc_profile=profile_of(space)
            )
            for target in (each for each in colorimetry.SPACES if each != space):
                made = _exported(source, folder, format="PNG", color_space=target)
                yield {"picture": name, "from": space, "to": target} | _difference(
                    numbers, space, made, target
                )


def _difference(numbers: Any, space: str, made: Path, target: str) -> dict[str, float]:
    exact = colorimetry.converted(numbers, space, target)
    expected = colorimetry.lab(exact, target)
    ours, others = _pixels(made), np.rint(exact * 255) / 255
    found = colorimetry.difference(colorimetry.lab(ours, target), expected)
    rounded = colorimetry.difference(colorimetry.lab(others, target), expected)
    least, far = rounded.copy(), rounded > MOST  # elsewhere there may be nearer ones, and need not
    least[far] = colorimetry.least_difference(exact[far], target)
    beside = colorimetry.difference(colorimetry.lab(ours, target), colorimetry.lab(others, target))
    return {
        "mean": float(found.mean()),
        "p95": float(np.quantile(found, 0.95)),
        "p99": float(np.quantile(found, 0.99)),
        "within 1": float((found <= MOST).mean()),
        "max": float(found.max()),
        "max of rounding": float(rounded.max()),
        "least max": float(least.max()),
        "mean beside 8 bits": float(beside.mean()),
        "max beside 8 bits": float(beside.max()),
        "same numbers": float((np.abs(ours - others) < 0.5 / 255).all(-1).mean()),
        "steps": float(np.rint(np.abs(ours - others) * 255).max()),
    }


def as_they_are(paths: Mapping[Path, str], folder: Path) -> Iterator[dict[str, Any]]:
    """Compare photographs with profiles that others made, in the space that these are of."""
    for path, space in paths.items():
        numbers = _pixels(path)
        for target in colorimetry.SPACES:
            made = _exported(path, folder, format="PNG", color_space=target)
            yield {"picture": f"{path.name}, as it is", "from": space, "to": target} | _difference(
                numbers, space, made, target
            )


def ask_exiftool(*paths: Path) -> list[dict[str, Any]]:
    """What exiftool names in files, each as ``Group:Name``, also what is there twice."""
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        sys.exit(_INSTALL)
    command = [exiftool, "-json", "-n", "-G1:4", "-a", "-q", "-q", *map(str, paths)]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def exif_kept(paths: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """Count the fields of EXIF that are the same in the exports, in whichever directory."""
    for kind in FORMATS:
        named, lost = 0, []
        for path in paths:
            made = _exported(path, folder, format=kind, max_dimension=300)
            before, after = ask_exiftool(path, made)
            values = {name.rpartition(":")[2]: value for name, value in after.items()}
            for name, value in before.items():
                field = name.rpartition(":")[2]
                if name.startswith(_EXIF_GROUPS) and field not in _OF_THE_FILE:
                    named += 1
                    lost += [] if values.get(field) == value else [f"{path.name}: {name}"]
        yield {"format": kind, "named": named, "kept": named - len(lost), "lost": lost}


def gps_gone(paths: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """Give copies a place, export them without it, and look for it: by exiftool, and as the bytes it was."""
    sources = [_placed(path, folder) for path in paths]
    for metadata in ("all", "no_gps", "none"):
        for kind in FORMATS:
            made = [
                _exported(path, folder, format=kind, metadata=metadata, max_dimension=300) for path in sources
            ]
            tags = [name for found in ask_exiftool(*made) for name in found if "GPS" in name.upper()]
            holding = sum(any(place in path.read_bytes() for place in _as_bytes()) for path in made)
            yield {"metadata": metadata, "format": kind, "photographs": len(made), "tags": len(tags),
                   "files with its bytes": holding}  # fmt: skip


def _placed(path: Path, folder: Path) -> Path:
    copy = Path(shutil.copy(path, folder / f"placed {path.name}"))
    latitude, longitude = ("{} {} {}".format(*place) for place in (_LATITUDE, _LONGITUDE))
    tags = [f"-{group}GPSLatitude={latitude}" for group in ("EXIF:", "XMP:")]
    tags += [f"-{group}GPSLongitude={longitude}" for group in ("EXIF:", "XMP:")]
    more = ["-GPSLatitudeRef=N", "-GPSLongitudeRef=E", "-GPSAltitude=44.5", "-m", "-q", "-overwrite_original"]
    command = ["exiftool", *tags, *more, str(copy)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return copy


def _as_bytes() -> list[bytes]:
    """Both coordinates as EXIF has them, three fractions in either order of bytes, and as XMP has them."""
    found = [b"35,40.504", b"139,45.112"]
    for degrees, minutes, seconds in (_LATITUDE, _LONGITUDE):
        hundredths = round(seconds * 100)
        divisor = next(each for each in (1, 2, 4, 5, 10, 20, 25, 50, 100) if seconds * each % 1 == 0)
        for over in {100, divisor}:
            numbers = int(degrees), 1, int(minutes), 1, hundredths * over // 100, over
            found += [struct.pack(f"{order}6I", *numbers) for order in "<>"]
    return found


def formats(paths: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """Read exports of each format back: their size, profile and colours, at quality 85 and 95."""
    paths = list(paths)
    for kind in FORMATS:
        for quality in (85, 95) if kind in {"JPEG", "WEBP"} else (100,):
            far, right, size = [], 0, 0
            for path in paths:
                settings = {"max_dimension": 1024, "quality": quality}
                made = _exported(path, folder, format=kind, **settings)
                with Image.open(made) as image:
                    image.load()
                    right += image.format == kind and max(image.size) == min(1024, max(_size(path)))
                    right -= image.info["icc_profile"] == b""
                lossless = _exported(path, folder, format="PNG", **settings)
                one, other = (colorimetry.lab(_pixels(each), "sRGB") for each in (made, lossless))
                far.append(float(colorimetry.difference(one, other).mean()))
                size += made.stat().st_size
            yield {"format": kind, "quality": quality, "photographs": len(paths), "right": right,
                   "mean delta E": float(np.mean(far)), "MB": size / 1e6}  # fmt: skip


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def by_vips(paths: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """Compare exports that libvips has reduced with those of Pillow, at three sizes."""
    for path in paths:
        longest = max(_size(path))
        for share in (0.8, 0.5, 0.22):
            settings = {"format": "PNG", "max_dimension": round(longest * share)}
            ours = _exported(path, folder, **settings)
            with patch.object(scaling, "_vips", return_value=None):
                pillows = _exported(path, folder, **settings)
            one, other = (colorimetry.lab(_pixels(each), "sRGB") for each in (ours, pillows))
            found = colorimetry.difference(one, other)
            figures = {"mean": found.mean(), "p99": np.quantile(found, 0.99), "max": found.max()}
            yield {"picture": path.name, "share": share} | {name: float(of) for name, of in figures.items()}


def measure(longest: int = 1000, photos: int | None = None) -> dict[str, Any]:
    """Measure everything; of all photographs, or the last few of each list, at most so many px."""
    last = slice(None) if photos is None else slice(-photos, None)
    shown, written, foreign = photographs()[last], with_exif()[last], dict([*profiled().items()][last])
    with tempfile.TemporaryDirectory() as work:
        folders = {name: Path(work, name) for name in ("colours", "exif", "gps", "formats", "vips")}
        for folder in folders.values():
            folder.mkdir()
        by_others = as_they_are(foreign, folders["colours"])
        found: dict[str, Any] = {
            "photographs": [path.name for path in shown],
            "with EXIF": [path.name for path in written],
            "colours": [*colours(shown, longest, folders["colours"]), *by_others],
            "exif": list(exif_kept(written, folders["exif"])),
            "gps": list(gps_gone(with_exif()[1:][last], folders["gps"])),
            "formats": list(formats(shown, folders["formats"])),
            "vips": list(by_vips(shown, folders["vips"])) if scaling.has_vips() else [],
        }
    return found


def lines(found: dict[str, Any]) -> list[Line]:
    """What must be so."""
    made = []
    for target in colorimetry.SPACES:
        rows = [row for row in found["colours"] if row["to"] == target]
        for what, figure, most in (
            ("mean of the worst picture", "mean", MOST),
            ("95 % of the pixels of the worst picture within", "p95", MOST),
            ("99 % of the pixels of the worst picture within", "p99", MOST),
            ("farthest pixel", "max", MOST),
            ("farthest pixel of the exact numbers, rounded", "max of rounding", None),
            ("farthest pixel of the nearest numbers of 8 bits", "least max", None),
        ):
            worst = max(row[figure] for row in rows)
            made.append(Line(name=f"delta E to {target}: {what}", figure=worst, most=most, form=".2f"))
    gps = [row for row in found["gps"] if row["metadata"] != "all"]
    there = [row["tags"] for row in found["gps"] if row["metadata"] == "all"]
    wrong = sum(row["photographs"] - row["right"] for row in found["formats"])
    return [
        *made,
        none_of("fields of EXIF lost, in all formats", sum(len(row["lost"]) for row in found["exif"])),
        Line(name="tags of GPS there to be lost, in each format", figure=min(there), least=1, form="d"),
        none_of("tags of GPS left when asked away", sum(row["tags"] for row in gps)),
        none_of("files with the bytes of a place then", sum(row["files with its bytes"] for row in gps)),
        none_of("exports of another format or size than asked for", wrong),
    ]


def show(found: dict[str, Any], console: Console) -> None:
    """Print the figures as tables."""
    names = ("mean", "p95", "p99", "max", "max of rounding", "least max", "steps")
    heads = ("mean", "p95", "p99", "max", "rounded", "least", "steps", "same")
    table = Table("to", "of", *heads, title="delta E (CIEDE2000), worst picture")
    for target, is_chart in itertools.product(colorimetry.SPACES, (True, False)):
        rows = [
            row
            for row in found["colours"]
            if row["to"] == target != row["from"] and (row["picture"] == "chart") == is_chart
        ]
        if rows:
            figures = [f"{max(row[name] for row in rows):.2f}" for name in names]
            same = f"{min(row['same numbers'] for row in rows):.1%}"
            table.add_row(target, "chart" if is_chart else "photographs", *figures, same)
    console.print(table)
    console.print("rounded, least: max of the exact numbers rounded, of the nearest ones that 8 bits have")
    console.print("steps, same: the farthest of our numbers from the rounded ones, and how many are these")
    for title in ("exif", "gps", "formats", "vips"):
        if rows := found[title]:
            table = Table(*(name for name in rows[0] if name != "lost"), title=title)
            for row in rows:
                values = (value for name, value in row.items() if name != "lost")
                table.add_row(*(f"{each:.3f}" if isinstance(each, float) else str(each) for each in values))
            console.print(table)
    for row in found["exif"]:
        if row["lost"]:
            console.print(f"{row['format']} lost {', '.join(row['lost'])}", markup=False)
    console.print(f"photographs: {', '.join(found['photographs'])}", markup=False)
    console.print(f"with EXIF: {', '.join(found['with EXIF'])}", markup=False)


def main() -> int:
    """Run it all; 1 where a bound is not met."""
    chosen = evaluation.options(__doc__).parse_args()
    found = measure()
    show(found, Console())
    return evaluation.concluded(lines(found), found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
