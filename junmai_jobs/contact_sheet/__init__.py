"""The contact sheet of a session: one HTML page, with all of it inside, to be looked through."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from junmai_jobs.catalog import Catalog, PhotoRow
from junmai_jobs.files import aside, make_private_folder, may_become, private, put_in_place
from junmai_jobs.photo.errors import PhotoError, shown, spelt
from junmai_jobs.photo.taste.traits import Leaning
from junmai_jobs.report import Pick, Report, sentence

FOLDER = "contact-sheets"

_HEAD = b"<!doctype html>\n<!-- Junmai Jobs: contact sheet -->\n"
_MOST_OF_NAME = 50  # characters
_PIECE = 2**20  # characters that are written at a time
_NO_CONTEXT = "default"
_SUFFIXES = {".html", ".htm"}


def usual_file(home: Path, folder: Path, session_id: int) -> Path:
    """Where the contact sheet of a session goes that nobody named a place for."""
    name = re.sub(r"[^\w-]+", "-", folder.name).strip("-")[:_MOST_OF_NAME]
    return home / FOLDER / f"{name or 'photos'}-{session_id}.html"


def checked_file(file: Path) -> Path:
    """The whole path of a file that may become a contact sheet.

    Raises:
        PhotoError: it may not: no HTML by its name, no folder there, or something that is no contact sheet.
    """
    if file.suffix.lower() not in _SUFFIXES:
        raise PhotoError(f"{shown(file)} is no name for a contact sheet: let it end in .html")
    if not file.parent.is_dir():
        raise PhotoError(f"the folder of {spelt(file)} is not there: make it first")
    if not may_become(file, _HEAD):
        raise PhotoError(f"{spelt(file)} is there and no contact sheet: choose another name")
    return file.absolute()


def write(file: Path, catalog: Catalog, folder: Path, report: Report, photos: Sequence[Path]) -> None:
    """Write the contact sheet of a session, in one step and for this user alone.

    Args:
        file: where it goes; a missing folder is made.
        catalog: what is known of the photos, and their thumbnails.
        folder: the session's; the photos are named as they lie in it.
        report: what has become of them.
        photos: those of the session that are in its folder now.

    Raises:
        PhotoError: something that is no contact sheet has come there meanwhile, see ``checked_file``.
        OSError: it cannot be written; what was there before is there still.
    """
    wanted = set(photos)
    completed = [row for row in catalog.results(report.session_id) if row.path in wanted]
    leanings = catalog.leanings(row.id for row in completed)
    page = _Page(folder, report, completed, leanings, catalog.thumbnail)
    make_private_folder(file.parent)
    with aside(file) as made:
        with open(made, "xb", opener=private) as written:
            written.write(_HEAD)
            written.writelines(piece.encode("utf-8", "replace") for piece in _gathered(page.html()))
        put_in_place(made, file, last_look=lambda: _claim(file))


def _claim(file: Path) -> None:
    """Make sure that what is to be replaced is ours: where nothing is, begin a contact sheet."""
    try:
        with open(file, "xb", opener=private) as made:
            made.write(_HEAD)
    except FileExistsError:
        checked_file(file)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A photo as the page shows it."""

    row: PhotoRow
    name: str
    score: float
    bars: Sequence[tuple[str, float]]
    why: str
    facts: Sequence[str]
    """What else is known of it, in a few words each."""

    @property
    def is_pick(self) -> bool:
        return self.row.is_pick

    @property
    def taken(self) -> str:
        """When, by the camera's clock: 2026-05-09 09:14; empty if that is not known."""
        return (self.row.capture_time or "")[:16].replace("T", " ")


@dataclass(frozen=True, slots=True)
class _Alike:
    """A group: the one to keep, why that one, and the others, the best of them first."""

    pick: _Shown
    others: Sequence[_Shown]
    reason: str


