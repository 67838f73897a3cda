from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from junmai_jobs.demo.bursts import noisy, out_of_focus
from junmai_jobs.photo.groups.profile import COPY, Profile, profile, unpacked
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE
from tests import photographs
from tests.photo.pictures.raw_files import nef
from tests.photographs import SCIKIT_LEARN, scenes


def temple() -> Image.Image:
    return load_color(photographs.unpacked(SCIKIT_LEARN) / "sklearn/datasets/images/china.jpg", WORKING_EDGE)


def profile_of(picture: Image.Image) -> Profile:
    found = unpacked(profile(picture))
    assert found is not None
    return found


def test_a_profile_is_small_and_has_a_map_of_the_light() -> None:
    picture = temple()

    found = profile_of(picture)

    assert len(profile(picture) or b"") < 8192
    assert profile(picture) == profile(picture)
    rows, columns = found.light.shape
    assert (rows, columns) == (21, 32)
    assert found.gray.shape == (COPY * rows, COPY * columns)
    gray = np.asarray(picture.convert("L"), float)
    assert found.light.mean() == pytest.approx(gray.mean(), rel=0.03)
    assert abs(found.light[0, 0] - gray[:20, :20].mean()) < 20


def test_it_has_the_size_that_the_picture_had_and_the_px_of_a_cell(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    Image.new("RGB", (2400, 3600)).save(large)
    raw = nef(tmp_path / "raw.nef", preview=large.read_bytes())

    of_large, of_raw = (profile_of(load_color(path, WORKING_EDGE)) for path in (large, raw))

    assert (of_large.whole, of_large.cell) == (3600, 46)
    assert (of_raw.whole, of_raw.cell) == (0, 46)
    assert profile_of(temple().resize((320, 213))).cell == 10


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_blur_takes_fine_detail_first(path: Path) -> None:
    picture = load_color(path, WORKING_EDGE)
    sharp, soft = profile_of(picture), profile_of(out_of_focus(picture, 1))

    left = soft.energies.mean(axis=(1, 2)) / sharp.energies.mean(axis=(1, 2))
    assert left[:2].max() < left[2:].min()
    assert left.max() < 1


def test_steps_are_told_by_direction() -> None:
    across = Image.fromarray(np.tile(np.arange(320, dtype=np.uint8) // 4 % 2 * 100 + 50, (240, 1)))
    slanted = across.convert("RGB").rotate(45).crop((80, 60, 240, 180))

    found = profile_of(across.convert("RGB"))

    assert found.energies[0].mean() > 100
    assert found.energies[1].max() == 0
    one, other = (each.mean() for each in profile_of(slanted).energies[4:])
    assert max(one, other) > 5 * min(one, other)


def test_noise_is_measured_and_grass_is_none() -> None:
    plain = Image.new("RGB", (640, 480), (120, 120, 120))
    waves = np.kron(np.random.default_rng(0).integers(0, 2, (120, 160)) * 80 + 80, np.ones((4, 4)))

    assert profile_of(plain).noise == 0
    assert profile_of(noisy(plain, 10)).noise == pytest.approx(10, rel=0.15)
    assert profile_of(Image.fromarray(waves.astype(np.uint8)).convert("RGB")).noise < 3


@pytest.mark.parametrize("size", [(1, 1), (11, 300), (1500, 200), (3000, 4)])
def test_what_is_too_small_has_no_profile(size: tuple[int, int]) -> None:
    assert profile(Image.new("RGB", size)) is None


@pytest.mark.parametrize("size", [(12, 12), (64, 13), (80, 80), (1500, 300), (333, 1500)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_others_have_one(size: tuple[int, int], mode: str) -> None:
    assert unpacked(profile(Image.new(mode, size))) is not None


def test_what_is_no_profile_is_none() -> None:
    whole = profile(temple())
    assert whole is not None
    damaged = [
        None,
        b"",
        b"\0",
        whole[:40],
        whole[:-30],
        b"\x01" + whole[1:],
        whole[:1] + b"\x09" + whole[2:],
        whole[:3] + struct.pack("<f", math.nan) + whole[7:],
        whole[:7] + b"\0\0" + whole[9:],
    ]
    dice = np.random.default_rng(0)

    assert [unpacked(each) for each in damaged] == [None] * len(damaged)
    assert [unpacked(dice.bytes(size)) for size in range(1, 200)] == [None] * 199
