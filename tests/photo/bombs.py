"""Files that are small, or say they are, and would fill the memory of who believes them.

``python -m tests.photo.bombs FOLDER`` has each of a folder read as the tasks do, in little memory, and prints
by name what came of it: the outcome of each reader, and by how much the process grew meanwhile.
"""

from __future__ import annotations

import functools
import io
import json
import resource
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from junmai_jobs.config import ExportPreset
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.photo.pictures.decoding import load_color
from tests.photo.pictures.blocks import tiff
from tests.photo.pictures.raw_files import Tiff, jpeg, nef

ROOM = 512 * 2**20
"""Bytes that a reader may have beside those its libraries take."""
GIGAPIXEL = 32_000
MEGABYTE = 2**20


# ---- how they are made ---------------------------------------------------------------------------


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width: int, height: int, *chunks: bytes, rows: int = 0, color: int = 0) -> bytes:
    """A PNG, gray or of another colour type; of its rows, which are black, only so many are there."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(width + 1)) for _ in range(rows)) + packer.flush()
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    return b"".join([b"\x89PNG\r\n\x1a\n", head, *chunks, _chunk(b"IDAT", packed), _chunk(b"IEND", b"")])


def _tiff(*sizes: tuple[int, int]) -> bytes:
    """A TIFF of several pages, all but one pixel of each missing."""
    tiff = Tiff()
    strip, _ = tiff.blob(bytes(64))
    following = 0
    for width, height in reversed(sizes):
        rows = {0x100: width, 0x101: height, 0x102: 8, 0x103: 1, 0x106: 1, 0x111: strip}
        rows |= {0x115: 1, 0x116: height, 0x117: width * height % 2**32}
        following = tiff.directory(rows, following=following)
    struct.pack_into("<I", tiff.data, 4, following)
    return bytes(tiff.data)


def _circle() -> bytes:
    """A TIFF whose one page is followed by itself."""
    made = bytearray(_tiff((8, 8)))
    made[-4:] = made[4:8]
    return bytes(made)


def _segments(count: int, mark: int, start: bytes) -> bytes:
    one = bytes([0xFF, mark]) + struct.pack(">H", 65_535) + start.ljust(65_533, b"\1")
    return b"\xff\xd8" + one * count + jpeg()[2:]


def _greedy_exif(rows: int = 5000, tail: int = 16 * MEGABYTE) -> bytes:
    """A JPEG each row of whose EXIF is a text that begins in it and ends with the file."""
    table = b"".join(struct.pack("<HHII", 0x9000 + row, 2, tail, 8) for row in range(rows))
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, rows) + table + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    return b"\xff\xd8" + segment + jpeg()[2:-2] + b"\1" * tail + b"\xff\xd9"


def _greedy_tiff(rows: int = 2000, size: int = 8 * MEGABYTE) -> bytes:
    """A TIFF of one page, all rows of which have the same megabytes for their value."""
    tiff = Tiff()
    blob, _ = tiff.blob(b"\1" * size)
    table = {0x100: (4, 1, 8), 0x101: (4, 1, 8), 0x102: (3, 1, 8), 0x103: (3, 1, 1), 0x106: (3, 1, 1)}
    table |= {0x111: (4, 1, blob), 0x115: (3, 1, 1), 0x116: (4, 1, 8), 0x117: (4, 1, 64)}
    table |= {0xC000 + row: (2, size, blob) for row in range(rows)}
    start = len(tiff.data)
    tiff.data += struct.pack("<H", len(table))
    tiff.data += b"".join(struct.pack("<HHII", tag, *values) for tag, values in sorted(table.items()))
    tiff.data += bytes(4)
    struct.pack_into("<I", tiff.data, 4, start)
    return bytes(tiff.data)


def _frames() -> bytes:
    """A camera's JPEG with a second picture behind it, which says it has two gigapixels."""
    data = io.BytesIO()
    frames = [Image.new("L", (64, 48), 90), Image.new("L", (64, 48), 200)]
    frames[0].save(data, "MPO", save_all=True, append_images=frames[1:])
    made = bytearray(data.getvalue())
    second = made.rindex(b"\xff\xc0")
    made[second + 5 : second + 9] = struct.pack(">HH", 65_000, 33_000)
    return bytes(made)


