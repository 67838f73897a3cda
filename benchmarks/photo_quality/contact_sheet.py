"""How large the contact sheet of a session is, how long it takes, and how soon a browser shows it.

    python -m benchmarks.photo_quality.contact_sheet [--photos 200 1000 5000] [--json FILE]

The photos are cut at random (seed 8) out of the scenes of ``tests.photographs``; four of ten are in groups of
five. Each session is written by a process of its own, which must stay below 200 MB; its CPU time is told, and
the time until Chromium shows the beginning of the page, and until it has loaded the whole.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import Line, none_of
from junmai_jobs import contact_sheet
from junmai_jobs.catalog import Catalog, GroupRow
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.pictures.thumbnail import thumbnail
from junmai_jobs.report import Report
from tests.browser import browser
from tests.photographs import scenes

FIRST_PAINT = """
    new Promise(done => new PerformanceObserver(
        list => list.getEntriesByName('first-contentful-paint').forEach(paint => done(paint.startTime))
    ).observe({type: 'paint', buffered: true}))
"""
SEED, MOST_MEMORY = 8, 200  # MB
SCORES = ("focus_score", "exposure_score", "composition_score", "noise_score", "compression_score")
_EXIF = {
    "camera": dict.fromkeys(("make", "model", "lens")),
    "settings": dict.fromkeys(("focal_length", "aperture", "shutter_speed", "iso")),
    "location": dict.fromkeys(("latitude", "longitude")),
    "context_hints": {"subject_type": None},
}


def fill(catalog: Catalog, folder: Path, photos: int) -> tuple[int, list[Path]]:
    """Put a session with so many photos into a catalog; return its id and their paths."""
    dice = np.random.default_rng(SEED)
    pictures = [load_color(scene, 1500) for scene in scenes()]
    paths = [folder / f"card {number // 500}" / f"IMG_{number:04}.JPG" for number in range(photos)]
    session = catalog.session(str(folder), folder)
    for number, (path, photo_id) in enumerate(catalog.photo_ids(session, paths).items()):
        scores = dict(zip(SCORES, dice.uniform(1, 5, len(SCORES)).tolist(), strict=True))
        taken = {"capture_time": f"2026-05-09T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"}
        quality = {"quality": scores, "overall_score": sum(scores.values()) / len(SCORES)}
        catalog.record_result(
            photo_id,
            exif=_EXIF | {"datetime": taken},
            quality=quality,
            context="golden_hour",
            sha256=path.name,
        )
        catalog.record_look(path.name, thumbnail(_cut(pictures[number % len(pictures)], dice)), None)
    groups = [
        GroupRow(tuple(paths[at : at + 5]), paths[at], "Sharpest of 5.")
        for at in range(0, photos * 2 // 5, 5)
    ]
    ids = catalog.photo_ids(session, paths)
    catalog.record_groups(session, groups, [ids[group.pick] for group in groups], "")
    return session, paths


def _cut(picture: Image.Image, dice: np.random.Generator) -> Image.Image:
    share = dice.uniform(0.5, 1)
    width, height = int(picture.width * share), int(picture.height * share)
    left, top = int(dice.integers(picture.width - width + 1)), int(dice.integers(picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))


def written(home: Path, session: int, paths: list[Path]) -> dict[str, Any]:
    """Write the sheet in this process, and measure."""
    with Catalog(home / "catalog.db") as catalog:
        begin = time.process_time()
        row = catalog.session_row(session)
        assert row is not None
        report = Report(
            session_id=session, photos=len(paths), succeeded=len(paths), failed=0, picks=[], failures=[],
            groups=catalog.groups(session), started=0,
        )  # fmt: skip
        file = contact_sheet.usual_file(home, row.import_folder, session)
        contact_sheet.write(file, catalog, row.import_folder, report, paths)
        seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"seconds": seconds, "bytes": file.stat().st_size, "peak": peak, "file": str(file)}


def measured(photos: int) -> dict[str, Any]:
    """Fill a catalog, have the sheet written by another process, and open it in a browser."""
    with tempfile.TemporaryDirectory() as home:
        with Catalog(Path(home, "catalog.db")) as catalog:
            session, _ = fill(catalog, Path(home, "A day in May"), photos)
        command = [sys.executable, "-m", __spec__.name, "--write", home, str(session)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        page = Path(found.pop("file"))
        with browser(Path(home, "profile"), patience=600) as tab:
            begin = time.perf_counter()
            tab.look_at(page, 1600)
            found["opened"] = time.perf_counter() - begin
            found["seen"] = tab.say(FIRST_PAINT) / 1000
            begin = time.perf_counter()
            tab.say('document.querySelector("[value=best]").click(); document.body.offsetHeight')
            found["sorted"] = time.perf_counter() - begin
            found["complaints"] = tab.complaints
    return {"photos": photos, **found}


def shown(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each session."""
    heads = ("photos", "CPU time", "size", "a photo", "memory", "seen after", "whole after", "sorted in")
    table = Table(*heads, title="The contact sheet")
    for row in rows:
        table.add_row(
            f"{row['photos']:,}", f"{row['seconds']:.1f} s", f"{row['bytes'] / 1e6:.1f} MB",
            f"{row['bytes'] / row['photos'] / 1e3:.1f} kB", f"{row['peak'] / 1e6:.0f} MB",
            f"{row['seen']:.1f} s", f"{row['opened']:.1f} s", f"{row['sorted']:.2f} s",
        )  # fmt: skip
    return table


def lines(rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What must be so, and whether it is."""
    return [
        line
        for row in rows
        for line in (
            Line(
                name=f"{row['photos']:,} photos: MB of memory",
                figure=row["peak"] / 1e6,
                most=MOST_MEMORY,
                form=".0f",
            ),
            none_of(f"{row['photos']:,} photos: complaints of the browser", len(row["complaints"])),
        )
    ]


def main() -> int:
    """Measure, and show it; 1 where a bound is not met."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--photos", type=at_least(1), nargs="+", default=[200, 1000, 5000], metavar="N")
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.write:
        home, session = Path(chosen.write[0]), int(chosen.write[1])
        with Catalog(home / "catalog.db") as catalog:
            paths = [row.path for row in catalog.photos(session)]
        print(json.dumps(written(home, session, paths)))
        return 0
    rows = [measured(photos) for photos in chosen.photos]
    Console().print(shown(rows))
    return evaluation.concluded(lines(rows), {"sessions": rows}, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
