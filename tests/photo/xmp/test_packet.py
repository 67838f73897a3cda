from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image, PngImagePlugin

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.xmp.packet import Xmp
from junmai_jobs.photo.xmp.sidecar import write_sidecar
from junmai_jobs.tasks.recording import RETRY
from tests.photo.sidecars import (
    AS_ATTRIBUTES,
    AS_ELEMENTS,
    CRS,
    EDITED,
    FORMS,
    SETTINGS,
    TRAPS,
    beside,
    exiftool,
    names_in,
    packet,
    raw_photo,
)
from tests.photo.xmp.broken import BROKEN


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return raw_photo(tmp_path / "shoot")


# ---- what others wrote ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*FORMS.values(), TRAPS], ids=[*FORMS, "traps"])
def test_what_others_wrote_stays_byte_for_byte(photo: Path, text: str) -> None:
    path = beside(photo, text)
    old = path.read_bytes()

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    new = path.read_bytes()
    end = old.rindex(b"</rdf:RDF")
    kept = len(old[:end].rstrip())
    assert new[:kept] == old[:kept]
    assert new.endswith(old[kept:])


@pytest.mark.parametrize("form", FORMS)
def test_what_others_wrote_reads_as_before(photo: Path, form: str) -> None:
    path = beside(photo, FORMS[form])
    wanted = ("-j", "-G1", "-struct", "-XMP:all", "--XMP-crs:all", "--XMP-junmai:all", path)
    warnings = ("-validate", "-warning", "-a", path)
    before = json.loads(exiftool(*wanted)), exiftool(*warnings)

    write_sidecar(photo, SETTINGS, preset="p")

    assert (json.loads(exiftool(*wanted)), exiftool(*warnings)) == before
    (tags,) = json.loads(exiftool("-j", "-XMP-crs:all", path))
    assert (tags["Exposure2012"], tags["ProcessVersion"], tags["HasSettings"]) == ("+0.35", 11.0, True)


def test_the_about_of_the_picture_is_ours_too(photo: Path) -> None:
    path = beside(photo, AS_ATTRIBUTES)

    write_sidecar(photo, SETTINGS, preset="p")

    rdf = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
    root = ET.fromstring(path.read_bytes().decode("utf-8-sig"))  # noqa: S314 -- it is our own
    assert {each.get(f"{rdf}about") for each in root.iter(f"{rdf}Description")} == {"uuid:1 & 2"}


def test_a_sidecar_made_by_exiftool_keeps_its_rating_and_keywords(photo: Path) -> None:
    path = photo.with_suffix(".xmp")
    exiftool("-xmp:rating=5", "-xmp:subject=owl", "-xmp:subject=dusk", "-xmp:label=Red", path)

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    (tags,) = json.loads(exiftool("-j", path))
    assert (tags["Rating"], tags["Subject"], tags["Label"]) == (5, ["owl", "dusk"], "Red")
    assert tags["Exposure2012"] == "+0.35"


@pytest.mark.parametrize("name", ["IMG_1.XMP", "img_1.xmp", "IMG_1.Xmp"])
def test_a_sidecar_is_found_in_whatever_case_it_is_spelt(photo: Path, name: str) -> None:
    path = beside(photo, AS_ELEMENTS, name)

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    assert sorted(each.casefold() for each in names_in(photo.parent)) == ["img_1.nef", "img_1.xmp"]
    assert b"<xmp:Rating>3" in path.read_bytes()
    assert write_sidecar(photo, SETTINGS, preset="p") == "unchanged"


def test_the_sidecar_of_another_raw_file_of_the_same_name_is_left_alone(photo: Path) -> None:
    other = photo.with_suffix(".CR2")
    other.touch()
    write_sidecar(other, SETTINGS, preset="p")
    before = photo.with_suffix(".xmp").read_bytes()

    with pytest.raises(SidecarRefused, match=r"IMG_1\.xmp belongs to IMG_1\.CR2: give IMG_1\.NEF"):
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    assert photo.with_suffix(".xmp").read_bytes() == before


@pytest.mark.parametrize(
    "harmless",
    [
        'crs:RawFileName="IMG_1.NEF">',
        'crs:Version="7.0" crs:HasSettings="False" crs:HasCrop="False" crs:AlreadyApplied="False">',
        "><crs:HasSettings>False</crs:HasSettings><crs:RawFileName>a</crs:RawFileName>",
        "><crs:HasSettings> false </crs:HasSettings>",
    ],
)
def test_a_picture_that_nobody_has_edited(photo: Path, harmless: str) -> None:
    path = beside(photo, packet(harmless))
    before = json.loads(exiftool("-j", "-XMP-crs:all", path))[0]

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    after = json.loads(exiftool("-j", "-XMP-crs:all", path))[0]
    before.pop("HasSettings", None)
    assert before.items() <= after.items()
    assert after["HasSettings"] is True
    assert path.read_text().count("HasSettings") == len(after.keys() & {"HasSettings"})  # twice is no XMP


