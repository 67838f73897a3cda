"""Views that are painted, not taken: mountains, a coast, a town and a garden, no two of them alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from PIL import Image

from junmai_jobs.demo.canvas import Canvas, Color, Point

KINDS = ("mountains", "coast", "town", "garden")
"""Of view 0, 1, 2, 3, and so on again."""
_BARK: Color = (75, 55, 40)
_SKIES: tuple[tuple[Color, Color], ...] = (
    ((70, 120, 190), (190, 210, 225)),  # noon
    ((60, 80, 140), (240, 170, 110)),  # evening
    ((110, 140, 180), (235, 215, 200)),  # morning
)


def view(number: int) -> Image.Image:
    """Paint a view of 1,200 x 800 px: the same one for the same number."""
    dice = np.random.default_rng(number)
    canvas = Canvas(dice, *_SKIES[dice.integers(len(_SKIES))])
    (_mountains, _coast, _town, _garden)[number % len(KINDS)](canvas)
    image = canvas.finished()
    return image if dice.random() < 0.5 else image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _sky(canvas: Canvas) -> None:
    sun = [(canvas.dice.uniform(0.1, 0.9), canvas.dice.uniform(0.08, 0.3), canvas.dice.uniform(0.03, 0.06))]
    clouds = canvas.texture(3, 5)
    canvas.paint(canvas.discs(sun), (250, 235, 190))
    canvas.paint((clouds - canvas.dice.uniform(-0.2, 0.4)).clip(0, 0.8), (240, 238, 235), clouds, 20)


def _mountains(canvas: Canvas) -> None:
    _sky(canvas)
    dice = canvas.dice
    for depth in range(int(dice.integers(2, 4))):
        color = (120 - 25.0 * depth, 130 - 20.0 * depth, 150 - 35.0 * depth)
        mask = canvas.ridge(0.35 + 0.15 * depth, dice.uniform(0.08, 0.2), int(dice.integers(2, 7)))
        canvas.paint(mask, color, canvas.texture(24, 16), 25 + 15 * depth)
    meadow = canvas.ridge(dice.uniform(0.7, 0.85), 0.04, 3)
    canvas.paint(meadow, (95, 125, 60), canvas.texture(75, 50), 55)
    firs = [
        (dice.uniform(0, 1), dice.uniform(0.72, 0.98), dice.uniform(0.08, 0.22))
        for _ in range(int(dice.integers(8, 30)))
    ]
    canvas.paint(canvas.polygons([_stem(x, foot - height / 4, foot) for x, foot, height in firs]), _BARK)
    tiers = [tier for fir in firs for tier in _tiers(*fir)]
    canvas.paint(canvas.polygons(tiers), (40, 75, 45), canvas.texture(150, 100), 35)


def _stem(x: float, top: float, foot: float) -> list[Point]:
    return [(x - 0.004, top), (x + 0.004, top), (x + 0.004, foot), (x - 0.004, foot)]


def _tiers(x: float, foot: float, height: float) -> list[list[Point]]:
    return [
        [(x, foot - height * (0.4 + 0.2 * tier)), (x - wide, low), (x + wide, low)]
        for tier in range(4)
        for wide, low in [(height * (0.2 - 0.04 * tier), foot - height * (0.1 + 0.2 * tier))]
    ]


def _coast(canvas: Canvas) -> None:
    _sky(canvas)
    dice = canvas.dice
    horizon = dice.uniform(0.35, 0.6)
    sea = canvas.polygons([[(0, horizon), (1, horizon), (1, 1), (0, 1)]])
    canvas.paint(sea, (45, dice.uniform(90, 130), 140), canvas.texture(9, 60), 45)
    canvas.paint(canvas.ridge(dice.uniform(0.75, 0.9), 0.08, 2), (200, 180, 140), canvas.texture(100, 60), 40)
    sails, hulls = [], []
    for _ in range(int(dice.integers(2, 7))):
        x, y, size = dice.uniform(0.05, 0.95), dice.uniform(horizon + 0.05, 0.72), dice.uniform(0.05, 0.16)
        sails.append([(x, y - size), (x, y), (x + size / 3, y)])
        sails.append([(x - 0.01, y - size * 0.9), (x - 0.01, y), (x - size / 4, y)])
        bow, stern, keel = x + size / 2.5, x - size / 3, y + 0.04
        hulls.append([(stern, y + 0.01), (bow, y + 0.01), (x + size / 3, keel), (x - size / 4, keel)])
    canvas.paint(canvas.polygons(sails), (240, 235, 225), canvas.texture(40, 8), 15)
    canvas.paint(canvas.polygons(hulls), (130, 50, 40), canvas.texture(60, 8), 25)
    stones = [(dice.uniform(0, 1), dice.uniform(0.88, 1), dice.uniform(0.008, 0.03)) for _ in range(60)]
    canvas.paint(canvas.discs(stones), (110, 105, 100), canvas.texture(200, 130), 45)


def _town(canvas: Canvas) -> None:
    _sky(canvas)
    dice, stone, left = canvas.dice, canvas.texture(150, 100), -0.05
    lit: list[list[Point]] = []
    dark: list[list[Point]] = []
    while left < 1:
        right, roof, gray = left + dice.uniform(0.06, 0.16), dice.uniform(0.15, 0.6), dice.uniform(70, 170)
        wall = canvas.polygons([[(left, roof), (right, roof), (right, 0.9), (left, 0.9)]])
        canvas.paint(wall, (gray + 15, gray, gray - dice.uniform(0, 25)), stone, 25)
        for window in _windows(left, right, roof):
            (lit if dice.random() < 0.35 else dark).append(window)
        left = right + dice.uniform(0, 0.03)
    canvas.paint(canvas.polygons(dark), (45, 55, 70))
    canvas.paint(canvas.polygons(lit), (245, 215, 140))
    street = canvas.polygons([[(0, 0.9), (1, 0.9), (1, 1), (0, 1)]])
    canvas.paint(street, (85, 85, 90), stone, 35)
    crowns = [(dice.uniform(0, 1), dice.uniform(0.8, 0.86), dice.uniform(0.03, 0.06)) for _ in range(9)]
    canvas.paint(canvas.polygons([_stem(x, y, 0.92) for x, y, _ in crowns]), _BARK)
    canvas.paint(canvas.discs(crowns), (70, 110, 55), canvas.texture(120, 80), 60)


def _windows(left: float, right: float, roof: float) -> Iterator[list[Point]]:
    columns, rows = max(2, round((right - left) * 60)), round((0.86 - roof) * 30)
    for column, row in product(range(columns), range(rows)):
        x, y = left + (right - left) * (column + 0.25) / columns, roof + 0.02 + (0.86 - roof) * row / rows
        yield [(x, y), (x + 0.008, y), (x + 0.008, y + 0.016), (x, y + 0.016)]


def _garden(canvas: Canvas) -> None:
    dice, fine = canvas.dice, canvas.texture(150, 100)
    canvas.paint(canvas.everywhere, (70, dice.uniform(95, 125), 50), canvas.texture(12, 8), 70)
    blades = [
        [(x - 0.003, y), (x + 0.003, y), (x + dice.uniform(-0.04, 0.04), y - dice.uniform(0.1, 0.25))]
        for x, y in dice.uniform((0, 0.3), (1, 1.1), (500, 2))
    ]
    canvas.paint(canvas.polygons(blades), (115, 150, 70), fine, 40)
    hue = dice.permutation([225.0, 90.0, 120.0])
    for shade in (-30, 0, 30):
        petals, hearts = [], []
        for _ in range(int(dice.integers(2, 8))):
            x, y, size = dice.uniform(0.05, 0.95), dice.uniform(0.1, 0.9), dice.uniform(0.02, 0.07)
            turns = np.arange(7) * 2 * np.pi / 7 + dice.uniform(0, 1)
            around = zip(x + 0.73 * size * np.cos(turns), y + 1.1 * size * np.sin(turns), strict=True)
            petals += [(across, down, 0.55 * size) for across, down in around]
            hearts.append((x, y, 0.5 * size))
        canvas.paint(canvas.discs(petals), (hue[0], hue[1] + shade, hue[2]), fine, 35)
        canvas.paint(canvas.discs(hearts), (235, 195, 70), fine, 50)
