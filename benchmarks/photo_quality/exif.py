"""EXIF against exiftool, an independent reader, on every picture in the sources of piexif and Pillow.

python -m benchmarks.photo_quality.exif [--json FILE]

Asked is every file that has a format which is read here and of which exiftool names a field of EXIF (groups
IFD0, ExifIFD and GPS; a place with its sign, from Composite). A field that exiftool names and ``read_exif``
does not counts as wrong; an empty text and "undef" name nothing. Texts are compared without their padding,
and those that are not UTF-8 as Windows' Latin; numbers to half of the last digit that is kept. Lens and ISO
that only maker notes tell are counted apart. Besides, no file of these sources, whatever it is and whatever
its name says, may cause any error but a ``PhotoError``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import Line, none_of
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.exif.reading import read_exif
from tests.photographs import PIEXIF, PILLOW, unpacked

LEAST, LEAST_OF_NOTES = 0.995, 0.80
_INSTALL = "exiftool is not on PATH: apt install libimage-exiftool-perl, or brew install exiftool"
_NOT_NAMED = ("", "undef", "n/a")
_DEGREES, _CENT = 1e-6, 0.005 + 1e-9  # a hundredth of a metre on the ground is 1e-7; half of two decimals
_EXIF, _GPS = ("ExifIFD", "IFD0"), ("Composite",)
_NO_MAKERS = ("SourceFile", "ExifTool", "System", "File", "IFD", "ExifIFD", "GPS", "InteropIFD", "XMP", "MPF")
_SUFFIXES = (".jpg", ".dng")  # one read as a picture, one as a RAW file

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the two readers say about one field of one picture."""

    picture: str
    field: str
    exiftool: Any
    ours: Any
    agrees: bool
    from_camera: bool  # whether exiftool names a make or model of it


class Field(NamedTuple):
    """A field by exiftool's name, its groups, where it is among ours, and when the two are the same."""

    name: str
    groups: tuple[str, ...]
    ours: Callable[[Found], Any]
    same: Callable[[Any, Any], bool]


def _at(table: str, key: str) -> Callable[[Found], Any]:
    return lambda found: found[table][key]


def _text(theirs: Any, ours: Any) -> bool:
    return bool(" ".join(str(theirs).split()) == ours)


def _equal(theirs: object, ours: object) -> bool:
    return theirs == ours


def _near(tolerance: float) -> Callable[[Any, Any], bool]:
    return lambda theirs, ours: ours is not None and abs(float(theirs) - ours) <= tolerance


def _seconds(theirs: Any, ours: Any) -> bool:
    return ours is not None and abs(float(theirs) - ours) <= 1e-6 * float(theirs)


def _word(words: Mapping[int, str]) -> Callable[[Any, Any], bool]:
    return lambda theirs, ours: words.get(theirs) == ours


_METERING = ("Unidentified", "Average", "CenterWeightedAverage", "Spot", "MultiSpot", "Pattern", "Partial")
_MODES = {**dict(enumerate(_METERING)), 255: "Other"}
FIELDS = (
    Field("Make", _EXIF, _at("camera", "make"), _text),
    Field("Model", _EXIF, _at("camera", "model"), _text),
    Field("LensModel", _EXIF, _at("camera", "lens"), _text),
    Field("SerialNumber", _EXIF, _at("camera", "serial_number"), _text),
    Field("ISO", _EXIF, _at("settings", "iso"), _equal),
    Field("FNumber", _EXIF, _at("settings", "aperture"), _near(_CENT)),
    Field("ExposureTime", _EXIF, _at("settings", "exposure_time"), _seconds),
    Field("FocalLength", _EXIF, _at("settings", "focal_length"), _near(_CENT)),
    Field("FocalLengthIn35mmFormat", _EXIF, _at("settings", "focal_length_35mm"), _equal),
    Field("ExposureCompensation", _EXIF, _at("settings", "exposure_compensation"), _near(_CENT)),
    Field("WhiteBalance", _EXIF, _at("settings", "white_balance"), _word({0: "Auto", 1: "Manual"})),
    Field("MeteringMode", _EXIF, _at("settings", "metering_mode"), _word(_MODES)),
    Field("Flash", _EXIF, _at("settings", "flash_fired"), lambda theirs, ours: bool(theirs & 1) is ours),
    Field("Orientation", _EXIF, _at("settings", "orientation"), _equal),
    Field("GPSLatitude", _GPS, _at("location", "latitude"), _near(_DEGREES)),
    Field("GPSLongitude", _GPS, _at("location", "longitude"), _near(_DEGREES)),
    Field("GPSAltitude", _GPS, _at("location", "altitude"), _near(_CENT)),
    Field("DateTimeOriginal", _EXIF, _at("datetime", "datetime_string"), _text),
    Field("OffsetTimeOriginal", _EXIF, _at("datetime", "capture_time_utc_offset"), _text),
)


