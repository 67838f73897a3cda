from __future__ import annotations

import json
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from junmai_jobs.demo.bursts import Spoiler, noisy, out_of_focus
from junmai_jobs.photo.errors import PhotoGone, ReaderMissing, UnreadablePhoto
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.faces import find_faces
from junmai_jobs.photo.quality.judging import COMPOSITION_SHARE, WORKING_EDGE, evaluate, recommendation
from tests.bursts import SPOILERS, shaken
from tests.photo.studio import UNDO, encoded, people, texture
from tests.photographs import camera_photographs, scenes

ORIENTATION = 0x112


def checkerboard(light: int = 180, dark: int = 60) -> Image.Image:
    rows, columns = np.indices((600, 900)) // 30
    return Image.fromarray(np.where((rows + columns) % 2, light, dark).astype(np.uint8))


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def judged(path: Path) -> dict[str, Any]:
    return evaluate(load_color(path, WORKING_EDGE))


@pytest.mark.parametrize("path", camera_photographs(), ids=lambda path: path.name)
def test_the_form_of_an_evaluation(path: Path) -> None:
    found = judged(path)

    assert list(found) == ["overall_score", "quality", "recommendation", "metrics"]
    assert list(found["quality"]) == [
        "focus_score", "exposure_score", "composition_score", "noise_score", "compression_score"
    ]  # fmt: skip
    assert list(found["metrics"]) == ["focus", "exposure", "composition", "noise", "compression"]
    assert all(1.0 <= score <= 5.0 for score in [found["overall_score"], *found["quality"].values()])
    faults = {name: score for name, score in found["quality"].items() if name != "composition_score"}
    composed = COMPOSITION_SHARE * found["quality"]["composition_score"]
    assert found["overall_score"] <= (1 - COMPOSITION_SHARE) * min(faults.values()) + composed + 0.001
    assert found["recommendation"] == recommendation(found["overall_score"], faults["focus_score"])
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_a_blurred_copy_of_a_real_photograph_is_out_of_focus(path: Path) -> None:
    with Image.open(path) as image:
        soft = evaluate(out_of_focus(image, radius=1.5).convert("L"))

    assert judged(path)["quality"]["focus_score"] - soft["quality"]["focus_score"] > 2
    assert soft["recommendation"] == "reject"


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_a_spoiled_copy_of_a_real_photograph_is_clearly_worse(path: Path, spoil: Spoiler) -> None:
    with Image.open(path) as image:
        copies = image.convert("RGB"), spoil(image.convert("RGB"))

    good, spoiled = (evaluate(copy)["overall_score"] for copy in copies)
    assert good >= 3.9
    assert good - spoiled > 0.5


@pytest.mark.parametrize("deviation", [0, 5, 15, 30])
def test_noise_is_measured_and_is_neither_sharpness_nor_composition(deviation: float) -> None:
    clean = out_of_focus(texture(900, 600), radius=4)

    smooth, found = evaluate(clean), evaluate(noisy(clean, deviation).convert("L"))

    assert found["metrics"]["noise"]["noise_level"] == pytest.approx(deviation, abs=0.3, rel=0.1)
    assert found["quality"]["noise_score"] <= smooth["quality"]["noise_score"] - deviation / 20
    assert found["recommendation"] == "reject"
    if deviation <= 15:  # more of it hides how soft the picture is
        assert found["quality"]["focus_score"] < 3
    assert found["quality"]["composition_score"] <= smooth["quality"]["composition_score"] + 0.5


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_motion_is_told_from_defocus(path: Path) -> None:
    with Image.open(path) as image:
        scene = image.convert("RGB")

    found = [
        evaluate(copy)["metrics"]["focus"]["blur"]
        for copy in (scene, out_of_focus(scene, radius=3), shaken(scene, (17, 1)), shaken(scene, (1, 17)))
    ]

    assert found == ["none", "defocus", "motion", "motion"]


