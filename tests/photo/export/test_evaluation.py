"""The tables of docs/photo-quality.md on exports are made by this, here on a little."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from rich.console import Console

from benchmarks.photo_quality import colorimetry, export

# Of the test data of Sharma, Wu and Dalal (2005), "The CIEDE2000 color-difference formula".
PAIRS = np.array(
    [
        [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425],
        [50.0, -1.0, 2.0, 50.0, 0.0, 0.0, 2.3669],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0010, 7.1792],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195],
        [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
        [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_the_difference_of_colours_is_that_of_its_authors() -> None:
    assert colorimetry.difference(PAIRS[:, :3], PAIRS[:, 3:6]) == pytest.approx(PAIRS[:, 6], abs=1e-4)


@pytest.mark.parametrize("space", colorimetry.SPACES)
def test_white_and_gray_have_no_colour_in_any_space(space: str) -> None:
    white, gray = colorimetry.lab(np.array([[1.0] * 3, [0.5] * 3]), space)
    assert white == pytest.approx([100, 0, 0], abs=0.05)
    assert gray[1:] == pytest.approx([0, 0], abs=0.05)
    there = colorimetry.converted(np.array([0.3, 0.5, 0.4]), "sRGB", space)
    assert colorimetry.converted(there, space, "sRGB") == pytest.approx([0.3, 0.5, 0.4], abs=1e-6)


@pytest.mark.skipif(
    shutil.which("exiftool") is None and not os.environ.get("CI"), reason="install libimage-exiftool-perl"
)
def test_a_little_is_measured_and_shown() -> None:
    found = export.measure(longest=100, photos=1)

    assert len([row for row in found["colours"] if row["picture"] == "chart"]) == 12
    assert all(row["mean"] < 1 and row["least max"] <= row["max"] + 0.2 for row in found["colours"])
    kept = [line.name for line in export.lines(found) if "pixel" not in line.name and not line.met]
    assert (kept, [row["kept"] > 20 for row in found["exif"]]) == ([], [True] * 4)
    assert all(row["tags"] and row["files with its bytes"] == 1 for row in found["gps"][:4])
    console = Console(record=True, width=200)
    export.show(found, console)
    assert "the nearest ones that 8 bits have" in console.export_text()


def test_the_nearest_numbers_of_8_bits_are_found_among_their_neighbours() -> None:
    exact = np.array([[0.1, 0.2, 0.3], [10 / 255, 20 / 255, 30 / 255], [0.004, 0.0022, 0.0017]])
    rounded = np.rint(exact * 255) / 255
    by_rounding = colorimetry.difference(*(colorimetry.lab(each, "ProPhotoRGB") for each in (rounded, exact)))

    least = colorimetry.least_difference(exact, "ProPhotoRGB")

    assert least[1] == pytest.approx(0, abs=1e-9)
    assert (least <= by_rounding).all()
    assert least[2] < by_rounding[2]
