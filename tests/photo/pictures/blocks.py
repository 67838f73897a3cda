"""JPEG and TIFF files, made block by block."""

from __future__ import annotations

import io
import struct
from typing import Any

from PIL import Image


def jpeg(**options: Any) -> bytes:
    data = io.BytesIO()
    Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 50).save(data, "JPEG", **options)
    return data.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


Row = tuple[int, int, int, bytes]  # tag, type, count, what is in the row


def tiff(rows: list[Row], *, order: str = "<", is_big: bool = False, count: int | None = None) -> bytes:
    """A TIFF or BigTIFF of one directory, which is followed by itself."""
    start, code = (16, "Q") if is_big else (8, "I")
    mark = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if is_big else 42)
    head = mark + (struct.pack(order + "HHQ", 8, 0, start) if is_big else struct.pack(order + "I", start))
    table = b"".join(
        struct.pack(f"{order}HH{code}", tag, kind, number) + value.ljust(struct.calcsize(f"={code}"), b"\0")
        for tag, kind, number, value in rows
    )
    counted = struct.pack(order + ("Q" if is_big else "H"), len(rows) if count is None else count)
    return head + counted + table + struct.pack(order + code, start)