def _large_jpeg() -> bytes:
    made = bytearray(jpeg())
    start = made.index(b"\xff\xc0")
    made[start + 5 : start + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(made)


@functools.cache
def _packed() -> bytes:
    return zlib.compress(bytes(300 * MEGABYTE), 9)


def _text_bomb(kind: bytes) -> bytes:
    name = b"x\0\0" if kind != b"iTXt" else b"x\0\1\0\0\0"
    return _png(8, 8, _chunk(kind, name + _packed()), rows=8)


def _with_hole(head: bytes, size: int, tail: bytes = b"") -> Callable[[Path], None]:
    """A file of so many bytes, of which the disk holds next to none."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(head)
            file.truncate(size)
            file.seek(0, io.SEEK_END)
            file.write(tail)

    return write


def _giant_exif_chunk(path: Path) -> None:
    size = 400 * MEGABYTE
    head = _png(8, 8, rows=8)[:33] + struct.pack(">I", size) + b"eXIf"
    _with_hole(head, len(head) + size, bytes(4) + _png(8, 8, rows=8)[33:])(path)


def _gigapixel_preview(path: Path) -> None:
    nef(path, _large_jpeg())


def _giant_preview(path: Path) -> None:
    """A RAW file most of which is one preview."""
    nef(path, jpeg()[:-2])
    data = path.read_bytes().replace(struct.pack("<I", len(jpeg()) - 2), struct.pack("<I", 900 * MEGABYTE))
    _with_hole(data, 1000 * MEGABYTE)(path)


Content = bytes | Callable[[Path], None]

REFUSED: dict[str, Callable[[], Content]] = {
    "gigapixel.png": lambda: _png(GIGAPIXEL, GIGAPIXEL, rows=100),
    "as wide as a PNG can be.png": lambda: _png(2**31 - 1, 2**31 - 1),
    "gigapixel.tif": lambda: _tiff((GIGAPIXEL, GIGAPIXEL)),
    "2 ** 60 rows.tif": lambda: tiff([(0x100, 3, 1, b"")] * 9, is_big=True, count=2**60),
    "gigapixel.jpg": _large_jpeg,
    "gigapixel preview.nef": lambda: _gigapixel_preview,
    "packed text.png": lambda: _text_bomb(b"zTXt"),
    "packed international text.png": lambda: _text_bomb(b"iTXt"),
    "packed profile.png": lambda: _text_bomb(b"iCCP"),
    "giant EXIF.png": lambda: _giant_exif_chunk,
    "giant EXIF.jpg": lambda: _segments(1200, 0xE1, b"Exif\0\0II*\0\x08\0\0\0"),
    "giant profile.jpg": lambda: _segments(1200, 0xE2, b"ICC_PROFILE\0\1\1"),
    "giant XMP.jpg": lambda: _segments(1200, 0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
    "padding.jpg": lambda: b"\xff\xd8" + b"\xff" * 30 * MEGABYTE,
    "more than two gigabytes.tif": lambda: _with_hole(b"II*\0\x08\0\0\0", 3 * 2**30),
    "giant preview.nef": lambda: _giant_preview,
    "zeros.jpg": lambda: _with_hole(jpeg()[:-2], 300 * MEGABYTE),
    "DCX.jpg": lambda: struct.pack("<II", 987_654_321, 12) + bytes(1000),
    "FITS.png": lambda: b"SIMPLE  =                    T".ljust(2880) + bytes(2880),
    "packed FITS.png": _packed,
    "EPS.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "PDF.tif": lambda: b"%PDF-1.7\n" + bytes(1000),
    "GIF.jpg": lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(100),
    "BMP.png": lambda: b"BM" + bytes(16) + struct.pack("<ii", 60_000, 60_000) + bytes(100),
    "PSD.tif": lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HII", 3, 60_000, 60_000) + bytes(100),
    "empty.jpg": lambda: b"",
    "two bytes.jpg": lambda: b"\xff\xd8",
    "cut off.jpg": lambda: jpeg()[: len(jpeg()) // 2],
    "cut off.png": lambda: _png(4000, 4000, rows=4000)[:-30],
}
"""What no reader makes a picture of."""
HARMLESS: dict[str, Callable[[], Content]] = {
    "second frame.jpg": _frames,
    "second page.tif": lambda: _tiff((8, 8), (GIGAPIXEL, GIGAPIXEL)),
    "pages in a circle.tif": _circle,
    "greedy EXIF.jpg": _greedy_exif,
    "greedy rows.tif": _greedy_tiff,
    "a hole behind it.jpg": lambda: _with_hole(jpeg(), 1900 * MEGABYTE),
}
"""Good pictures, whatever else is in the file."""
TOO_LARGE_HERE = {"256 megapixels.png": lambda: _png(16_000, 16_000, rows=1, color=2)}


def write_all(folder: Path) -> None:
    for name, make in (REFUSED | HARMLESS | TOO_LARGE_HERE).items():
        content = make()
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            content(folder / name)


# ---- what they do to who reads them --------------------------------------------------------------


def _memory(key: str) -> int:
    """Of this process, in bytes, as Linux tells it."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return int(lines[key].split()[0]) * 1024


def _outcomes(path: Path) -> Iterator[tuple[str, str]]:
    readers: dict[str, Callable[[], object]] = {
        "picture": lambda: load_color(path, 1500),
        "exif": lambda: read_exif(path),
        "export": lambda: export(path, ExportPreset(name="Web"), path.parent / "out" / f"{path.name}.jpg"),
    }
    for name, read in readers.items():
        try:
            read()
        except Exception as error:  # noqa: BLE001 - which one is the answer
            yield name, type(error).__name__
        else:
            yield name, "read"


def _read_all(folder: Path) -> Iterator[tuple[str, dict[str, str | int]]]:
    read_exif(folder / "second frame.jpg")  # so that all that is loaded but once is
    limit = _memory("VmSize") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
        before = _memory("VmRSS")
        found: dict[str, str | int] = dict(_outcomes(path))
        yield path.name, found | {"grown": _memory("VmHWM") - before}


if __name__ == "__main__":
    print(json.dumps(dict(_read_all(Path(sys.argv[1])))))