def ask_exiftool(paths: Iterable[Path], *options: str) -> dict[str, dict[str, Any]]:
    """Have exiftool read files; what it names by path, each as ``Group:Name``."""
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        sys.exit(_INSTALL)
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder, "names")
        names.write_text("\n".join(map(str, paths)), encoding="utf-8")
        done = subprocess.run(
            [exiftool, "-j", "-G1", "-q", "-q", "-charset", "EXIF=CP1252", *options, "-@", str(names)],
            check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
        )  # fmt: skip
    return {found["SourceFile"]: found for found in json.loads(done.stdout or "[]")}


def compare(named: Mapping[str, Found], read: Mapping[str, Found | None]) -> Iterator[Answer]:
    """Compare all fields that exiftool names of the pictures that are read here.

    Args:
        named: what ``exiftool -n`` names, by path.
        read: what ``read_exif`` gives, by path; None for a file that it refuses.
    """
    for path, theirs in named.items():
        if (found := read[path]) is None:
            continue
        for field in FIELDS:
            value = _named(theirs, field.name, field.groups)
            if value is not None:
                ours, name = field.ours(found), Path(path).name
                yield Answer(name, field.name, value, ours, field.same(value, ours), _is_of_camera(theirs))


def compare_notes(named: Mapping[str, Found], read: Mapping[str, Found | None]) -> Iterator[Answer]:
    """Compare the lens and the ISO, as exiftool prints them, of those pictures of which EXIF names none."""
    asked = (
        (_at("camera", "lens"), "lens", ("LensModel", "Lens", "LensType"), ("LensModel", "LensInfo")),
        (_at("settings", "iso"), "ISO", ("ISO",), ("ISO",)),
    )
    for path, theirs in named.items():
        groups = dict.fromkeys(key.partition(":")[0] for key in theirs)
        makers = [group for group in groups if not group.startswith(_NO_MAKERS)]  # Composite comes last
        for ours_of, field, names, in_exif in asked:
            value = next(filter(None, (_named(theirs, name, makers) for name in names)), None)
            by_exif = any(_named(theirs, name, _EXIF) is not None for name in in_exif)
            if value is None or by_exif or (found := read[path]) is None:
                continue
            ours = ours_of(found)
            yield Answer(Path(path).name, field, value, ours, _plain(value) == _plain(ours), from_camera=True)


def _is_of_camera(theirs: Found) -> bool:
    return any(_named(theirs, name, _EXIF) is not None for name in ("Make", "Model"))


def _named(theirs: Found, name: str, groups: Iterable[str]) -> Any:
    values = (theirs.get(f"{group}:{name}") for group in groups)
    return next(
        (value for value in values if value is not None and str(value).strip() not in _NOT_NAMED), None
    )


def _plain(value: Any) -> str:
    return str(value).replace(" ", "").lower()


