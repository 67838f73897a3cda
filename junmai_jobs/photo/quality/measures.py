"""What is measured of a picture before the learned model judges it: tones, spectra, noise, and a JPEG's grid.

All is taken from the decoded picture at the size at which it is given. The spectra are those of tiles: where
the picture has structure, which tells blur, and where it is calm, which tells noise. Tiles are chosen by what
a fourfold reduced copy shows, so that noise and a little blur do not move them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# OpenCV's types tell no more of what it returns.
Gray = NDArray[Any]  # uint8: height x width, 0 black to 255 white
Rgb = NDArray[Any]  # uint8: height x width x 3
Floats = NDArray[Any]  # float32
Places = NDArray[np.intp]  # px, or indices

TILE = 64  # px
TONES = 62
"""So many numbers at the start of the vector tell of tones alone."""
_STRUCTURED, _CALM, _COARSE = 48, 32, 24  # how many tiles are looked at; the last in the picture at half size
_FEW = 4  # tiles; fewer say nothing
_ENOUGH = 80  # tiles; where there are fewer, they overlap

_RINGS = np.array([2.0, 4.0, 6.5, 10.0, 14.0, 19.0, 24.5, 30.0])  # radii, in periods a tile
_SECTORS = 12  # of half a turn
_FAINT = 0.05  # gray levels squared: the power that counts as none

_BLOCK = 16  # px
_NOISE_PERCENTILES = (3, 10, 25, 50)
_OF_ALL = 0.9  # what the tenth percentile of the blocks' levels is of their mean in pure noise
_TONES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
_LEVELS = np.arange(256)

_QUANTIZED = np.array([(0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2)])
_STEPS = np.array([11, 12, 12, 10, 14, 14, 13, 16])  # theirs in the JPEG standard's table K.1
_SCALES = np.geomspace(0.25, 10, 14)  # of that table; 1 is quality 50, 10 is quality 5


@dataclass(frozen=True, slots=True)
class Measures:
    """What ``measure`` found; ``vector`` is all of it, in the order in which the model has learnt it."""

    vector: Floats
    noise: float
    """Standard deviation, in gray levels."""
    luma: NDArray[Any]
    """256: how much of the picture has each gray level."""
    channels: NDArray[Any]
    """3 x 256: the same of red, green and blue."""


def measure(rgb: Rgb) -> Measures:
    """Measure a picture: height x width x 3, of any size."""
    rgb = _at_least_a_tile(rgb)
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    shares = _shares(rgb)
    noises, chroma = _noise_levels(gray), _chroma_noise(rgb)
    grid, phase = _jpeg_grid(gray)
    structured, calm = _tiles(gray, phase)
    parts = [
        _tone_features(rgb, shares),
        np.log(noises + 0.1),
        np.log(chroma + 0.1),
        grid,
        _coefficients(structured),
        *_spectral_features(structured, calm, _coarse_tiles(half)),
        [math.log(max(gray.shape) / 1000)],
    ]
    vector = np.concatenate([np.asarray(part, np.float32).ravel() for part in parts])
    luma = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(float) / gray.size
    return Measures(vector, float(noises[1]), luma, shares)


def _at_least_a_tile(rgb: Rgb) -> Rgb:
    least = 2 * TILE
    height, width = rgb.shape[:2]
    if min(height, width) >= least:
        return rgb
    padding = (0, max(0, least - height)), (0, max(0, least - width)), (0, 0)
    return np.pad(rgb, padding, mode="symmetric")


# ---- tones ---------------------------------------------------------------------------------------


def _shares(rgb: Rgb) -> NDArray[Any]:
    half = np.ascontiguousarray(rgb[::2])
    counts = [cv2.calcHist([half], [channel], None, [256], [0, 256]).ravel() for channel in range(3)]
    return np.stack(counts).astype(float) * 3 / half.size


def _tone_features(rgb: Rgb, shares: NDArray[Any]) -> Floats:
    few = np.ascontiguousarray(rgb[::3, ::3])
    red, green, blue = cv2.split(few)
    lightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    luma = cv2.cvtColor(few, cv2.COLOR_RGB2GRAY)
    found = list[float]()
    for plane in (luma, lightest, darkest):
        share = np.bincount(plane.ravel(), minlength=256) / plane.size
        found += list(np.searchsorted(share.cumsum(), _TONES) / 255)
        found += [math.log10(share[253:].sum() + 1e-4), math.log10(share[:3].sum() + 1e-4)]
        found += [math.log10(share[240:].sum() + 1e-3), math.log10(share[:16].sum() + 1e-3)]
        found += [_pile(share[250:], share[230:250]), _pile(share[:6], share[6:26])]
    share = np.bincount(luma.ravel(), minlength=256) / luma.size
    mean = float(share @ _LEVELS)
    found += [mean / 255, math.sqrt(share @ (_LEVELS - mean) ** 2) / 255]
    linear = float(share @ (_LEVELS / 255) ** 2.2)
    found += [math.log(linear + 1e-4), float(-(share * np.log(share + 1e-9)).sum())]
    for each in shares:
        found += _comb(each)
    found.append(float((lightest - darkest).mean()) / 255)
    return np.array(found, np.float32)


def _pile(end: NDArray[Any], beside: NDArray[Any]) -> float:
    """Compare how full the levels at an end of the scale are with those beside them."""
    return math.log((end.mean() + 1e-5) / (beside.mean() + 1e-5))


def _comb(share: NDArray[Any]) -> list[float]:
    """Measure the gaps and spikes that a gain leaves in a channel, and the spike at its lightest level."""
    low, high = np.searchsorted(share.cumsum(), (0.01, 0.99))
    used = share[low : high + 1]
    rough = float(np.abs(share[1:-1] - (share[:-2] + share[2:]) / 2).sum())
    top = int(np.flatnonzero(share > 1e-5)[-1]) if (share > 1e-5).any() else 0
    return [
        float((used <= 1e-6).mean()),
        rough,
        top / 255,
        math.log10(share[max(0, top - 1) : top + 1].sum() + 1e-4),
    ]


# ---- noise ---------------------------------------------------------------------------------------


def _noise_levels(gray: Gray) -> NDArray[Any]:
    """Estimate the standard deviation of the noise, in gray levels, by percentiles of the calmest blocks.

    The mask and the formula are those of J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and
    Image Understanding 64 (1996), 300-302. He averages over the whole picture, which takes fine texture for
    noise; here blocks speak for it, where nothing is clipped.
    """
    rows, columns = (edge // _BLOCK for edge in gray.shape)
    gray = gray[: rows * _BLOCK, : columns * _BLOCK]
    left = np.abs(cv2.Sobel(gray, cv2.CV_16S, 2, 2)).astype(np.float32)  # his mask
    levels = cv2.resize(left, (columns, rows), interpolation=cv2.INTER_AREA)
    within = cv2.resize(cv2.inRange(gray, 3, 252), (columns, rows), interpolation=cv2.INTER_AREA)
    usable = levels[within > 0.9 * 255]
    if not usable.size:
        return np.zeros(len(_NOISE_PERCENTILES))
    levels = np.percentile(usable, _NOISE_PERCENTILES)
    return np.asarray(levels * (math.sqrt(math.pi / 2) / 6 / _OF_ALL))


def _chroma_noise(rgb: Rgb) -> NDArray[Any]:
    height, width = rgb.shape[:2]
    even = rgb[: height // 2 * 2, : width // 2 * 2]
    small = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    colors = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)
    return np.concatenate([_noise_levels(np.ascontiguousarray(colors[..., each]))[:3] for each in (1, 2)])


# ---- the grid of a JPEG --------------------------------------------------------------------------


def _jpeg_grid(gray: Gray) -> tuple[Floats, tuple[int, int]]:
    """Measure how steps between pixels gather every 8 px; return also where that grid begins (y, x)."""
    found, phase = list[float](), list[int]()
    for axis in (0, 1):
        before, after = (gray[:-1], gray[1:]) if axis == 0 else (gray[:, :-1], gray[:, 1:])
        steps = cv2.absdiff(before, after)
        flat = cv2.inRange(steps, 0, 0)
        edge = _folded(cv2.threshold(steps, 24, 24, cv2.THRESH_TRUNC)[1], axis)
        zero = _folded(flat, axis) / 255
        at = int(np.argmax(edge / (edge.mean() + 0.1) - zero))
        others = np.delete(edge, at)
        found += [
            math.log((edge[at] + 0.05) / (np.median(others) + 0.05)),
            math.log((others.max() + 0.05) / (np.median(others) + 0.05)),
            float(np.delete(zero, at).mean()),
            float(np.delete(zero, at).mean() - zero[at]),
            math.log((edge.mean()) + 0.05),
        ]
        phase.append((at + 1) % 8)
    return np.array(found, np.float32), (phase[0], phase[1])


def _folded(plane: Gray, axis: int) -> NDArray[Any]:
    """Average a plane along lines, and those of every 8 px."""
    lines = cv2.reduce(plane, 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() / plane.shape[1 - axis]
    return np.array([lines[each::8].mean() for each in range(8)])


@functools.cache
def _cosines() -> Floats:
    """Return the cosine transform of a block of 8 x 8, row by row, as a matrix of 64 x 64."""
    order, at = np.indices((8, 8))
    basis = np.cos((2 * at + 1) * order * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return np.kron(basis, basis).astype(np.float32)


def _coefficients(tiles: Floats) -> Floats:
    """Measure what quantization left of the 8 x 8 cosine transform of the tiles' blocks.

    How many coefficients are all but nought, by their frequency; and, for each scale of the standard's table,
    how far the low ones lie on the multiples of its steps.
    """
    cells = tiles.reshape(-1, TILE // 8, 8, TILE // 8, 8).swapaxes(2, 3).reshape(-1, 64)
    spectra = cells @ _cosines().T
    diagonal = np.add.outer(np.arange(8), np.arange(8)).ravel()
    size = np.abs(spectra)
    small, mean = (size < 0.6).mean(axis=0), size.mean(axis=0)
    found = list[float]()
    for low, high in ((1, 3), (3, 5), (5, 8), (8, 11), (11, 15)):
        zone = (diagonal >= low) & (diagonal < high)
        found += [float(small[zone].mean()), math.log(mean[zone].mean() + 0.1)]
    low_ones = spectra[:, 8 * _QUANTIZED[:, 0] + _QUANTIZED[:, 1]]
    for scale in _SCALES:
        step = np.maximum(1, np.round(_STEPS * scale)).astype(np.float32)
        turns = low_ones / step
        told = np.abs(turns) > 0.6
        found.append(float((np.cos(2 * np.float32(math.pi) * turns) * told).sum() / (told.sum() + 50)))
    return np.array(found, np.float32)


# ---- spectra -------------------------------------------------------------------------------------


def _tiles(gray: Gray, phase: tuple[int, int]) -> tuple[Floats, Floats]:
    """Cut the tiles with most structure, and the calmest that are not clipped."""
    height, width = gray.shape
    stride = TILE if (height // TILE) * (width // TILE) >= _ENOUGH else TILE // 2
    tops = np.arange(phase[0], height - TILE + 1, stride)
    lefts = np.arange(phase[1], width - TILE + 1, stride)
    small = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    slope = cv2.Sobel(small, cv2.CV_16S, 1, 0), cv2.Sobel(small, cv2.CV_16S, 0, 1)
    steep = np.minimum(np.abs(slope[0]) + np.abs(slope[1]), 400).astype(np.float32)
    structure = _sums(steep, tops, lefts)
    light = _sums(small.astype(np.float32), tops, lefts) / (TILE // 4) ** 2
    order = np.argsort(structure, kind="stable")
    usable = order[(light[order] > 8) & (light[order] < 247)]
    calm = (usable if len(usable) >= _FEW else order)[:_CALM]
    return _cut(gray, tops, lefts, order[-_STRUCTURED:]), _cut(gray, tops, lefts, calm)


def _coarse_tiles(half: Gray) -> Floats:
    height, width = half.shape
    tops, lefts = (np.arange(0, edge - TILE + 1, TILE // 2) for edge in (height, width))
    small = cv2.resize(half, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    slope = cv2.Sobel(small, cv2.CV_16S, 1, 0), cv2.Sobel(small, cv2.CV_16S, 0, 1)
    structure = _sums((np.abs(slope[0]) + np.abs(slope[1])).astype(np.float32), tops, lefts)
    return _cut(half, tops, lefts, np.argsort(structure, kind="stable")[-_COARSE:])


def _sums(plane: Floats, tops: Places, lefts: Places) -> NDArray[Any]:
    """Add up a plane, reduced fourfold, over each tile; row by row."""
    total, edge = cv2.integral(plane, sdepth=cv2.CV_64F), TILE // 4
    y, x = tops // 4, lefts // 4
    y2, x2 = np.minimum(y + edge, plane.shape[0]), np.minimum(x + edge, plane.shape[1])
    sums = total[np.ix_(y2, x2)] - total[np.ix_(y, x2)] - total[np.ix_(y2, x)] + total[np.ix_(y, x)]
    return np.asarray(sums.ravel())


def _cut(gray: Gray, tops: Places, lefts: Places, chosen: Places) -> Floats:
    def tiles() -> Iterator[Gray]:
        for each in chosen:
            y, x = tops[each // len(lefts)], lefts[each % len(lefts)]
            yield gray[y : y + TILE, x : x + TILE]

    return np.stack(list(tiles())).astype(np.float32)


@functools.cache
def _rings_and_sectors() -> tuple[Floats, Floats]:
    """Return a window for tiles, and the weight of each frequency in each ring and sector."""
    window = np.outer(np.hanning(TILE + 1)[:-1], np.hanning(TILE + 1)[:-1])
    down, across = np.meshgrid(np.fft.fftfreq(TILE) * TILE, np.fft.rfftfreq(TILE) * TILE, indexing="ij")
    radius, angle = np.hypot(down, across), np.arctan2(down, across) % math.pi
    at = np.log(np.maximum(radius, 0.5))[..., None] - np.log(_RINGS)
    ring = np.exp(-((at / 0.16) ** 2) / 2) * (radius > 1.2)[..., None]
    turned = angle[..., None] - np.arange(_SECTORS) * math.pi / _SECTORS
    turned = np.abs((turned + math.pi / 2) % math.pi - math.pi / 2)
    sector = np.exp(-((turned / 0.16) ** 2) / 2) + 1e-4
    weights = (ring[..., :, None] * sector[..., None, :]).reshape(down.size, -1)
    weights /= weights.sum(axis=0)
    weights[weights < np.finfo(np.float32).tiny] = 0  # subnormal numbers make the product 17 times slower
    return (window / math.sqrt((window**2).mean()) / TILE).astype(np.float32), weights.astype(np.float32)


def _spectra(tiles: Floats) -> Floats:
    """Return the power of tiles x rings x sectors; of white noise each has its variance."""
    window, weights = _rings_and_sectors()
    flat = tiles - tiles.mean(axis=(1, 2), keepdims=True)
    flat *= window
    waves = np.stack([cv2.dft(each, flags=cv2.DFT_COMPLEX_OUTPUT) for each in flat])
    half = waves[:, :, : TILE // 2 + 1]
    power = (half[..., 0] ** 2 + half[..., 1] ** 2).reshape(len(tiles), -1) @ weights
    return np.asarray(power.reshape(len(tiles), len(_RINGS), _SECTORS) + _FAINT)


def _spectral_features(structured: Floats, calm: Floats, coarse: Floats) -> Iterator[Floats]:
    quiet = np.log(_spectra(calm).mean(axis=2))
    yield np.percentile(quiet, (10, 50), axis=0)
    for tiles in (structured, coarse):
        power = _spectra(tiles)
        rings = np.log(power.mean(axis=2))
        yield np.percentile(rings, (15, 50, 85), axis=0)
        yield np.percentile(rings[:, 2:] - rings[:, 1:2], (50, 80, 95), axis=0)
        yield from _directions(power)


def _directions(power: Floats) -> Iterator[Floats]:
    """Measure how fast the spectrum falls in the direction where it falls fastest, and across it."""
    relative = np.log(power) - np.log(power[:, :2].mean(axis=(1, 2), keepdims=True))
    mean = relative.mean(axis=0)  # rings x sectors
    worst = int(np.argmin(mean[2:].mean(axis=0)))
    yield mean[:, worst]
    yield mean[:, (worst + _SECTORS // 2) % _SECTORS]
    yield mean[2:].max(axis=1) - mean[2:].min(axis=1)
