"""What is kept of a photograph so that it can be compared with others of its burst: a few kilobytes."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from junmai_jobs.photo.pictures.decoding import WHOLE

Levels = NDArray[np.uint8]
Map = NDArray[np.float32]

COPY = 2
"""px of the gray copy across and down a cell."""

_VERSION = 2
_HEAD = struct.Struct("<BBBfHI")  # version, cells across and down, noise, px of a cell, of the whole picture
_CELLS = 32  # along the longer edge, about
_LEAST_CELLS = 6  # along the shorter one; a narrower strip is no photograph
_MAPS = 6
_STEPS = 15.9  # to an octave of energy: the largest, 255 squared, is 254
_ENERGIES = (2 ** (np.arange(256) / _STEPS) - 1).astype(np.float32)
_ACROSS, _DOWN = np.array([[-1, 1]]), np.array([[-1], [1]])
_FALLING, _RISING = np.array([[-1, 0], [0, 1]]), np.array([[0, 1], [-1, 0]])
_STRUCTURE = 8 * np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])  # what it leaves of a picture is noise
_OF_DEVIATION = 8 * 6 * (2 / np.pi) ** 0.5  # the mean of what it leaves of noise whose deviation is 1
_CALMEST = 10  # a percentile of the cells: there it is noise alone


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A photograph's light and detail, cell by cell.

    ``gray`` is a small copy, of ``COPY`` px a cell. ``noise`` is its standard deviation, in gray levels.
    ``cell`` is the edge of a cell in the picture as it was decoded, ``whole`` the longer edge of the picture
    before it was reduced for that, 0 where that is not known (px).
    """

    gray: Levels
    noise: float
    cell: int
    whole: int
    packed: Levels
    """The energies, as logarithms."""

    @property
    def light(self) -> Map:
        """The mean gray levels of the cells; a row for each row of cells."""
        _, rows, columns = self.packed.shape
        return _mean(self.gray.astype(np.float32), (columns, rows))

    @property
    def energies(self) -> Map:
        """The mean squares of the steps from pixel to pixel (squares of gray levels), 6 maps like ``light``.

        Two are of the steps across and down in the picture as it was decoded; four of those across, down and
        along both diagonals in one half as large.
        """
        return _ENERGIES[self.packed]


def profile(picture: Image.Image) -> bytes | None:
    """Return the profile of a picture as ``decoding.load_color`` decodes it, packed for ``unpacked``.

    None for a picture too small to be compared.
    """
    cell = 2 * max(1, round(max(picture.size) / _CELLS / 2))
    columns, rows = grid = picture.width // cell, picture.height // cell
    if min(grid) < _LEAST_CELLS or max(grid) > 255:
        return None
    left, top = (picture.width - columns * cell) // 2, (picture.height - rows * cell) // 2
    color = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))[
        top : top + rows * cell, left : left + columns * cell
    ]
    gray: Levels = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
    half: Levels = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    copy = cv2.resize(gray, (COPY * columns, COPY * rows), interpolation=cv2.INTER_AREA)
    steps = [(gray, _ACROSS), (gray, _DOWN), *((half, step) for step in (_ACROSS, _DOWN, _FALLING, _RISING))]
    maps = [_logarithms(_energy(picture, step, grid)) for picture, step in steps]
    noise = _noise(_grain(gray, grid), _grain(half, grid))
    head = _HEAD.pack(_VERSION, columns, rows, noise, cell, picture.info.get(WHOLE, 0))
    return head + zlib.compress(copy.tobytes() + np.stack(maps).tobytes())


def unpacked(packed: bytes | None) -> Profile | None:
    """Return a profile as it was before ``profile`` packed it; None for none, a damaged or a foreign one."""
    try:
        version, columns, rows, noise, cell, whole = _HEAD.unpack_from(packed or b"")
        cells, of_copy = columns * rows, columns * rows * COPY**2
        content = zlib.decompressobj().decompress((packed or b"")[_HEAD.size :], of_copy + _MAPS * cells + 1)
    except (struct.error, zlib.error):
        return None
    if version != _VERSION or min(columns, rows) < _LEAST_CELLS or len(content) != of_copy + _MAPS * cells:
        return None
    if not cell or not math.isfinite(noise):
        return None
    levels = np.frombuffer(content, np.uint8)
    return Profile(
        gray=levels[:of_copy].reshape(COPY * rows, COPY * columns),
        noise=noise,
        cell=cell,
        whole=whole,
        packed=levels[of_copy:].reshape(_MAPS, rows, columns),
    )


def _energy(gray: Levels, step: NDArray[np.int64], grid: tuple[int, int]) -> Map:
    """Return the mean square of one kind of step in each cell."""
    steps = cv2.filter2D(gray, cv2.CV_16S, step)
    return _mean(cv2.multiply(steps, steps, dtype=cv2.CV_32F), grid)


def _grain(gray: Levels, grid: tuple[int, int]) -> float:
    """Estimate the noise, in gray levels, by J. Immerkaer's mask (see ``measures``) in the calmest cells."""
    left = np.abs(cv2.filter2D(gray, cv2.CV_16S, _STRUCTURE))
    return float(np.percentile(_mean(left, grid), _CALMEST) / _OF_DEVIATION)


def _noise(fine: float, coarse: float) -> float:
    """Return what of the grain is noise: in half the size that is half as strong, and no other grain is."""
    return float(np.sqrt(np.clip((fine**2 - coarse**2) / 0.75, 0, fine**2)))


def _mean(values: NDArray[Any], grid: tuple[int, int]) -> Map:
    """Average over cells; each is a whole number of pixels, or it would take five times as long."""
    found: Map = cv2.resize(values, grid, interpolation=cv2.INTER_AREA).astype(np.float32)
    return found


def _logarithms(energies: Map) -> Levels:
    return np.round(np.log2(1 + energies) * _STEPS).astype(np.uint8)