def _read(path: Path) -> dict[str, dict[str, Any]] | None:
    """Read a picture of a format that is read here; None for any other file."""
    try:
        return read_exif(path)
    except PhotoError:
        return None


def crashes(paths: Iterable[Path]) -> list[str]:
    """Have every file read, by its own name and as what it may not be; tell unexpected errors."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            for name in (path, *(Path(folder, f"a{suffix}") for suffix in _SUFFIXES)):
                if name != path:
                    shutil.copyfile(path, name)
                try:
                    json.dumps(read_exif(name), allow_nan=False)
                except PhotoError:
                    pass
                except Exception as error:  # noqa: BLE001 - which one is what is asked
                    found.append(f"{path.name} as {name.suffix or 'it is'}: {error!r}")
    return found


def report(answers: list[Answer], notes: list[Answer]) -> dict[str, Any]:
    """Sum up: the figures that are printed."""
    camera = [answer for answer in answers if answer.from_camera]
    return {
        "fields": {"all": _counted(answers), "camera photographs": _counted(camera)}
        | {field.name: _counted([each for each in answers if each.field == field.name]) for field in FIELDS}
        | {"only in notes": _counted(notes)}
        | {f"{name}, only in notes": _counted([each for each in notes if each.field == name])
           for name in ("lens", "ISO")},
        "pictures": sorted({answer.picture for answer in answers}),
        "camera_photographs": sorted({answer.picture for answer in camera}),
        "disagree": [asdict(answer) for answer in (*answers, *notes) if not answer.agrees],
    }  # fmt: skip


def _counted(answers: list[Answer]) -> dict[str, Any]:
    agreed = sum(answer.agrees for answer in answers)
    return {"named": len(answers), "agree": agreed, "share": agreed / len(answers) if answers else 0.0}


def lines(found: dict[str, Any]) -> list[Line]:
    """What must be so."""
    asked = (("camera photographs", LEAST), ("all", LEAST), ("only in notes", LEAST_OF_NOTES))
    return [
        *(
            Line(
                name=f"fields that agree, {of}", figure=found["fields"][of]["share"], least=least, form=".2%"
            )
            for of, least in asked
        ),
        none_of(f"crashes on {found['files']} files, each under three names", len(found["crashes"])),
    ]


def show(found: dict[str, Any], console: Console) -> None:
    """Print the figures as tables."""
    table = Table("field", "exiftool names", "agree", "share", title="EXIF beside exiftool")
    for name, row in found["fields"].items():
        table.add_row(name, str(row["named"]), str(row["agree"]), f"{row['share']:.2%}")
    console.print(table)
    for answer in found["disagree"]:
        theirs, ours = repr(answer["exiftool"])[:60], repr(answer["ours"])[:60]
        console.print(f"{answer['picture']}, {answer['field']}: {theirs}, ours {ours}", markup=False)
    console.print(f"{len(found['pictures'])} pictures with a field of EXIF")
    lists = ("camera_photographs", "passed_over", "crashes")
    for title, names in ((name.replace("_", " "), found[name]) for name in lists):
        console.print(f"{len(names)} {title}{': ' if names else ''}{', '.join(names)}", markup=False)


def main() -> int:
    """Run it all; 1 where a bound is not met."""
    chosen = evaluation.options(__doc__).parse_args()
    files = sorted(
        path for package in (PIEXIF, PILLOW) for path in unpacked(package).rglob("*") if path.is_file()
    )
    numbers, printed = ask_exiftool(files, "-n"), ask_exiftool(files)
    read = {path: _read(Path(path)) for path in numbers}
    found = report(list(compare(numbers, read)), list(compare_notes(printed, read)))
    found["passed_over"] = sorted(  # of a camera, yet in a format that is no photograph's, such as EPS
        Path(path).name for path in numbers if read[path] is None and _is_of_camera(numbers[path])
    )
    found["crashes"] = crashes(files)
    found["files"] = len(files)
    show(found, Console())
    return evaluation.concluded(lines(found), found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
