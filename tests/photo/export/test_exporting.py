from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from junmai_jobs.photo.errors import ExportRefused, PhotoGone, UnreadablePhoto
from junmai_jobs.photo.export.encoding import export_suffix
from junmai_jobs.photo.export.exporting import export
from tests.photo.export.exports import EXIF, FORMATS, HEIGHT, ORIENTATION, WIDTH, mean, preset, read, saved
from tests.photo.studio import UNDO, encoded, texture
from tests.photographs import scenes


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A real photograph of 500 x 667 px."""
    return Path(shutil.copy(next(path for path in scenes() if path.name == "large.jpg"), tmp_path))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_picture_is_reduced_and_never_enlarged(tmp_path: Path, photo: Path, kind: str) -> None:
    small, same = tmp_path / "small", tmp_path / "same"

    made = export(photo, preset(format=kind, max_dimension=100, quality=100), small)
    export(photo, preset(format=kind, max_dimension=5000), same)

    assert made == {
        "path": str(small), "format": kind, "width": 75, "height": 100,
        "bytes": small.stat().st_size, "color_space": "sRGB",
    }  # fmt: skip
    assert (read(small).format, read(small).size, read(same).size) == (kind, (75, 100), (500, 667))
    original = np.asarray(read(photo).resize((75, 100), Image.Resampling.LANCZOS), float)
    assert np.abs(np.asarray(read(small), float) - original).mean() < (4 if kind == "WEBP" else 3)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_upright_and_says_so(tmp_path: Path, kind: str, orientation: int) -> None:
    scene = Image.new("RGB", (192, 128), "navy")
    scene.paste((250, 0, 0), (0, 0, 64, 32))
    as_sensor_saw_it = scene.transpose(UNDO[orientation]) if orientation > 1 else scene
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    source = saved(tmp_path / "a.jpg", as_sensor_saw_it, exif=exif.tobytes(), quality=95)

    export(source, preset(format=kind, max_dimension=96), tmp_path / "out")

    found = read(tmp_path / "out")
    assert (found.size, found.getexif()[ORIENTATION]) == ((96, 64), 1)
    assert [found.getexif().get_ifd(EXIF)[tag] for tag in (WIDTH, HEIGHT)] == [96, 64]
    assert mean(found.convert("RGB"), (2, 2, 28, 12)) == pytest.approx([250, 0, 0], abs=8)
    assert mean(found.convert("RGB"), (40, 20, 90, 60)) == pytest.approx([0, 0, 128], abs=8)


@pytest.mark.parametrize(("quality", "samples"), [(89, 2), (90, 1), (100, 1)])
def test_a_jpeg_is_progressive_and_fine_ones_keep_colour_whole(
    tmp_path: Path, photo: Path, quality: int, samples: int
) -> None:
    export(photo, preset(quality=quality), tmp_path / "out.jpg")

    found = read(tmp_path / "out.jpg")
    assert found.info["progressive"] == 1
    assert getattr(found, "layer")[0][1:3] == (samples, samples)  # noqa: B009 - no type knows of it


def test_quality_tells(tmp_path: Path, photo: Path) -> None:
    sizes = [export(photo, preset(quality=q), tmp_path / f"{q}.jpg")["bytes"] for q in (1, 50, 85, 100)]

    assert sizes == sorted(sizes)
    assert sizes[0] * 5 < sizes[-1]


@pytest.mark.parametrize("quality", [85, 94, 100])
def test_noise_which_no_jpeg_makes_smaller_is_exported_too(tmp_path: Path, quality: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (600, 900, 3), np.uint8)

    export(saved(tmp_path / "a.png", Image.fromarray(noise)), preset(quality=quality), tmp_path / "out.jpg")

    assert read(tmp_path / "out.jpg").size == (900, 600)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_photograph_and_preset_give_the_same_bytes(tmp_path: Path, photo: Path, kind: str) -> None:
    def run(name: str) -> str:
        code = (
            "import sys; from pathlib import Path; from junmai_jobs.config import ExportPreset\n"
            "from junmai_jobs.photo.export.exporting import export\n"
            "export(Path(sys.argv[1]), ExportPreset(format=sys.argv[3]), Path(sys.argv[2]))"
        )
        subprocess.run([sys.executable, "-c", code, str(photo), str(tmp_path / name), kind], check=True)
        return digest(tmp_path / name)

    assert run("one") == run("two") != digest(photo)


def test_the_photograph_is_only_read(tmp_path: Path, photo: Path) -> None:
    before, when = digest(photo), photo.stat().st_mtime_ns
    photo.chmod(0o444)

    for kind in FORMATS:
        export(photo, preset(format=kind), tmp_path / kind)

    assert (digest(photo), photo.stat().st_mtime_ns) == (before, when)


# ---- what is refused -----------------------------------------------------------------------------


def test_how_exported_files_are_named() -> None:
    assert [export_suffix(kind) for kind in FORMATS] == [".jpg", ".png", ".tif", ".webp"]


def test_no_dng_is_made_of_a_picture(tmp_path: Path, photo: Path) -> None:
    for refused in (
        lambda: export_suffix("DNG"),
        lambda: export(photo, preset(format="DNG"), tmp_path / "a"),
    ):
        with pytest.raises(ExportRefused, match="cannot be exported as DNG: choose JPEG, PNG, TIFF or WEBP"):
            refused()


def test_a_photograph_is_never_replaced_by_its_export(tmp_path: Path, photo: Path) -> None:
    before = digest(photo)
    (tmp_path / "link.jpg").symlink_to(photo) if os.name == "posix" else os.link(photo, tmp_path / "link.jpg")

    for final in (photo, tmp_path / "link.jpg", tmp_path / "x" / ".." / photo.name):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(ExportRefused, match=r"would replace the photograph: choose another destination"):
            export(photo, preset(), final)
    assert digest(photo) == before


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_of_a_truncated_photograph_nothing_is_written(tmp_path: Path, kind: str, share: float) -> None:
    whole = encoded(texture(600, 400).convert("RGB"), kind)
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(UnreadablePhoto, match=r"a is (cut off|damaged)"):
        export(tmp_path / "a", preset(), tmp_path / "out" / "a.jpg")
    assert not (tmp_path / "out").exists()


def test_a_jpeg_that_is_cut_off_is_refused_though_it_is_decoded_reduced(tmp_path: Path) -> None:
    whole = encoded(texture(3000, 2000), quality=90)
    (tmp_path / "a.jpg").write_bytes(whole[: int(len(whole) * 0.999)])

    with pytest.raises(UnreadablePhoto, match="cut off"):
        export(tmp_path / "a.jpg", preset(max_dimension=256), tmp_path / "out.jpg")


def test_a_photograph_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(PhotoGone, match=r"a\.jpg is not there"):
        export(tmp_path / "a.jpg", preset(), tmp_path / "out.jpg")