EDITS = [
    'crs:Exposure2012="0.00">',
    "><crs:Exposure2012>+0.10</crs:Exposure2012>",
    'crs:HasSettings="True">',
    'crs:HasSettings="False" crs:HasCrop="True" crs:CropTop="0.1">',
    'crs:CameraProfile="Adobe Color">',
    'crs:ProcessVersion="15.4">',
    "><crs:Look><rdf:Description crs:Name='Vivid'/></crs:Look>",
    "><crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li></rdf:Seq></crs:ToneCurve>",
    "><crs:RetouchInfo/>",
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_sidecar_with_develop_settings_is_left_alone(photo: Path, edit: str) -> None:
    path = beside(photo, packet(edit))
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino

    assert write_sidecar(photo, SETTINGS, preset="p") == "already_edited"

    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}


def test_develop_settings_are_known_by_their_namespace_and_not_by_a_prefix(photo: Path) -> None:
    other = packet('crs:Exposure2012="+1.00">').replace(CRS, 'xmlns:crs="http://example.com/"')
    beside(photo, other)
    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    renamed = packet('z:Exposure2012="+1.00">').replace("xmlns:crs=", "xmlns:z=")
    beside(photo, renamed)
    assert write_sidecar(photo, SETTINGS, preset="p") == "already_edited"


# ---- what is no sidecar --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("replace_edits", [False, True])
def test_what_is_no_sidecar_is_left_as_it_is(photo: Path, kind: str, *, replace_edits: bool) -> None:
    content, message = BROKEN[kind]
    path = beside(photo, content)

    with pytest.raises(SidecarError, match=rf"^IMG_1\.xmp {message}") as error:
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=replace_edits)

    assert "\n" not in str(error.value)
    assert path.read_bytes() == content
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}


def test_broken_sidecars_raise_nothing_but_our_errors(photo: Path) -> None:
    dice = random.Random(1)
    for whole in [*FORMS.values(), EDITED] * 100:
        broken = bytearray(whole.encode())
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(broken))
            broken[at : at + dice.randrange(3)] = dice.choice(
                [b"<", b">", b'"', b"/", b" ", b":", b"=", b"&", b"a"]
            )
        path = beside(photo, bytes(broken))
        try:
            done = write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
        except SidecarError:
            assert path.read_bytes() == broken
        else:
            assert done == "written"
            assert write_sidecar(photo, SETTINGS, preset="p") == "unchanged"
        for backup in photo.parent.glob("*.bak*"):
            backup.unlink()


# ---- what a sidecar must not make anybody do -----------------------------------------------------

_WATCHED = """
import sys
from pathlib import Path
from typing import Any
from junmai_jobs.photo.errors import SidecarError
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.opening import opened
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.xmp.packet import Xmp
from tests.photo.xmp.broken import BROKEN

def read_all(photos):
    for photo in photos:
        load_color(photo, 100), read_exif(photo)
    for content, _ in BROKEN.values():
        try:
            Xmp(content, "a.xmp").edits
        except SidecarError:
            continue
        raise SystemExit("it is read")

def watch(event, arguments):
    if is_watching and event.partition(".")[0] in {"open", "socket", "urllib", "subprocess", "os", "ctypes"}:
        told.append((event, *map(str, arguments)))

is_watching, told = False, []
with opened(Path(sys.argv[1])) as jpeg, opened(Path(sys.argv[2])) as png:
    read_all([jpeg, png])  # what is loaded but once is, now
    sys.addaudithook(watch)
    is_watching = True
    read_all([jpeg, png])
    is_watching = False
open(sys.argv[1], "rb").close()
is_watching = True
open(sys.argv[1], "rb").close()
is_watching = False
print(told[:-1], told[-1][0], sep="\\n")
"""


def test_neither_a_sidecar_nor_the_xmp_in_a_picture_has_anything_opened_or_asked(tmp_path: Path) -> None:
    """Nor its DOCTYPE, whatever that names. That the last opening is seen is a check of the check."""
    for name, kind in (("a.jpg", "JPEG"), ("a.png", "PNG")):
        text = PngImagePlugin.PngInfo()
        for xmp in (BROKEN["a file"][0], BROKEN["a web page"][0]):
            text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options: dict[str, Any] = {"xmp": BROKEN["laughs"][0]} if kind == "JPEG" else {"pnginfo": text}
        Image.new("L", (64, 48)).save(tmp_path / name, kind, **options)
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, tmp_path / "a.jpg", tmp_path / "a.png"],
        check=False, capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert (done.stdout.splitlines(), done.stderr) == (["[]", "open"], "")


def test_a_sidecar_that_may_be_whole_in_a_moment_gets_another_try_and_no_other_does() -> None:
    for kind, (content, message) in BROKEN.items():
        with pytest.raises(SidecarError) as error:
            Xmp(content, "a.xmp")
        assert (RETRY.decide(1, error.value) is None) == ("is damaged" not in message), kind