def test_the_focus_is_measured_on_faces_where_there_are_any() -> None:
    sharp = Image.blend(people(600), texture(1500, 1000).transpose(Image.Transpose.ROTATE_180), 0.3)
    soft = out_of_focus(sharp, radius=6)
    [face] = find_faces(sharp) or []
    on_background, on_face = soft.copy(), sharp.copy()
    on_background.paste(sharp.crop(face), face[:2])
    on_face.paste(soft.crop(face), face[:2])

    background, subject = (evaluate(picture, [face]) for picture in (on_background, on_face))

    assert background["metrics"]["focus"]["measured_on"] == "face"
    assert background["quality"]["focus_score"] > subject["quality"]["focus_score"] + 1
    assert evaluate(sharp, [(0, 0, 20, 20)])["metrics"]["focus"]["measured_on"] == "structure"


@pytest.mark.parametrize("tilt", [-8.0, -3.0, 0.0, 3.0, 8.0])
def test_the_tilt_of_the_horizon(tilt: float) -> None:
    sea = texture(1200, 1200).point(lambda level: 40 + level // 8)
    sea.paste(200, (0, 0, 1200, 600))
    turned = sea.rotate(-tilt, Image.Resampling.BICUBIC).crop((150, 150, 1050, 1050))

    assert evaluate(turned)["metrics"]["composition"]["horizon_tilt"] == pytest.approx(tilt, abs=0.5)


def test_clipping_is_told_by_channel() -> None:
    levels = np.asarray(texture(900, 600).convert("RGB")).copy()
    levels[:300, :, 0] = 255
    levels[:150, :, 2] = 0

    found = evaluate(Image.fromarray(levels))["metrics"]["exposure"]["clipped_channels_percent"]

    assert found["red"]["highlights"] == pytest.approx(50, abs=1)
    assert found["green"] == {"highlights": pytest.approx(0, abs=1), "shadows": pytest.approx(0, abs=1)}
    assert found["blue"]["shadows"] == pytest.approx(25, abs=1)


def test_the_same_picture_has_the_same_score_on_any_number_of_threads() -> None:
    picture, before = texture(1500, 1000), cv2.getNumThreads()
    try:
        found = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            found.append(evaluate(picture))
    finally:
        cv2.setNumThreads(before)
    assert found[0] == found[1]


def test_plain_blue_pictures_are_rejected() -> None:
    plain = [path for path in camera_photographs() if path not in scenes()]

    assert {judged(path)["recommendation"] for path in plain} == {"reject"}


def test_a_sharp_checkerboard_beats_a_blurred_one() -> None:
    sharp = evaluate(checkerboard())
    blurred = evaluate(checkerboard().filter(ImageFilter.GaussianBlur(6)))

    assert sharp["quality"]["focus_score"] > 4.9
    assert blurred["quality"]["focus_score"] < 1.05
    assert sharp["metrics"]["focus"]["sharpness_category"] == "very_sharp"
    assert blurred["metrics"]["focus"]["sharpness_category"] == "very_blurry"


@pytest.mark.parametrize(
    ("change", "score", "category"),
    [
        (lambda level: level, 5.0, "well_exposed"),
        (lambda level: level * 0.03, 1.5, "underexposed"),
        (lambda level: level * 6, 1.5, "overexposed"),
    ],
    ids=["good", "dark", "blown out"],
)
def test_exposure(change: Callable[[float], float], score: float, category: str) -> None:
    found = evaluate(texture(900, 600).point(change))

    assert found["quality"]["exposure_score"] == pytest.approx(score, abs=0.75)
    assert found["metrics"]["exposure"]["exposure_category"] == category


def test_composition_asks_for_detail_on_the_thirds_and_for_balance() -> None:
    frame = np.zeros((600, 900), np.uint8)
    on_thirds, in_corner, lopsided = frame + 100, frame + 100, frame + 100
    detail = np.asarray(checkerboard(255, 0))[:120, :120]
    for y, x in ((140, 240), (140, 540), (340, 240), (340, 540)):
        on_thirds[y : y + 120, x : x + 120] = detail
    in_corner[:120, :120] = detail
    lopsided[:, :450] = 255

    scores = [
        evaluate(Image.fromarray(pixels))["quality"]["composition_score"]
        for pixels in (on_thirds, in_corner, lopsided)
    ]

    assert scores[0] > 4.5
    assert scores[0] - scores[1] > 2
    assert scores[1] > scores[2]


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    hills = texture(6000, 4000).point(lambda level: 128 + (level - 128) * 0.4)  # focus in mid-scale
    hills.paste(150, (0, 0, 6000, 1000))  # and a sky
    return hills


@pytest.mark.parametrize("width", [1500, 2000, 3000, 4500, 6000])
def test_scores_do_not_depend_on_megapixels(tmp_path: Path, scene: Image.Image, width: int) -> None:
    def scores(width: int) -> dict[str, float]:
        taken = scene.resize((width, width * 2 // 3), Image.Resampling.BOX)
        found = judged(saved(tmp_path / "a.jpg", taken, quality=92))
        return dict(found["quality"])

    assert scores(width) == pytest.approx(scores(1500), abs=0.35)


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_the_blocks_of_a_jpeg_are_seen_in_a_picture_of_1600_px(tmp_path: Path, path: Path) -> None:
    with Image.open(path) as image:
        share = 1600 / max(image.size)
        large = image.convert("RGB").resize((round(image.width * share), round(image.height * share)))

    scores = [
        judged(saved(tmp_path / "a.jpg", large, quality=quality))["quality"]["compression_score"]
        for quality in (90, 60, 40, 20)
    ]

    assert scores == sorted(scores, reverse=True)
    assert scores[1] < 4.8


@pytest.mark.parametrize(
    ("overall", "focus", "advice"),
    [
        (5.0, 5.0, "approve"),
        (4.0, 2.0, "approve"),
        (3.99, 2.5, "review"),
        (3.0, 3.0, "review"),
        (3.5, 2.49, "reject"),
        (2.99, 5.0, "reject"),
    ],
)
def test_recommendation(overall: float, focus: float, advice: str) -> None:
    assert recommendation(overall, focus) == advice


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (8, 8)])
def test_tiny_pictures_are_scored_too(size: tuple[int, int]) -> None:
    assert evaluate(Image.new("L", size, 120))["recommendation"] == "reject"


@pytest.mark.parametrize("name", ["with space.jpg", "Größe.jpg", "写真 001.jpg"])
def test_names_in_any_script(tmp_path: Path, name: str) -> None:
    assert judged(saved(tmp_path / name, checkerboard()))["quality"]["focus_score"] > 4.9


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "AVIF"])
def test_every_format_gives_the_same(tmp_path: Path, kind: str) -> None:
    of_kind: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95, "speed": 10}}
    (tmp_path / "a.jpg").write_bytes(encoded(texture(600, 400), quality=98))
    (tmp_path / "b").write_bytes(encoded(texture(600, 400).convert("RGB"), kind, **of_kind.get(kind, {})))

    jpeg, other = (judged(tmp_path / name)["quality"] for name in ("a.jpg", "b"))
    assert other == pytest.approx(jpeg, abs=0.2)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    upright = Image.new("L", (96, 64), 20)
    upright.paste(250, (0, 0, 32, 16))
    as_sensor_saw_it = upright.transpose(UNDO[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    (tmp_path / "a").write_bytes(encoded(as_sensor_saw_it, kind, exif=exif.tobytes()))

    found = load_color(tmp_path / "a", WORKING_EDGE).convert("L")

    assert found.size == upright.size
    assert np.abs(np.asarray(found, int) - np.asarray(upright, int)).mean() < 2


def test_sixteen_bits_are_not_taken_for_overexposed(tmp_path: Path) -> None:
    deep = Image.fromarray(np.asarray(texture(600, 400)).astype(np.uint16) * 256)

    found = judged(saved(tmp_path / "a.png", deep))

    assert found["metrics"]["exposure"]["exposure_category"] == "well_exposed"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_a_truncated_jpeg_is_refused_though_it_is_decoded_reduced(
    tmp_path: Path, share: float, progressive: bool
) -> None:
    whole = encoded(texture(3000, 2000), quality=90, progressive=progressive)
    (tmp_path / "IMG_1.jpg").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(UnreadablePhoto, match=r"IMG_1\.jpg is cut off.*copy it from the card again"):
        load_color(tmp_path / "IMG_1.jpg", WORKING_EDGE)


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_a_real_photograph_that_lacks_a_byte_of_its_picture_is_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    end = whole.rindex(b"\xff\xd9")
    for cut in (end - 1, end - 100, end // 2):
        (tmp_path / "a.jpg").write_bytes(whole[:cut])

        with pytest.raises(UnreadablePhoto):
            load_color(tmp_path / "a.jpg", WORKING_EDGE)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_other_truncated_pictures_are_refused(tmp_path: Path, kind: str, share: float) -> None:
    whole = encoded(texture(600, 400), kind)
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(UnreadablePhoto, match=r"a is (cut off|damaged)"):
        load_color(tmp_path / "a", WORKING_EDGE)


def test_a_jpeg_whose_second_half_is_zeros_is_refused(tmp_path: Path) -> None:
    with Image.open(scenes()[0]) as image:  # its EXIF has a thumbnail, which has an end marker of its own
        whole = encoded(texture(3000, 2000), quality=90, exif=image.info["exif"])
    assert whole.count(b"\xff\xd9") > 1
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))

    with pytest.raises(UnreadablePhoto, match=r"a\.jpg ends in zeros|a\.jpg is cut off"):
        load_color(tmp_path / "a.jpg", WORKING_EDGE)


def test_zeros_after_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(checkerboard()) + bytes(4096))

    assert judged(tmp_path / "a.jpg")["quality"]["focus_score"] > 4.9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"IMG_1\.jpg is empty \(0 bytes\): copy it from the card again"),
        (b"not a picture at all", r"IMG_1\.jpg is not a picture, whatever its name says"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", r"IMG_1\.jpg is not a picture"),
        (bytes(5000), r"IMG_1\.jpg is not a picture"),
    ],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "IMG_1.jpg").write_bytes(content)

    with pytest.raises(UnreadablePhoto, match=message):
        load_color(tmp_path / "IMG_1.jpg", WORKING_EDGE)


