"""Tags by their numbers, and files that have them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from tests.photographs import camera_photographs

MAKE, ORIENTATION, DATE_TIME, EXIF, GPS = 0x10F, 0x112, 0x132, 0x8769, 0x8825
EXPOSURE_TIME, F_NUMBER, ISO, RECOMMENDED_INDEX = 0x829A, 0x829D, 0x8827, 0x8832
TAKEN_OFFSET, DIGITIZED, DIGITIZED_OFFSET = 0x9011, 0x9004, 0x9012
GPS_TAGS = {"below": 5, "altitude": 6, "clock": 7, "date": 29}
TAKEN, TAKEN_FRACTION, FOCAL_LENGTH, FOCAL_LENGTH_35 = 0x9003, 0x9291, 0x920A, 0xA405


def picture_with(path: Path, base: dict[int, Any], exif: dict[int, Any] | None = None, **gps: Any) -> Path:
    block = Image.Exif()
    block.update(base)
    block.get_ifd(EXIF).update(exif or {})
    if gps:
        place = {1: gps.pop("ns"), 2: gps.pop("lat"), 3: gps.pop("ew"), 4: gps.pop("lon")}
        block.get_ifd(GPS).update(place | {GPS_TAGS[name]: value for name, value in gps.items()})
    Image.new("RGB", (32, 32)).save(path, exif=block.tobytes())
    return path


def photograph(name: str) -> Path:
    return next(path for path in camera_photographs() if path.name == name)


MODEL, LENS_MODEL, JPG_FROM_RAW = 0x110, 0xA434, 0x2E
CAMERA = {MAKE: "Maker", MODEL: "One"}
EXPOSURE: dict[int, Any] = {
    EXPOSURE_TIME: IFDRational(1, 250), F_NUMBER: IFDRational(28, 10), ISO: 400, LENS_MODEL: "50mm F2.8",
    FOCAL_LENGTH: IFDRational(50), TAKEN: "2024:05:01 12:00:00",
}  # fmt: skip
PLACE = {1: "N", 2: (35.0, 30.0, 0.0), 3: "E", 4: (139.0, 45.0, 0.0)}


def block(base: dict[int, Any], exposure: dict[int, Any] | None = None, *, place: bool = False) -> bytes:
    """A TIFF without a picture."""
    exif = Image.Exif()
    exif.endian = "<"
    exif.update(base)
    exif.get_ifd(EXIF).update(exposure or {})
    exif.get_ifd(GPS).update(PLACE if place else {})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def cr3(preview: bytes = b"", orientation: int = 1) -> bytes:
    """Canon's boxes: what other files have in one block is in one each, as the first directory of it."""
    own = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + box(b"CNCV", b"CanonCR3_001/00.09.00/00.00.00")
    own += (
        box(b"CMT1", block(CAMERA | {ORIENTATION: orientation}))
        + box(b"CMT2", block(EXPOSURE))
        + box(b"CMT3", block({}))
    )
    place = Image.Exif()
    place.endian = "<"
    place.get_ifd(GPS).update(PLACE)
    whole = place.tobytes().removeprefix(b"Exif\0\0")
    (start,) = struct.unpack_from("<I", whole, 8 + 2 + 8)  # of the only row, which points to the place
    own += box(b"CMT4", whole[:4] + struct.pack("<I", start) + whole[8:])
    shown = bytes(6) + struct.pack(">HHHI", 1620, 1080, 1, len(preview)) + preview
    seen = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(7) + b"\1" + box(b"PRVW", shown)
    whole = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"uuid", own))
    return whole + box(b"uuid", seen) + struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100)
