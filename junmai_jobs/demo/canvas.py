"""Something to paint views on: shapes with smooth edges, each with the texture of what it shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from junmai_jobs.demo.bursts import picture

Color = tuple[float, float, float]
Levels = NDArray[np.float32]
Point = tuple[float, float]

WIDTH, HEIGHT = 1200, 800  # px
_FINER = 2  # times as fine as the canvas are masks drawn, for smooth edges


class Canvas:
    """A picture in the making; the same for the same dice. Places are shares of its width and height."""

    def __init__(self, dice: np.random.Generator, top: Color, bottom: Color) -> None:
        self.dice = dice
        down = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
        self._levels = np.repeat(
            np.asarray(top, np.float32) * (1 - down) + np.asarray(bottom, np.float32) * down, WIDTH, axis=1
        )

    @property
    def everywhere(self) -> Levels:
        """The mask of all of it."""
        return np.ones((1, 1), np.float32)

    def finished(self) -> Image.Image:
        """The picture, with a little of a sensor's noise."""
        return picture(self._levels + self.dice.normal(0, 1.5, self._levels.shape))

    def texture(self, across: int, down: int) -> Levels:
        """Clouds, grass or stone, -1 to 1: so many patches across and down, and ever finer ones in them."""
        total, strength = np.zeros((HEIGHT, WIDTH), np.float32), 1.0
        while across <= WIDTH // 2 and down <= HEIGHT // 2:
            grid = self.dice.uniform(-1, 1, (down, across)).astype(np.float32)
            total += strength * np.asarray(
                Image.fromarray(grid).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            )
            across, down, strength = 2 * across, 2 * down, 0.6 * strength
        return total.clip(-1, 1)

    def paint(
        self, mask: Levels, color: Color, texture: Levels | float = 0.0, contrast: float = 60.0
    ) -> None:
        """Cover what ``mask`` says, 0 to 1; the texture lightens and darkens by so many gray levels."""
        shaded = (
            np.asarray(color, np.float32) + contrast * np.broadcast_to(texture, (HEIGHT, WIDTH))[..., None]
        )
        self._levels += mask[..., None] * (shaded - self._levels)

    def polygons(self, shapes: Sequence[Sequence[Point]]) -> Levels:
        """The mask of shapes by their corners."""
        drawn, pen = _blank()
        for corners in shapes:
            pen.polygon([_place(*corner) for corner in corners], fill=255)
        return _reduced(drawn)

    def discs(self, places: Sequence[tuple[float, float, float]]) -> Levels:
        """The mask of discs: centre and radius, the latter as a share of the height."""
        drawn, pen = _blank()
        for x, y, radius in places:
            (left, top), reach = _place(x, y), radius * HEIGHT * _FINER
            pen.ellipse((left - reach, top - reach, left + reach, top + reach), fill=255)
        return _reduced(drawn)

    def ridge(self, height: float, roughness: float, peaks: int) -> Levels:
        """The mask of all below a line of hills around this height."""
        line, strength = np.full(WIDTH, height), roughness
        while peaks <= WIDTH // 8:
            steps = self.dice.uniform(-1, 1, peaks + 1)
            line += strength * np.interp(np.linspace(0, peaks, WIDTH), np.arange(peaks + 1), steps)
            peaks, strength = 2 * peaks, strength / 2
        corners = [(x / WIDTH, y) for x, y in enumerate(line)]
        return self.polygons([[(0, 1), *corners, (1, line[-1]), (1, 1)]])


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    drawn = Image.new("L", (WIDTH * _FINER, HEIGHT * _FINER))
    return drawn, ImageDraw.Draw(drawn)


def _place(x: float, y: float) -> Point:
    return x * WIDTH * _FINER, y * HEIGHT * _FINER


def _reduced(drawn: Image.Image) -> Levels:
    return np.asarray(drawn.reduce(_FINER), np.float32) / np.float32(255)
