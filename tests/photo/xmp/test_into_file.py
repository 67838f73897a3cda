"""Settings written into photographs: nothing but their XMP changes, and all of it can be undone."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from junmai_jobs.photo.errors import PhotoGone, SidecarError, SidecarRefused
from junmai_jobs.photo.pictures.files import find_photos
from junmai_jobs.photo.xmp import into_file
from junmai_jobs.photo.xmp.containers import container, is_rated
from junmai_jobs.photo.xmp.into_file import restore_file, unmark_file, write_into_file
from junmai_jobs.photo.xmp.packet import MAX_BYTES, fitted
from tests.photo.sidecars import EDITED, OTHERS, SETTINGS, names_in, packet
from tests.photo.xmp.broken import BROKEN
from tests.photographs import PILLOW, camera_photographs, unpacked
from tests.xmp_reader import binaries, read_by_exiftool

PILLOWS = unpacked(PILLOW) / "pillow-13.0.0/Tests/images"
MARKS = {"Rating": "4", "Label": "Green"}
SAMPLES = {
    "exif.jpg": camera_photographs()[0],
    "with_xmp.jpg": PILLOWS / "flower2.jpg",
    "several.jpg": PILLOWS / "sugarshack.mpo",
    "film.jpg": PILLOWS / "fujifilm.mpo",
    "plain.jpg": PILLOWS / "hopper.jpg",
    "strips.tif": PILLOWS / "hopper.tif",
    "big.tif": PILLOWS / "hopper_bigtiff.tif",
    "motorola.tiff": PILLOWS / "16bit.MM.deflate.tif",
    "pages.tif": PILLOWS / "multipage.tiff",
}


def put(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.fixture(params=SAMPLES)
def photo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return put(tmp_path / "shoot", request.param, SAMPLES[request.param].read_bytes())


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    return put(tmp_path / "shoot", "IMG_1.jpg", camera_photographs()[0].read_bytes())


def pixels(path: Path) -> list[tuple[str, str]]:
    """Every picture in a file: its mode, and a digest of its values."""
    with Image.open(path) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append((image.mode, hashlib.sha256(image.tobytes()).hexdigest()))
    return found


def with_xmp(content: str | bytes, times: int = 1) -> bytes:
    xmp = content.encode() if isinstance(content, str) else content
    segment = b"\xff\xe1" + struct.pack(">H", 31 + len(xmp)) + b"http://ns.adobe.com/xap/1.0/\0" + xmp
    data = camera_photographs()[0].read_bytes()
    at = 2 + 2 + struct.unpack_from(">H", data, 4)[0]
    return data[:at] + segment * times + data[at:]


# ---- what is written -----------------------------------------------------------------------------


def test_settings_and_marks_arrive_and_nothing_else_changes(photo: Path) -> None:
    before, looks, parts = photo.read_bytes(), pixels(photo), binaries(photo)

    assert write_into_file(photo, SETTINGS, preset="p", marks=MARKS) == "written"

    found = read_by_exiftool(photo)
    assert {name: found[f"XMP-crs:{name}"] for name in SETTINGS} == SETTINGS
    assert (found["XMP-xmp:Rating"], found["XMP-xmp:Label"]) == (4, "Green")
    assert (pixels(photo), binaries(photo)) == (looks, parts)
    assert photo.with_name(photo.name + ".original").read_bytes() == before
    assert [each.path for each in find_photos(photo.parent)] == [photo], "the backup is no photograph"


def test_the_same_again_is_unchanged_and_others_need_no_second_backup(photo: Path) -> None:
    write_into_file(photo, SETTINGS, preset="p", marks=MARKS)
    first = photo.read_bytes(), photo.stat().st_mtime_ns

    assert write_into_file(photo, SETTINGS, preset="p", marks=MARKS) == "unchanged"
    assert (photo.read_bytes(), photo.stat().st_mtime_ns) == first
    assert write_into_file(photo, OTHERS, preset="q", marks={"Rating": "5"}) == "written"

    assert names_in(photo.parent) == {photo.name, f"{photo.name}.original"}
    found = read_by_exiftool(photo)
    assert (found["XMP-crs:Exposure2012"], found["XMP-xmp:Rating"]) == (-1.0, 5)
    assert "XMP-crs:Contrast2012" not in found
    if photo.suffix.startswith(".tif"):
        assert photo.stat().st_size == len(first[0]), "it fits into the place of the first"


@pytest.mark.parametrize("zeros", [1, 5000])
def test_zeros_behind_a_packet_are_room(tmp_path: Path, zeros: int) -> None:
    held = container(io.BytesIO(SAMPLES["strips.tif"].read_bytes()), "a") or pytest.fail("no container")
    content = fitted(packet('xmp:Rating="2">').encode(), 4000) + bytes(zeros)
    photo = put(tmp_path / "shoot", "a.tif", held.having(content).read())
    size = photo.stat().st_size

    for settings in (SETTINGS, OTHERS):
        assert write_into_file(photo, settings, preset="p", marks=MARKS) == "written"

    found = read_by_exiftool(photo)
    assert (found["XMP-crs:Exposure2012"], found["XMP-xmp:Rating"]) == (-1.0, 2)
    assert (photo.stat().st_size, restore_file(photo)) == (size, "restored")


def test_all_of_it_can_be_undone(photo: Path) -> None:
    before = photo.read_bytes()
    assert restore_file(photo) == "no_backup"
    for settings in (SETTINGS, OTHERS):
        write_into_file(photo, settings, preset="p", marks=MARKS)

    assert restore_file(photo) == "restored"

    assert (photo.read_bytes(), names_in(photo.parent)) == (before, {photo.name})


def test_marks_of_ours_are_taken_back_and_all_can_be_undone(photo: Path) -> None:
    before = photo.read_bytes()
    write_into_file(photo, SETTINGS, preset="p", marks=MARKS)

    unmark_file(photo)

    found = read_by_exiftool(photo)
    assert {name: found[f"XMP-crs:{name}"] for name in SETTINGS} == SETTINGS
    assert found.keys().isdisjoint({"XMP-xmp:Rating", "XMP-xmp:Label"})
    assert names_in(photo.parent) == {photo.name, f"{photo.name}.original"}
    number = photo.stat().st_ino
    unmark_file(photo)
    assert photo.stat().st_ino == number, "nothing is left to be taken back"
    assert write_into_file(photo, SETTINGS, preset="p", marks=MARKS) == "written"
    assert restore_file(photo) == "restored"
    assert (photo.read_bytes(), names_in(photo.parent)) == (before, {photo.name})


def test_ratings_keywords_and_captions_that_are_there_survive(tmp_path: Path) -> None:
    rated = EDITED.replace("http://ns.adobe.com/camera-raw-settings/1.0/", "http://studio.example/")
    photo = put(tmp_path / "shoot", "a.jpg", with_xmp(rated))
    before = read_by_exiftool(photo)

    assert write_into_file(photo, SETTINGS, preset="p", marks=MARKS) == "written"

    after = read_by_exiftool(photo)
    assert [name for name in before if name.startswith("XMP-") and after[name] != before[name]] == []
    assert (after["XMP-xmp:Rating"], after["XMP-xmp:Label"]) == (5, "Red")


def test_edits_are_spared_and_replaced_when_asked(tmp_path: Path) -> None:
    photo = put(tmp_path / "shoot", "a.jpg", with_xmp(EDITED))
    before = photo.read_bytes(), photo.stat().st_mtime_ns

    assert write_into_file(photo, SETTINGS, preset="p", marks=MARKS) == "already_edited"
    assert (photo.read_bytes(), photo.stat().st_mtime_ns) == before
    assert names_in(photo.parent) == {"a.jpg"}

    assert write_into_file(photo, SETTINGS, preset="p", replace_edits=True) == "written"
    assert restore_file(photo) == "restored"
    assert photo.read_bytes() == before[0]


def test_stars_in_the_exif_are_not_outvoted(jpeg: Path) -> None:
    with Image.open(jpeg) as image:
        exif = image.getexif()
        exif[0x4746] = 2
        image.save(jpeg, exif=exif)
    assert is_rated(io.BytesIO(jpeg.read_bytes()), "a.jpg")

    write_into_file(jpeg, SETTINGS, preset="p", marks=MARKS)

    found = read_by_exiftool(jpeg)
    assert "XMP-xmp:Rating" not in found
    assert found["XMP-xmp:Label"] == "Green"


def test_several_pictures_in_a_file_are_found_where_their_list_says(tmp_path: Path) -> None:
    photo = put(tmp_path / "shoot", "a.jpg", SAMPLES["several.jpg"].read_bytes())
    write_into_file(photo, SETTINGS, preset="p")

    found, data = read_by_exiftool(photo), photo.read_bytes()

    first, second = found["MPImage1:MPImageLength"], found["MPImage2:MPImageStart"]
    assert data[:first].rstrip(b"\0").endswith(b"\xff\xd9")
    assert data[second : second + 2] == b"\xff\xd8"


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_permissions_stay_and_the_time_tells_of_the_change(jpeg: Path) -> None:
    jpeg.chmod(0o640)
    os.utime(jpeg, (1, 1))

    write_into_file(jpeg, SETTINGS, preset="p")

    backup = jpeg.with_name("IMG_1.jpg.original")
    assert {jpeg.stat().st_mode & 0o777, backup.stat().st_mode & 0o777} == {0o640}
    assert (backup.stat().st_mtime, jpeg.stat().st_mtime > 1) == (1, True)


# ---- what is left alone --------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["-XMP-dc:Subject=owl", "-EXIF:Artist=A", "-XMP-crs:Exposure2012=3"])
def test_what_was_edited_since_is_not_undone(jpeg: Path, change: str) -> None:
    write_into_file(jpeg, SETTINGS, preset="p")
    read_by_exiftool(jpeg, change)
    before = jpeg.read_bytes()

    assert restore_file(jpeg) == "edited_since"

    assert jpeg.read_bytes() == before
    assert jpeg.with_name("IMG_1.jpg.original").exists()


def test_keywords_given_since_are_in_a_backup_of_their_own(jpeg: Path) -> None:
    write_into_file(jpeg, SETTINGS, preset="p")
    read_by_exiftool(jpeg, "-XMP-dc:Subject=owl")

    assert write_into_file(jpeg, OTHERS, preset="q") == "written"

    assert names_in(jpeg.parent) == {"IMG_1.jpg", "IMG_1.jpg.original", "IMG_1.jpg.original2"}
    assert restore_file(jpeg) == "restored"
    assert read_by_exiftool(jpeg)["XMP-dc:Subject"] == ["owl"]


def broken_files() -> dict[str, tuple[bytes, str]]:
    jpeg, tiff = camera_photographs()[0].read_bytes(), (PILLOWS / "hopper.tif").read_bytes()
    extension = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40)
    extended = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(extension)) + extension + jpeg[2:]
    return {
        "a.jpg": (jpeg[:1000], "is damaged before its picture begins"),
        "b.jpg": (b"\x89PNG" + jpeg, "is neither a JPEG nor a TIFF: give it the suffix"),
        "c.jpg": (extended, "holds XMP in parts, more than fits one segment"),
        "d.jpg": (with_xmp(EDITED, times=2), "holds two packets of XMP"),
        "e.jpg": (with_xmp(EDITED[:200]), "the XMP in e.jpg is none that is understood here"),
        "f.jpg": (with_xmp(BROKEN["laughs"][0]), "the XMP in f.jpg is none that is understood here"),
        "g.jpg": (jpeg + b"a film", "holds data behind its picture which nobody would find"),
        "h.jpg": (with_xmp(packet(f'xmp:Label="{"R" * 64_500}">')), "more XMP than fits a JPEG"),
        "i.jpg": (
            SAMPLES["several.jpg"].read_bytes().replace(b"MPF\0MM", b"MPF\0XM"),
            "a damaged list of them",
        ),
        "j.tif": (tiff[:6], "is no TIFF that is understood here"),
        "k.tif": (tiff[:-200], "is no TIFF that is understood here"),
        "l.tif": (
            (PILLOWS / "multipage_single_frame_loop.tiff").read_bytes(),
            "is no TIFF that is understood",
        ),
        "m.tif": (b"II+\0\x08\0\0\0" + b"\xff" * 20, "is no TIFF that is understood here"),
    }


@pytest.mark.parametrize("name", broken_files())
def test_what_cannot_be_kept_right_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    content, message = broken_files()[name]
    photo = put(tmp_path / "shoot", name, content)

    with pytest.raises(SidecarRefused, match=message) as error:
        write_into_file(photo, SETTINGS, preset="p", replace_edits=True)

    assert "\n" not in str(error.value)
    assert (photo.read_bytes(), names_in(photo.parent)) == (content, {name})


def test_what_is_behind_the_picture_may_be_what_its_xmp_tells_of(tmp_path: Path) -> None:
    told = packet('xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1">')
    photo = put(tmp_path / "shoot", "a.jpg", with_xmp(told) + b"a film")

    assert write_into_file(photo, SETTINGS, preset="p") == "written"
    assert photo.read_bytes().endswith(b"\xff\xd9a film")


def test_a_giant_is_never_in_memory(tmp_path: Path) -> None:
    photo = put(tmp_path / "shoot", "a.tif", SAMPLES["strips.tif"].read_bytes())
    os.truncate(photo, size := 100 * 2**20)
    tracemalloc.start()
    try:
        for settings in (SETTINGS, OTHERS):
            assert write_into_file(photo, settings, preset="p") == "written"
        unmark_file(photo)
        assert restore_file(photo) == "restored"
        assert tracemalloc.get_traced_memory()[1] < size / 10
    finally:
        tracemalloc.stop()
    assert photo.stat().st_size == size


def test_a_giant_packet_is_refused_and_not_even_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = put(tmp_path / "shoot", "a.tif", SAMPLES["strips.tif"].read_bytes())
    write_into_file(photo, SETTINGS, preset="p")
    held = container(io.BytesIO(photo.read_bytes()), photo.name)
    assert held
    photo.write_bytes(before := held.having(fitted(held.xmp or b"", MAX_BYTES + 1)).read())
    refused = pytest.raises(SidecarRefused, match=r"^a\.tif holds more than 16 MiB of XMP: have Lightroom's")
    with refused:
        restore_file(photo)
    monkeypatch.setattr(into_file, "Xmp", lambda *_: pytest.fail("it is parsed"))
    with refused:
        write_into_file(photo, SETTINGS, preset="p")
    assert photo.read_bytes() == before


def test_a_photograph_that_is_gone(jpeg: Path) -> None:
    write_into_file(jpeg, SETTINGS, preset="p")
    before = jpeg.with_name("IMG_1.jpg.original").read_bytes()
    jpeg.unlink()
    with pytest.raises(PhotoGone, match=r"IMG_1\.jpg is not there"):
        write_into_file(jpeg, SETTINGS, preset="p")
    assert restore_file(jpeg) == "restored"
    assert jpeg.read_bytes() == before


def test_a_write_protected_photograph_is_left_alone(jpeg: Path) -> None:
    before = jpeg.read_bytes()
    jpeg.chmod(0o444)
    with pytest.raises(SidecarError, match=r"^IMG_1\.jpg may not be written: lift its write protection"):
        write_into_file(jpeg, SETTINGS, preset="p")
    assert (jpeg.read_bytes(), names_in(jpeg.parent)) == (before, {"IMG_1.jpg"})
    jpeg.chmod(0o644)


def test_a_photograph_saved_meanwhile_is_left_as_it_was_saved(
    jpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, saved = os.fsync, camera_photographs()[1].read_bytes()

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        jpeg.write_bytes(saved)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(SidecarError, match="is being written by another program: try again"):
        write_into_file(jpeg, SETTINGS, preset="p")
    assert jpeg.read_bytes() == saved


def test_a_copy_that_reads_otherwise_is_not_published(jpeg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, sync = jpeg.read_bytes(), os.fsync

    def spoil(descriptor: int) -> None:
        sync(descriptor)
        for path in jpeg.parent.glob(".junmai-*"):
            path.write_bytes(path.read_bytes()[:-1] + b"?")

    monkeypatch.setattr(os, "fsync", spoil)
    with pytest.raises(SidecarError, match=r"it reads otherwise|cannot be written"):
        write_into_file(jpeg, SETTINGS, preset="p")
    assert (jpeg.read_bytes(), names_in(jpeg.parent)) == (before, {"IMG_1.jpg"})
