"""Makes the ICC profiles of the colour spaces that pictures are exported in, from the published numbers."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

_D50 = np.array([0.9642, 1.0, 0.8249])  # XYZ; what an ICC profile is relative to
_D65, _D50_OF_ROMM = (0.3127, 0.3290), (0.3457, 0.3585)  # x, y
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # always the same, so that the same export is the same file
_VERSION = 0x0430_0000


@dataclass(frozen=True, slots=True)
class Curve:
    """How a number v, 0 to 1, stands for light: ``((v + shift) / (1 + shift)) ** gamma``.

    Below ``toe`` it is ``v / slope``.
    """

    gamma: float
    shift: float = 0.0
    slope: float = 1.0
    toe: float = 0.0


@dataclass(frozen=True, slots=True)
class Space:
    """A colour space of three primaries: the x, y of red, green, blue and white, and its curve."""

    name: str
    primaries: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    white: tuple[float, float]
    curve: Curve

    def to_xyz(self) -> Matrix:
        """The matrix (3, 3) from its light to XYZ under its own white, of which Y is 1."""
        columns = np.array([_xyz(*point) for point in self.primaries]).T
        scale: Matrix = columns * np.linalg.solve(columns, _xyz(*self.white))
        return scale


_SRGB_CURVE = Curve(2.4, 0.055, 12.92, 0.04045)
SPACES = {
    # IEC 61966-2-1:1999.
    "sRGB": Space("sRGB", ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), _D65, _SRGB_CURVE),
    # Adobe RGB (1998) Color Image Encoding, version 2005-05, 4.3.
    "AdobeRGB": Space(
        "compatible with Adobe RGB (1998)", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), _D65, Curve(563 / 256)
    ),
    # The primaries of SMPTE EG 432-1, the white and curve of sRGB.
    "DisplayP3": Space("Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _D65, _SRGB_CURVE),
    # ROMM RGB of ISO 22028-2, which is ProPhoto RGB with a straight foot.
    "ProPhotoRGB": Space(
        "ProPhoto RGB (ROMM)",
        ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)),
        _D50_OF_ROMM,
        Curve(1.8, 0.0, 16.0, 1 / 32),
    ),
}


@functools.cache
def profile_of(space: str) -> bytes:
    """Return the ICC profile (ICC.1:2010, version 4.3) of one of ``SPACES``: always the same bytes."""
    wanted = SPACES[space]
    adaptation = _adaptation(wanted.white)
    red, green, blue = (adaptation @ wanted.to_xyz()).T
    parts = {
        b"desc": _text(wanted.name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz_tag(_D50),
        b"chad": b"sf32" + bytes(4) + _fixed(*adaptation.ravel()),
        b"rXYZ": _xyz_tag(red),
        b"gXYZ": _xyz_tag(green),
        b"bXYZ": _xyz_tag(blue),
    }
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(wanted.curve))
    return _laid_out(parts)


def _laid_out(parts: dict[bytes, bytes]) -> bytes:
    table, values = struct.pack(">I", len(parts)), b""
    first_value = 128 + 4 + 12 * len(parts)
    placed: dict[bytes, int] = {}
    for name, value in parts.items():
        if value not in placed:  # equal curves are one
            placed[value] = first_value + len(values)
            values += value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, placed[value], len(value))
    head = struct.pack(">I4xI", first_value + len(values), _VERSION) + b"mntrRGB XYZ " + _DATE + b"acsp"
    return head.ljust(68, b"\0") + _fixed(*_D50) + bytes(48) + table + values


def _adaptation(white: tuple[float, float]) -> Matrix:
    """The matrix (3, 3) from XYZ under a white to XYZ under D50, by Bradford, as ICC.1 Annex E has it."""
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ _xyz(*white))
    adapted: Matrix = np.linalg.solve(_BRADFORD, gains[:, None] * _BRADFORD)
    return adapted


def _xyz(x: float, y: float) -> Matrix:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _curve(curve: Curve) -> bytes:
    whole = 1 + curve.shift
    if not curve.toe:
        return b"para" + struct.pack(">4xH2x", 0) + _fixed(curve.gamma)
    numbers = curve.gamma, 1 / whole, curve.shift / whole, 1 / curve.slope, curve.toe
    return b"para" + struct.pack(">4xH2x", 3) + _fixed(*numbers)


def _xyz_tag(xyz: Matrix) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*xyz)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65_536) for number in numbers))