def png_head(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + zlib.compress(b""), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


def test_more_than_300_megapixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_head(20_000, 15_001))

    with pytest.raises(UnreadablePhoto, match=r"a\.png has more than 300 megapixels: export it smaller"):
        load_color(tmp_path / "a.png", WORKING_EDGE)


def test_200_megapixels_are_allowed_and_the_hosts_own_limit_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (tmp_path / "a.png").write_bytes(png_head(20_000, 10_000))

    with pytest.raises(UnreadablePhoto, match=r"a\.png is (cut off|damaged)"):  # it has no pixels
        load_color(tmp_path / "a.png", WORKING_EDGE)
    assert judged(saved(tmp_path / "b.png", checkerboard()))["overall_score"] > 1
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_heic_needs_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))

    with pytest.raises(ReaderMissing, match=r"a\.heic is a HEIC picture: install pillow-heif"):
        load_color(tmp_path / "a.heic", WORKING_EDGE)


def test_a_photograph_that_is_gone_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(PhotoGone, match=r"a\.jpg is not there"):
        load_color(tmp_path / "a.jpg", WORKING_EDGE)


def test_a_drive_that_fails_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.jpg", checkerboard())

    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Image, "open", fails)

    with pytest.raises(PhotoGone, match=r"a\.jpg cannot be read just now \(Input/output error\)"):
        load_color(path, WORKING_EDGE)