@dataclass(frozen=True)
class _Page:
    folder: Path
    report: Report
    rows: Sequence[PhotoRow]
    leanings: Mapping[int, Leaning]
    thumbnail_of: Callable[[int], bytes | None]

    def html(self) -> Iterator[str]:
        """The page in pieces; only one thumbnail at a time is made ready."""
        environment = Environment(loader=PackageLoader(__name__, ""), autoescape=True, trim_blocks=True,
                                  lstrip_blocks=True)  # fmt: skip
        style, script = (Markup(_own(name)) for name in ("page.css", "page.js"))  # noqa: S704 - our own
        return environment.get_template("page.html").generate(
            title=spelt(Path(self.folder.name or self.folder)),
            policy=_policy(style, script),
            style=style,
            script=script,
            photos=self.report.photos,
            picks=sum(row.is_pick for row in self.rows),
            days=self._days,
            groups=self._groups,
            singles=[each for each in self._photos.values() if each.row.id not in self._grouped],
            failures=[(self._name(Path(each.path)), each.error) for each in self.report.failures],
            picture=self._picture,
        )

    @cached_property
    def _photos(self) -> dict[Path, _Shown]:
        """In the order they were taken in."""
        given = {pick.path: pick for pick in self.report.picks}
        made = (self._shown(row, given.get(str(row.path))) for row in self.rows)
        ordered = sorted(made, key=lambda each: (each.row.capture_time or "9999", each.name))
        return {each.row.path: each for each in ordered}

    def _shown(self, row: PhotoRow, pick: Pick | None) -> _Shown:
        parts = (("Focus", row.focus_score), ("Exposure", row.exposure_score),
                 ("Composition", row.composition_score), ("Low noise", row.noise_score),
                 ("Low loss", row.compression_score))  # fmt: skip
        faces = row.detected_faces or 0
        facts = (
            f"{faces} face{'s' * (faces > 1)}" if faces else "",
            (row.context_tag or _NO_CONTEXT).replace("_", " ").removeprefix(_NO_CONTEXT),
            f"preset {pick.preset}" if pick and pick.preset else "",
            "already edited" if pick and pick.sidecar == "already_edited" else "",
        )
        leaning = self.leanings[row.id]
        return _Shown(
            row, self._name(row.path), min(5.0, max(1.0, (row.ai_score or 0.0) + leaning.points)),
            [(label, score) for label, score in parts if score is not None],
            f"{sentence(replace(row, pick_reason=None))} {leaning}".rstrip(),
            [fact for fact in facts if fact],
        )  # fmt: skip

    @cached_property
    def _groups(self) -> list[_Alike]:
        groups = []
        for group in self.report.groups:
            members = [self._photos[path] for path in group.photos if path in self._photos]
            pick = self._photos.get(group.pick)
            if pick is not None and len(members) > 1:
                others = sorted((each for each in members if each is not pick), key=lambda each: -each.score)
                groups.append(_Alike(pick, others, group.reason))
        return sorted(groups, key=lambda each: (each.pick.row.capture_time or "9999", each.pick.name))

    @cached_property
    def _grouped(self) -> set[int]:
        return {each.row.id for group in self._groups for each in (group.pick, *group.others)}

    @property
    def _days(self) -> str:
        """The first and the last day on which a photo was taken."""
        days = sorted({each.taken[:10] for each in self._photos.values() if each.taken})
        return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""

    def _name(self, path: Path) -> str:
        return spelt(path.relative_to(self.folder) if path.is_relative_to(self.folder) else path)

    def _picture(self, photo: _Shown) -> Markup | None:
        """A thumbnail as the address of an image; None of a photo whose looks the catalog has not kept."""
        found = self.thumbnail_of(photo.row.id)
        if found is None:
            return None
        return Markup("data:image/webp;base64," + base64.b64encode(found).decode())  # noqa: S704 - no markup


def _own(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """What a browser may do with the page (CSP level 3): run our script, use our style, show its images."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    style_hash, script_hash = hashes
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; "
        f"script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
    )


def _gathered(pieces: Iterator[str]) -> Iterator[str]:
    """The same text in fewer, larger pieces."""
    kept: list[str] = []
    size = 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size > _PIECE:
            yield "".join(kept)
            kept, size = [], 0
    yield "".join(kept)
