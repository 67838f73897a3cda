"""What the quality model learns from: photographs spoiled by degrees, and what is measured of them."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.photo_quality.distortions import (
    KINDS,
    RANGES,
    STYLE_SHARES,
    STYLES,
    Dice,
    Rgb,
    Spoil,
    resized,
    saved_as_jpeg,
    severity,
    spoiler,
)
from benchmarks.photo_quality.pictures import training_pictures
from junmai_jobs.photo.quality.judging import LEAST_SUBJECT
from junmai_jobs.photo.quality.measures import measure

LEVELS = 6
Fault = tuple[str, Spoil, float]
_AS_THEY_HAPPEN = ("defocus", "motion", "underexposure", "overexposure", "noise", "compression")


@dataclass(frozen=True, slots=True)
class Examples:
    """Row by row, series after series; each series is one photo unspoiled and then by six degrees."""

    measures: NDArray[np.float32]
    severities: NDArray[np.float32]
    """Rows x ``KINDS``."""
    photo: NDArray[np.int64]
    kind: NDArray[np.int64]
    style: NDArray[np.int64]
    edge: NDArray[np.int64]


def collect(turns: int, processes: int, seed: int = 1) -> Examples:
    """Spoil each training photograph in each way, so many times, and measure the copies."""
    work = ((number, rgb, turns, seed) for number, (_, rgb) in enumerate(training_pictures()))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        rows = [row for part in pool.imap(_of_photo, work) for row in part]
    columns = list(zip(*rows, strict=True))
    return Examples(
        np.stack(columns[0]), np.array(columns[1], np.float32), *(np.array(column) for column in columns[2:])
    )


Row = tuple[NDArray[np.float32], list[float], int, int, int, int]


def _of_photo(work: tuple[int, Rgb, int, int]) -> list[Row]:
    cv2.setNumThreads(1)
    number, rgb, turns, seed = work
    found = list[Row]()
    for turn in range(turns):
        for kind in range(len(KINDS)):
            series = Series.drawn(rgb, kind, np.random.default_rng((seed, number, turn, kind)))
            found += [(*row[:2], number, kind, series.style, row[2]) for row in series.rows()]
    return found


@dataclass(frozen=True, slots=True)
class Series:
    """One photograph, and how it is to be spoiled and saved."""

    base: Rgb
    name: str
    style: int
    spoil: Spoil
    strengths: tuple[float, ...]
    besides: tuple[Fault, ...]
    subject: tuple[float, ...] | None
    """Left, top, right and bottom, in shares of the picture: no more is looked at, as of a face."""
    way: str
    quality: int
    share: float

    @classmethod
    def drawn(cls, rgb: Rgb, kind: int, dice: Dice) -> Series:
        """Draw what there is to choose."""
        base, name = _base(rgb, dice), KINDS[kind]
        style = int(dice.choice(len(STYLES[name]), p=STYLE_SHARES.get(name)))
        spoil = spoiler(name, STYLES[name][style], dice)
        besides = _besides(name, dice) if dice.random() < 0.25 else ()
        low, high = (dice.uniform(*limits) for limits in RANGES[name])
        subject = _subject(base, dice) if dice.random() < 0.1 else None
        way = str(dice.choice(("png", "jpeg", "smaller"), p=(0.5, 0.35, 0.15)))
        quality, share = int(dice.integers(88, 97)), float(dice.uniform(0.4, 0.85))
        strengths = (0.0, *np.geomspace(low, high, LEVELS).tolist())
        return cls(base, name, style, spoil, strengths, besides, subject, way, quality, share)

    def rows(self) -> Iterator[tuple[NDArray[np.float32], list[float], int]]:
        """Yield, of each degree, what is measured, the severities, and the longer edge in px."""
        for strength in self.strengths:
            own: tuple[Fault, ...] = ((self.name, self.spoil, strength),) if strength else ()
            faults = sorted((*own, *self.besides), key=lambda fault: _AS_THEY_HAPPEN.index(fault[0]))
            picture, scale = self._saved(faults)
            if self.subject:
                picture = _cut(picture, self.subject)
            edge, severities = max(picture.shape), [0.0] * len(KINDS)
            for name, _, how_much in faults:
                seen = how_much if "exposure" in name else how_much * scale
                severities[KINDS.index(name)] = severity(name, seen, edge)
            yield measure(picture).vector, severities, edge

    def _saved(self, faults: list[Fault]) -> tuple[Rgb, float]:
        """Return the spoiled picture as it is saved, and by how much it was reduced."""
        picture = self.base
        for _, spoil, strength in faults:
            picture = spoil(picture, strength)
        if self.way == "jpeg":
            return saved_as_jpeg(picture, self.quality), 1.0
        height, width = picture.shape[:2]
        if self.way == "png" or max(height, width) * self.share <= 300:
            return picture, 1.0
        return resized(picture, (round(width * self.share), round(height * self.share))), self.share


def _besides(name: str, dice: Dice) -> tuple[Fault, ...]:
    """Draw another fault, of any strength but the worst, that the whole series has."""
    other = str(dice.choice(KINDS))
    (low, _), (high, _) = RANGES[other]
    strength = low * (high / low) ** dice.uniform(0, 0.8)
    return (
        () if other == name else ((other, spoiler(other, str(dice.choice(STYLES[other])), dice), strength),)
    )


def _subject(base: Rgb, dice: Dice) -> tuple[float, ...]:
    """Return a box, in shares of the picture, around where its structure is strongest."""
    small = cv2.resize(cv2.cvtColor(base, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
    steep = cv2.GaussianBlur(np.abs(cv2.Sobel(small, cv2.CV_32F, 1, 1)), (0, 0), 5)
    y, x = np.unravel_index(int(np.argmax(steep)), steep.shape)
    reach = dice.uniform(0.12, 0.3)
    return x / 64 - reach, y / 64 - reach, x / 64 + reach, y / 64 + reach


def _cut(picture: Rgb, box: tuple[float, ...]) -> Rgb:
    """Cut a box out of a picture, at least ``LEAST_SUBJECT`` px wide and high where there are so many."""
    edges = picture.shape[1], picture.shape[0]
    sides = []
    for low, high, edge in ((box[0], box[2], edges[0]), (box[1], box[3], edges[1])):
        size = min(edge, max(LEAST_SUBJECT, round((high - low) * edge)))
        begin = min(edge - size, max(0, round((low + high) / 2 * edge - size / 2)))
        sides.append(slice(begin, begin + size))
    return np.ascontiguousarray(picture[sides[1], sides[0]])


def _base(rgb: Rgb, dice: Dice) -> Rgb:
    """Cut and reduce a photograph to any size that it has; now and then it is gray."""
    height, width = rgb.shape[:2]
    if max(height, width) > 1000 and dice.random() < 0.4:
        share = dice.uniform(0.4, 0.8)
        y, x = (int(dice.uniform(0, edge * (1 - share))) for edge in (height, width))
        rgb = rgb[y : y + int(height * share), x : x + int(width * share)]
        height, width = rgb.shape[:2]
    edge = max(height, width)
    most = min(1500 if dice.random() < 0.15 else 800, edge / 1.4)
    wanted = math.exp(dice.uniform(math.log(320), math.log(max(330, most))))
    if wanted < edge and not (edge <= 1100 and dice.random() < 0.25):
        rgb = resized(rgb, (round(width * wanted / edge), round(height * wanted / edge)))
    base = np.ascontiguousarray(rgb)
    if dice.random() < 0.07:
        base = cv2.cvtColor(cv2.cvtColor(base, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return base
