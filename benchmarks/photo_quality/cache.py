"""What a photograph costs that was looked at before: ``process_photo`` on it, and on a copy of it elsewhere.

    python -m benchmarks.photo_quality.cache [--photos N] [--width PX] [--json FILE]

The photographs are made here, see ``tests/photo/studio.py``, each another. One process works on them, in a
queue of its own, and takes its own time; after the second turn the catalog is thrown away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import none_of
from benchmarks.stage import memory_folder, stage
from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.photo.studio import take

TURNS = ("first", "a copy", "a copy, in a catalog that is new")
_OF_THE_PHOTO = ("photo_id", "path", "processing_time")
_PATIENCE = 600.0  # s


def measured(photos: int, width: int) -> dict[str, Any]:
    """Have so many photographs of that width (px) processed in each of ``TURNS``."""
    with _home() as home, stage() as on, on.jobs.worker(concurrency=1, governor=False, schedules=False):
        taken = [take(_made(home / "card" / f"{number:03}.jpg"), number, width) for number in range(photos)]
        copies = [Path(shutil.copy(path, _made(home / "backup" / f"of {path.name}"))) for path in taken]
        results = [_processed(on.jobs, home, taken), _processed(on.jobs, home, copies)]
        (home / CATALOG_FILE).unlink()
        results.append(_processed(on.jobs, home, copies))
        counts = on.jobs.cache()
        return {
            "photos": photos,
            "megabytes": round(sum(path.stat().st_size for path in taken) / photos / 1e6, 2),
            "ms": {turn: _milliseconds(found) for turn, found in zip(TURNS, results, strict=True)},
            "alike": [_compared(results[0]) == _compared(found) for found in results],
            "cache": {name: counts[name] for name in ("entries", "bytes", "hits", "misses")},
        }


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """A folder to which JUNMAI_HOME leads, for the tasks; each photograph keeps one core busy."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        os.environ |= {"JUNMAI_HOME": name, "OPENCV_FOR_THREADS_NUM": "1"}
        os.environ.pop("JUNMAI_CACHE_ENTRIES", None)
        try:
            yield Path(name)
        finally:
            os.environ.clear()
            os.environ |= before


def _made(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def _processed(jobs: JobQueue, home: Path, photos: list[Path]) -> list[dict[str, Any]]:
    with Catalog(home / CATALOG_FILE) as catalog:
        ids = catalog.photo_ids(catalog.session(photos[0].parent.name, photos[0].parent), photos)
    handles = jobs.submit_many(process_photo, [(photo_id, str(path)) for path, photo_id in ids.items()])
    return [handle.result(timeout=_PATIENCE) for handle in handles]


def _milliseconds(found: list[dict[str, Any]]) -> float:
    """The median; the first photograph also pays for what is loaded but once."""
    times = [float(result["processing_time"]) for result in found[1:]]
    return round(statistics.median(times) * 1e3, 1)


def _compared(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What must be the same of a copy."""
    return [{name: result[name] for name in result if name not in _OF_THE_PHOTO} for result in found]


def main() -> int:
    """Measure, and show it; 1 where a copy has other results."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--photos", type=at_least(2), default=20, metavar="N")
    parser.add_argument("--width", type=at_least(300), default=6000, metavar="PX")
    chosen = parser.parse_args()
    found = measured(chosen.photos, chosen.width)
    table = Table("process_photo", "ms, median", "same results", title=f"{found['photos']} photographs")
    for (turn, ms), alike in zip(found["ms"].items(), found["alike"], strict=True):
        table.add_row(turn, f"{ms:.1f}", "yes" if alike else "NO")
    Console().print(table)
    Console().print(f"{found['megabytes']} MB each; cache: {found['cache']}", markup=False)
    lines = [none_of("turns with other results", found["alike"].count(False))]
    return evaluation.concluded(lines, found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
