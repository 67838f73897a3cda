"""The contact sheet: what a browser shows of it, that it keeps to itself, and where it is written."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.photo_quality.contact_sheet import measured
from junmai_jobs import contact_sheet
from junmai_jobs.catalog import Catalog
from junmai_jobs.demo.bursts import make_burst
from junmai_jobs.photo.errors import PhotoError, spelt
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.pictures.icc import profile_of
from junmai_jobs.photo.pictures.thumbnail import thumbnail
from junmai_jobs.report import Report
from junmai_jobs.tasks.photos import process_photo
from tests.browser import Browser, browser
from tests.command_line import CommandLine, home_with_server
from tests.photographs import scenes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forks import Forks

NAMES = (
    b"<img src=x onerror='window.hacked=1'>.jpg", b'"onmouseover="window.hacked=1.jpg', b"a<!--.jpg",
    b"&amp;{{ 7 * 7 }}{% raw %}.jpg", b"two\nlines\x07\x1b[31m.jpg", b"\xff\xfe.jpg", "שָׁלוֹם.jpg".encode(),
    "\u202egpj.exe.jpg".encode(), b"n" * 250 + b".jpg", b"x<" + os.fsencode(os.sep) + b"script>.jpg",
)  # fmt: skip
"""What must show as it is called, and do nothing; the last one is in a folder."""
FAILING = {"cut off.jpg": "cut off, its end is missing", "<b>empty<hr>.jpg": "is empty (0 bytes)"}
SHOWN = "[...document.querySelectorAll('.photo')].filter((each) => each.checkVisibility())"
TOO_PALE = """(() => {
  const dot = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const levels = (color) => {
    dot.clearRect(0, 0, 1, 1); dot.fillStyle = color; dot.fillRect(0, 0, 1, 1);
    return [...dot.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => levels(color).slice(0, 3)
    .map((level) => level / 255)
    .map((share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4)
    .reduce((sum, share, channel) => sum + share * [0.2126, 0.7152, 0.0722][channel], 0);
  const behind = (each) => {
    const color = getComputedStyle(each).backgroundColor;
    return levels(color)[3] ? color : behind(each.parentElement);
  };
  const ratio = (each) => {
    const both = [luminance(getComputedStyle(each).color), luminance(behind(each))];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  return [...document.body.querySelectorAll("*:not(script)")]
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((each) => each.checkVisibility() && ratio(each) < 4.5)
    .map((each) => each.outerHTML.slice(0, 100));
})()"""
"""The elements whose text has less contrast to what is behind it than WCAG 2.2 wants at level AA."""


def process(cli: CommandLine, *arguments: str | Path) -> Any:
    """What it says; some photos fail."""
    return cli.json("process", *arguments, code=1)


@contextmanager
def processed(folder: Path, photos: list[Path]) -> Iterator[tuple[Catalog, Report]]:
    """A catalog in which these photos of the folder are, and the report on them."""
    with Catalog(folder / "catalog.db") as catalog:
        session = catalog.session("s", folder)
        for path, photo_id in catalog.photo_ids(session, photos).items():
            process_photo(photo_id, path, catalog=folder / "catalog.db")
        count = len(photos)
        report = Report(session_id=session, photos=count, succeeded=count, failed=0, groups=[], picks=[],
                        failures=[], started=count)  # fmt: skip
        yield catalog, report


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bursts, photos whose names are traps, one alone, and two that fail."""
    folder = tmp_path_factory.mktemp("pictures") / "Wedding & <i>May</i>".replace("/", " ")
    for seed in (1, 2):
        make_burst(scenes()[seed], folder / "burst", start=datetime(2026, 5, 9, 14 + seed), seed=seed)  # noqa: DTZ001
    for encoded in NAMES:
        path = folder / os.fsdecode(encoded)
        path.parent.mkdir(exist_ok=True)
        shutil.copy(scenes()[3], path)
    shutil.copy(scenes()[0], folder / "alone.jpg")
    whole = scenes()[3].read_bytes()
    for name, size in zip(FAILING, (len(whole) // 2, 0), strict=True):
        (folder / name).write_bytes(whole[:size])
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Path]:
    with home_with_server(tmp_path_factory.mktemp("sheet") / "home", forks) as home:
        yield home


@pytest.fixture(scope="module")
def cli(home: Path, forks: Forks) -> CommandLine:
    return CommandLine(home, home.parent / "cwd", {"JUNMAI_CONCURRENCY": "2"}, forks)


@pytest.fixture(scope="module")
def report(cli: CommandLine, shoot: Path) -> Any:
    return process(cli, shoot)


@pytest.fixture(scope="module")
def page(report: Any) -> Path:
    return Path(report["contact_sheet"])


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Browser]:
    """Nothing is said on its console, no policy is violated, nothing is asked of any network."""
    chromium.complaints.clear()
    yield chromium
    assert chromium.complaints == []


# ---- in a browser --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_it_can_be_read(tab: Browser, page: Path, width: int, scheme: str) -> None:
    tab.look_at(page, width, scheme=scheme)
    assert tab.say("document.documentElement.scrollWidth") == width
    assert (
        tab.say("getComputedStyle(document.body).backgroundColor")
        == {
            "light": "rgb(246, 246, 244)",
            "dark": "rgb(21, 22, 24)",
        }[scheme]
    )
    assert tab.say(TOO_PALE) == []
    texts = "[...document.querySelectorAll('p, h3, h4, dt, dd')]"
    assert tab.say(f"Math.min(...{texts}.map((each) => parseFloat(getComputedStyle(each).fontSize)))") > 11
    wide = tab.say("document.querySelector('.photo img').getBoundingClientRect().width")
    assert wide > 200


def test_a_page_that_is_too_pale_would_be_found(tab: Browser, tmp_path: Path) -> None:
    pale = tmp_path / "pale.html"
    pale.write_text("<body style='background:#fff'><p style='color:#888'>pale<p style='color:#666'>well")
    assert tab.look_at(pale, 400).say(TOO_PALE) == ['<p style="color:#888">pale</p>']


def test_a_complaint_would_be_heard(tab: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<script>console.error('said')</script><script>oops()</script><img src='http://127.0.0.1:9/x'>"
    )
    tab.look_at(bad, 400)
    assert all(any(word in each for each in tab.complaints) for word in ("said", "oops", "127.0.0.1:9"))
    tab.complaints.clear()


def test_every_photo_is_there_with_its_scores(tab: Browser, page: Path, report: Any, home: Path) -> None:
    tab.look_at(page, 1600)
    with Catalog(home / "catalog.db") as catalog:
        rows = [row for row in catalog.photos(report["session_id"]) if row.status == "completed"]
    seen = tab.say(
        f"{SHOWN}.map((each) => [...each.querySelectorAll('.score, dd')].map((e) => e.textContent))"
    )
    parts = attrgetter(
        "focus_score", "exposure_score", "composition_score", "noise_score", "compression_score"
    )
    assert sorted(seen) == sorted(
        [f"{row.ai_score:.2f}", *(f"{score:.1f}" for score in parts(row))] for row in rows
    )
    assert tab.say("document.querySelectorAll('.photo.pick').length") == len(report["picks"])
    groups = tab.say(
        "[...document.querySelectorAll('.group')].map((each) => [each.querySelectorAll('.photo').length,"
        " each.querySelector('h3 .why').textContent, each.querySelectorAll('.pick h4').length])"
    )
    assert sorted(groups) == sorted([len(each["photos"]), each["reason"], 1] for each in report["groups"])
    said = tab.say("document.querySelector('.summary').innerText")
    assert f"{report['photos']} photos" in said
    assert f"{len(report['picks'])} picks" in said


def test_every_picture_shows(tab: Browser, page: Path) -> None:
    tab.look_at(page, 1600)
    tab.load_pictures()
    sizes = tab.say("[...document.images].map((each) => Math.max(each.naturalWidth, each.naturalHeight))")
    assert set(sizes) == {320}
    assert tab.say(
        "[...document.images].every((each) => each.closest('article').textContent.length > 20 &&"
        " each.alt === `Preview of ${each.closest('article').querySelector('h3, h4').textContent.trim()}`)"
    )


def test_what_failed_is_listed_with_its_reason(tab: Browser, page: Path, report: Any) -> None:
    tab.look_at(page, 400)
    rows = tab.say(
        "[...document.querySelectorAll('.failures li')]"
        ".map((each) => [...each.children].map((e) => e.innerText))"
    )
    assert [name for name, _ in rows] == [Path(each["path"]).name for each in report["failures"]]
    assert all(FAILING[name] in reason for name, reason in rows)


def test_names_are_shown_and_never_obeyed(tab: Browser, page: Path) -> None:
    tab.look_at(page, 1600)
    names = tab.say(
        "[...document.querySelectorAll('.photo :is(h3, h4)')].map((each) => each.textContent.trim())"
    )
    assert {spelt(Path(os.fsdecode(name))) for name in NAMES} <= set(names)
    assert (
        tab.say("window.hacked === undefined && document.querySelectorAll('main img:not(.frame img)').length")
        == 0
    )
    assert tab.say("document.title") == "Wedding & <i>May< i> \N{EN DASH} contact sheet"
    assert tab.say("document.querySelectorAll('h1 bdi').length") == 1


@pytest.mark.parametrize("scripted", [True, False])
def test_filters_work_from_the_keyboard(
    tab: Browser, page: Path, tmp_path: Path, report: Any, *, scripted: bool
) -> None:
    if not scripted:
        silent = tmp_path / "silent.html"
        silent.write_text(
            re.sub(r"<script>.*?</script>", "", page.read_text("utf-8"), flags=re.DOTALL), "utf-8"
        )
        page = silent
    tab.look_at(page, 1600)
    everybody = report["succeeded"]
    assert tab.say(f"{SHOWN}.length") == everybody
    assert tab.say("document.querySelector('#sorting').checkVisibility()") is scripted
    tab.press("Tab", 9)
    assert tab.say("document.activeElement.id") == "all"
    assert tab.say("getComputedStyle(document.activeElement.closest('label')).outlineStyle") == "solid"
    tab.press("ArrowRight", 39)
    assert tab.say(f"[{SHOWN}.length, {SHOWN}.every((each) => each.matches('.pick'))]") == [
        len(report["picks"]),
        True,
    ]
    assert not tab.say("document.querySelector('.failures').checkVisibility()")
    grouped = sum(len(each["photos"]) for each in report["groups"])
    for photos, in_group in ((grouped, True), (everybody - grouped, False)):
        tab.press("ArrowRight", 39)
        assert tab.say(f"[{SHOWN}.length, {SHOWN}.some((each) => each.matches('.group *'))]") == [
            photos,
            in_group,
        ]
        assert not tab.say("document.querySelector('.failures').checkVisibility()")
    tab.press("ArrowRight", 39)
    assert tab.say(f"{SHOWN}.length") == 0
    assert tab.say("document.querySelectorAll('.failures li').length") == len(report["failures"])


def test_they_are_sorted_by_time_or_by_score(tab: Browser, page: Path) -> None:
    tab.look_at(page, 1600)
    in_groups = "[...document.querySelectorAll('.groups > *')].map((each) => +each.dataset.score)"
    alone = "[...document.querySelectorAll('.singles > *')].map((each) => +each.dataset.score)"
    by_time = [tab.say(in_groups), tab.say(alone)]
    for order, falls in (("best", True), ("worst", False)):
        tab.say(f"document.querySelector('[value={order}]').click()")
        assert [tab.say(in_groups), tab.say(alone)] == [sorted(each, reverse=falls) for each in by_time]
    tab.say("document.querySelector('[value=time]').click()")
    assert [tab.say(in_groups), tab.say(alone)] == by_time


def test_light_and_dark_may_be_chosen(tab: Browser, page: Path) -> None:
    tab.look_at(page, 400, scheme="light")
    color = "getComputedStyle(document.body).backgroundColor"
    light = tab.say(color)
    tab.say("document.querySelector('#dark').click()")
    dark = tab.say(color)
    assert dark != light
    tab.look_at(page, 400, scheme="dark")
    assert tab.say(color) == dark
    tab.say("document.querySelector('#bright').click()")
    assert tab.say(color) == light


def test_on_paper_it_is_dark_on_light_and_whole(tab: Browser, page: Path, report: Any) -> None:
    """Browsers leave out backgrounds: what is light on the screen could not be read."""
    tab.look_at(page, 1600, scheme="dark")
    tab.say("document.querySelector('#dark').click()")
    tab("Emulation.setEmulatedMedia", media="print")
    try:
        assert tab.say(TOO_PALE) == []
        assert tab.say("getComputedStyle(document.body).backgroundColor") == "rgb(246, 246, 244)"
        assert not tab.say("document.querySelector('nav').checkVisibility()")
        assert tab.say(f"{SHOWN}.length") == report["succeeded"]
        printed = base64.b64decode(tab("Page.printToPDF")["data"])
        different = tab.say("new Set([...document.images].map((each) => each.src)).size")
        assert printed.count(b"/Subtype /Image") == different > 10  # those that were out of sight, too
    finally:
        tab("Emulation.setEmulatedMedia", media="")


# ---- as a file -----------------------------------------------------------------------------------


def test_nothing_in_it_comes_from_outside(page: Path) -> None:
    text = page.read_text("utf-8")
    assert set(re.findall(r'(?:src|href|action|data|srcset)="([^"]{0,30})', text)) == {
        "data:,", next(each[:30] for each in re.findall(r'src="([^"]+)', text))
    } | {each[:30] for each in re.findall(r'src="(data:image/webp;base64,[^"]+)', text)}  # fmt: skip
    assert not re.search(r"@import|url\(|fetch\(|https?:", text)
    style, script = (re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("style", "script"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert style
    assert script
    assert policy
    hashes = [
        base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode() for found in (style, script)
    ]
    assert policy[1].replace("&#39;", "'") == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )
    assert "\x07" not in text
    assert "\u202e" not in text


def test_it_lies_with_our_own_files_and_is_the_users_alone(
    page: Path, report: Any, home: Path, shoot: Path
) -> None:
    assert page == home / "contact-sheets" / f"Wedding-i-May-i--{report['session_id']}.html".replace(
        "i--", "i-"
    )
    if os.name == "posix":
        assert (page.stat().st_mode & 0o777, page.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not list(shoot.rglob("*.html"))


def test_the_same_session_gives_the_same_page(page: Path, cli: CommandLine, shoot: Path) -> None:
    before = page.read_bytes()
    assert process(cli, shoot)["contact_sheet"] == str(page)
    assert page.read_bytes() == before
    assert list(page.parent.iterdir()) == [page]


def test_another_place_may_be_chosen_or_none(
    report: Any, cli: CommandLine, shoot: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "May.html"
    for _ in range(2):  # the second time it is replaced
        assert process(cli, shoot, "--sheet", elsewhere)["contact_sheet"] == str(elsewhere)
    assert elsewhere.read_bytes() == Path(report["contact_sheet"]).read_bytes()
    assert process(cli, shoot, "--no-sheet")["contact_sheet"] is None
    assert f"contact sheet: {report['contact_sheet']}\n" in cli.run("process", shoot).out
    assert cli.json("process", shoot, "--dry-run")["contact_sheet"] is None


def test_no_other_file_is_ever_replaced(cli: CommandLine, shoot: Path, tmp_path: Path) -> None:
    photo = shoot / "cut off.jpg"
    (notes := tmp_path / "notes.html").write_text("<p>mine")
    (folder := tmp_path / "folder.html").mkdir()
    for file, says in (
        (photo, "let it end in .html"),
        (notes, "is there and no contact sheet"),
        (folder, "is there and no contact sheet"),
        (tmp_path / "none" / "May.html", "make it first"),
    ):
        before = file.read_bytes() if file.is_file() else None
        done = cli.run("process", shoot, "--sheet", file)
        assert (done.code, done.out) == (1, "")
        assert says in done.err
        assert (file.read_bytes() if file.is_file() else None) == before


def test_what_has_come_there_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    photo = Path(shutil.copy(scenes()[0], tmp_path))
    page = contact_sheet.checked_file(tmp_path / "May.html")
    with processed(tmp_path, [photo]) as (catalog, report):
        page.write_text("<p>mine")
        with pytest.raises(PhotoError, match="is there and no contact sheet"):
            contact_sheet.write(page, catalog, tmp_path, report, [photo])
        assert page.read_text() == "<p>mine"
        page.unlink()
        page.symlink_to(tmp_path / "nothing")  # which to a reader is not there
        with pytest.raises(PhotoError, match="is there and no contact sheet"):
            contact_sheet.write(page, catalog, tmp_path, report, [photo])
        page.unlink()
        for _ in range(2):  # where nothing is, and where a contact sheet is
            contact_sheet.write(page, catalog, tmp_path, report, [photo])
    assert photo.name in page.read_text("utf-8")
    assert {each.name for each in tmp_path.iterdir() if each.suffix != ".db"} == {photo.name, "May.html"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "May.html")
    with pytest.raises(PhotoError, match="is there and no contact sheet"):
        contact_sheet.checked_file(tmp_path / "May.html")


def test_a_page_that_cannot_be_written_is_told_and_the_rest_reported(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks
) -> None:
    (tmp_path / "shoot").mkdir()
    shutil.copy(scenes()[3], tmp_path / "shoot")
    with home_with_server(tmp_path_factory.mktemp("other") / "home", forks) as home:
        cli = CommandLine(home, tmp_path / "cwd", forks=forks)
        home.mkdir(mode=0o700, exist_ok=True)
        (home / contact_sheet.FOLDER).write_text("in the way")
        done = cli.run("process", tmp_path / "shoot")
        assert done.code == 0
        assert "The contact sheet" in done.err
        assert "cannot be written" in done.err
        assert done.out.endswith("1 photo: 1 succeeded, 0 failed, 0 groups, 1 pick\n")


# ---- its thumbnails ------------------------------------------------------------------------------


def test_a_photo_without_a_thumbnail_is_not_opened_for_one(tab: Browser, tmp_path: Path) -> None:
    photos = [Path(shutil.copy(scenes()[number], tmp_path / f"{number}.jpg")) for number in range(2)]
    with processed(tmp_path, photos) as (catalog, report):
        with catalog._writing() as db:
            one = "SELECT sha256 FROM photos WHERE file_path LIKE '%1.jpg'"
            db.execute(f"DELETE FROM looks WHERE sha256 = ({one})")  # noqa: S608 - no value in it
        contact_sheet.write(tmp_path / "page.html", catalog, tmp_path, report, photos)
    tab.look_at(tmp_path / "page.html", 400).load_pictures()
    frames = tab.say(
        "[...document.querySelectorAll('.frame')].map((each) => each.innerText.trim()"
        " || each.firstElementChild.naturalWidth > 0)"
    )
    assert sorted(map(str, frames)) == ["No preview", "True"]


def test_thumbnails_are_in_srgb() -> None:
    """Against the matrices of Adobe RGB (1998) and IEC 61966-2-1."""
    adobe = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    srgb = np.array(
        [[3.24063, -1.53721, -0.49863], [-0.96893, 1.87576, 0.04152], [0.05571, -0.20402, 1.05700]]
    )
    color = (120, 150, 110)
    linear = srgb @ adobe @ ((np.array(color) / 255) ** 2.19921875)
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    file = io.BytesIO()
    Image.new("RGB", (600, 400), color).save(file, "PNG", icc_profile=profile_of("AdobeRGB"))
    assert abs(expected - color).max() > 10
    with Image.open(file) as picture, Image.open(io.BytesIO(thumbnail(picture))) as small:
        assert abs(np.asarray(small)[100, 100] - expected).max() < 2.5


def test_the_profile_survives_the_decoding(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2000)).save(tmp_path / "a.jpg", icc_profile=profile_of("AdobeRGB"))
    assert load_color(tmp_path / "a.jpg", 1500).info["icc_profile"] == profile_of("AdobeRGB")


def test_a_larger_session_is_measured() -> None:
    found = measured(20)
    assert (found["photos"], found["complaints"]) == (20, [])
    assert found["bytes"] > 20 * 2000
