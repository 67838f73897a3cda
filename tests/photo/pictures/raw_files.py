"""RAW files as cameras build them, in which a JPEG lies."""

from __future__ import annotations

import io
import struct
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from PIL import Image, ImageDraw

LONG, UNDEFINED = 4, 7
ORIENTATION, STRIP, STRIP_LENGTH, SUB_DIRECTORIES = 0x112, 0x111, 0x117, 0x14A
JPEG, JPEG_LENGTH, JPG_FROM_RAW = 0x201, 0x202, 0x2E


def jpeg(width: int = 900, height: int = 600, model: str = "") -> bytes:
    """A JPEG that is white in its left upper quarter."""
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=255)
    exif = Image.Exif()
    if model:
        exif[0x110] = model
    data = io.BytesIO()
    image.save(data, "JPEG", exif=exif.tobytes() if model else b"")
    return data.getvalue()


def lossless_jpeg() -> bytes:
    """What a CR2 keeps its RAW data in: more bytes than any preview, and no decoder of pictures reads it."""
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC3, 11, 14, 600, 900, 1) + bytes([1, 0x11, 0])
    return b"\xff\xd8" + frame + bytes(range(1, 255)) * 1000


class Tiff:
    """Lays out a TIFF: blobs first, then directories."""

    def __init__(self, order: str = "<", magic: int = 42) -> None:
        self.order = order
        self.data = bytearray({"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", magic, 0))

    def blob(self, data: bytes) -> tuple[int, int]:
        self.data += data
        return len(self.data) - len(data), len(data)

    def directory(self, rows: Mapping[int, int | bytes], following: int = 0) -> int:
        places = {tag: self.blob(value) for tag, value in rows.items() if isinstance(value, bytes)}
        start = len(self.data)
        self.data += struct.pack(f"{self.order}H", len(rows))
        for tag, value in sorted(rows.items()):
            kind, count, number = (
                (LONG, 1, value) if isinstance(value, int) else (UNDEFINED, *places[tag][::-1])
            )
            self.data += struct.pack(f"{self.order}HHII", tag, kind, count, number)
        self.data += struct.pack(f"{self.order}I", following)
        return start

    def written(self, path: Path, first: int) -> Path:
        self.data[4:8] = struct.pack(f"{self.order}I", first)
        path.write_bytes(self.data)
        return path


def nef(path: Path, preview: bytes, order: str = "<", orientation: int = 1) -> Path:
    """As Nikon does it: a thumbnail first, the preview in a directory below, the RAW data behind."""
    tiff = Tiff(order)
    thumbnail, raw_data = tiff.blob(bytes(160 * 120 * 3)), tiff.blob(bytes(100_000))
    offset, length = tiff.blob(preview)
    below = tiff.directory({JPEG: offset, JPEG_LENGTH: length})
    last = tiff.directory({STRIP: raw_data[0], STRIP_LENGTH: raw_data[1]})
    rows = {STRIP: thumbnail[0], STRIP_LENGTH: thumbnail[1], ORIENTATION: orientation, SUB_DIRECTORIES: below}
    return tiff.written(path, tiff.directory(rows, following=last))


def cr2(path: Path) -> Path:
    """As Canon does it: the preview first, the RAW data as a lossless JPEG in a later directory."""
    tiff = Tiff()
    preview, raw_data = tiff.blob(jpeg()), tiff.blob(lossless_jpeg())
    later = tiff.directory({STRIP: raw_data[0], STRIP_LENGTH: raw_data[1]})
    first = tiff.directory({STRIP: preview[0], STRIP_LENGTH: preview[1]}, following=later)
    return tiff.written(path, first)


def rw2(path: Path) -> Path:
    """As Panasonic does it: a magic number of its own, and the JPEG as the value of a tag."""
    tiff = Tiff(magic=0x55)
    return tiff.written(path, tiff.directory({JPG_FROM_RAW: jpeg()}))


def raf(path: Path, preview: bytes) -> Path:
    """As Fujifilm does it: no TIFF at all, the JPEG's place at a fixed place."""
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 200, len(preview))
    path.write_bytes(head.ljust(200, b"\0") + preview + bytes(1000))
    return path


def rawpy_with(size: tuple[int, int]) -> types.SimpleNamespace:
    """Stands in for rawpy, for which there is no file to read; ``size`` is the sensor's, all of it green."""

    class Raw:
        sizes = types.SimpleNamespace(width=size[0], height=size[1])

        def __init__(self, file: BinaryIO) -> None:
            assert file.tell() == 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def extract_thumb(self) -> types.SimpleNamespace:
            return types.SimpleNamespace(format="bitmap")

        def postprocess(self, *, half_size: bool, use_camera_wb: bool) -> np.ndarray[Any, Any]:
            assert use_camera_wb
            width, height = (edge // (2 if half_size else 1) for edge in size)
            developed = np.zeros((height, width, 3), np.uint8)
            developed[..., 1] = 200 if half_size else 100
            return developed

    formats = types.SimpleNamespace(JPEG="jpeg")
    return types.SimpleNamespace(imread=Raw, ThumbFormat=formats, LibRawError=OSError)
