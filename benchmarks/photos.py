"""What a photograph costs, beside OpenCV's gray decode of the same file in the same run.

python -m benchmarks.photos [--json FILE] [--photos N] [--rounds N]

The photographs are made here, see ``tests/photo/studio.py``. The clock counts what else the machine does;
processor time does so less.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.command import at_least, output, run_main
from benchmarks.stage import CHILD, Stage, memory_folder, stage
from benchmarks.tasks import noop, path_of, read_log
from junmai_jobs.catalog import Catalog
from junmai_jobs.photo.develop.contexts import detect
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.groups.grouping import Frame, fingerprint, group
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.faces import find_faces
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import analyze_exif, evaluate_quality, process_photo, record
from junmai_jobs.tasks.recording import CATALOG_FILE
from junmai_jobs.tasks.sessions import apply_preset, group_similar_photos
from tests.photo.studio import MORNING, take

WIDTH = 6000
"""px, of 24 megapixels."""
Ids = dict[Path, int]
Call = Callable[[Path, int], object]
Measured = dict[str, Any]
_WORKER = ("--loglevel", "WARNING", "--no-governor", "--no-schedules", "--no-keep-awake")
_PATIENCE = 600.0  # s


# ---- what is looked at ---------------------------------------------------------------------------


@contextlib.contextmanager
def shoot(count: int, width: int) -> Iterator[Ids]:
    """So many photographs in a catalog of their own, to which JUNMAI_HOME leads; one core a process."""
    before = dict(os.environ)
    threads = cv2.getNumThreads()
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name, threadpool_limits(1):
        os.environ |= {
            "JUNMAI_HOME": str(Path(name, "home")),
            "OPENBLAS_NUM_THREADS": "1",
            "OPENCV_FOR_THREADS_NUM": "1",
            "JUNMAI_CACHE_ENTRIES": "0",
        }
        cv2.setNumThreads(1)
        try:
            (folder := Path(name, "shoot")).mkdir()
            photos = [take(folder / f"{number:03}.jpg", number, width) for number in range(count)]
            with Catalog(_catalog_file()) as catalog:
                ids = catalog.photo_ids(catalog.session("shoot", folder), photos)
            yield ids
        finally:
            os.environ.clear()
            os.environ |= before
            cv2.setNumThreads(threads)


def _catalog_file() -> Path:
    return Path(os.environ["JUNMAI_HOME"], CATALOG_FILE)


def bursts(count: int) -> list[Frame]:
    """So many photographs of a long day, five of each scene: they differ from the first in up to 12 bits."""
    dice, frames = random.Random(0), list[Frame]()
    for number in range(count):
        if number % 5 == 0:
            scene, begin = dice.getrandbits(64), MORNING + timedelta(seconds=dice.randrange(36_000))
        bits = scene ^ sum(1 << bit for bit in dice.sample(range(64), dice.randrange(13)))
        moment, score = begin + timedelta(seconds=number % 5), round(dice.uniform(1, 5), 2)
        frames.append(Frame(number, f"{bits:016x}", moment, score, score, score, score, f"{number:05}.jpg"))
    return frames


# ---- one process ---------------------------------------------------------------------------------


def gray_decode(photo: Path, _: int = 0) -> object:
    """The measure: OpenCV decodes the whole picture to gray."""
    return cv2.imread(str(photo), cv2.IMREAD_GRAYSCALE)


def by_turns(contestants: dict[str, Call], ids: Ids, rounds: int) -> Measured:
    """Each of them on every photo in every round, the order changing."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for call in contestants.values():
        call(*next(iter(ids.items())))  # what is loaded but once is no photo's
    for turn in range(rounds):
        for number, photo in enumerate(ids.items()):
            for name in sorted(contestants, reverse=(turn + number) % 2 == 0):
                times[name].append(_timed(contestants[name], *photo))
    return {name: _figures(each) for name, each in times.items()}


def _timed(call: Callable[..., object], *arguments: object) -> tuple[float, float]:
    """Milliseconds by the clock, and of this process's processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    call(*arguments)
    return (time.perf_counter() - clock) * 1e3, (time.process_time() - processor) * 1e3


def _figures(times: Sequence[tuple[float, float]]) -> Measured:
    clock, processor = zip(*times, strict=True)
    return {
        "ms": round(statistics.median(clock), 2),
        "least": round(min(clock), 2),
        "most": round(max(clock), 2),
        "processor": round(statistics.median(processor), 2),
    }


def whole(ids: Ids, rounds: int) -> Measured:
    """``process_photo`` beside the gray decode."""
    return by_turns(
        {"gray decode": gray_decode, "process_photo": lambda _, photo_id: process_photo(photo_id)},
        ids,
        rounds,
    )


def steps(ids: Ids, rounds: int) -> Measured:
    """The steps of ``process_photo``, each by itself."""
    small = {photo: load_color(photo, WORKING_EDGE) for photo in ids}
    gray = {photo: picture.convert("L") for photo, picture in small.items()}
    found = {photo: process_photo(photo_id) for photo, photo_id in ids.items()}

    def note(photo: Path, _: int) -> None:
        with Catalog(_catalog_file()) as catalog:
            record(catalog, found[photo])

    return by_turns(
        {
            "read, checksum": lambda photo, _: hashlib.sha256(photo.read_bytes()).hexdigest(),
            "EXIF": lambda photo, _: read_exif(photo),
            "decode, reduced": lambda photo, _: load_color(photo, WORKING_EDGE),
            "quality": lambda photo, _: evaluate(small[photo]),
            "faces": lambda photo, _: find_faces(gray[photo]),
            "fingerprint": lambda photo, _: fingerprint(gray[photo]),
            "context": lambda photo, _: detect(found[photo]["exif"], found[photo]["quality"]),
            "catalog": note,
        },
        ids,
        rounds,
    )


def six_tasks(ids: Ids, rounds: int) -> Measured:
    """The tasks on photographs, called as functions."""
    exports = iter(range(sys.maxsize))
    return by_turns(
        {
            "process_photo": lambda _, photo_id: process_photo(photo_id),
            "analyze_exif": lambda _, photo_id: analyze_exif(photo_id),
            "evaluate_quality": lambda _, photo_id: evaluate_quality(photo_id),
            "group_similar_photos": lambda *_: group_similar_photos(1),
            "apply_preset": lambda _, photo_id: apply_preset(photo_id),
            "export_photo": lambda photo, photo_id: export_photo(
                photo_id, destination=photo.parents[1] / "exports" / str(next(exports))
            ),
        },
        ids,
        rounds,
    )


def grouping(ids: Ids, count: int, rounds: int) -> Measured:
    """The grouping of so many photos by itself, and as a task with all that it reads and writes."""
    frames, (photo, photo_id) = bursts(count), next(iter(ids.items()))
    one = process_photo(photo_id)
    folder = photo.parent / "many"
    with Catalog(_catalog_file()) as catalog:
        session = catalog.session("many", folder)
        numbers = catalog.photo_ids(session, [folder / frame.name for frame in frames])
        for frame, each in zip(frames, numbers.values(), strict=True):
            assert frame.captured
            taken = one["exif"] | {"datetime": {"capture_time": frame.captured.isoformat()}}
            record(catalog, one | {"photo_id": each, "fingerprint": frame.fingerprint, "exif": taken})
    return {
        "alone": _figures([_timed(group, frames) for _ in range(rounds)]),
        "task": _figures([_timed(group_similar_photos, session) for _ in range(rounds)]),
    }


# ---- several processes ---------------------------------------------------------------------------


def scaling(on: Stage, ids: Ids, rounds: int) -> Measured:
    """Photos a second of one and of two processes: of a worker, and bare; the order changing."""
    contestants: dict[str, Callable[[int], float]] = {
        "worker": lambda processes: of_worker(on, ids, processes),
        "bare": lambda processes: bare(ids, processes),
    }
    rates: dict[str, list[float]] = {f"{name}, {slots}": [] for name in contestants for slots in (1, 2)}
    for turn in range(rounds):
        for name in sorted(rates, reverse=turn % 2 == 0):
            kind, slots = name.split(", ")
            rates[name].append(round(contestants[kind](int(slots)), 2))
    return rates


def of_worker(on: Stage, ids: Ids, slots: int) -> float:
    """Photos a second of a worker whose children have looked at some before."""
    on.clear()
    rows = [(photo_id, photo) for photo, photo_id in ids.items()]
    with on.process("junmai_jobs", "--redis", on.server.url, "worker", "--concurrency", slots, *_WORKER):
        on.wait_for(CHILD, slots)
        for handle in on.jobs.submit_many(process_photo, (rows * slots)[: 2 * slots]):
            handle.result(timeout=_PATIENCE)
        on.jobs.pause()
        handles = on.jobs.submit_many(process_photo, rows)
        on.jobs.resume()
        for handle in handles:
            handle.result(timeout=_PATIENCE)
    runs = [handle.job() for handle in handles]
    begin, end = min(str(run.started_at) for run in runs), max(str(run.finished_at) for run in runs)
    return len(runs) / (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def bare(ids: Ids, processes: int) -> float:
    """Photos a second of processes without any queue: as much as the machine gives just then."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        numbers = list(ids.values())
        list(pool.map(_process, (numbers * processes)[: 2 * processes]))
        begin = time.perf_counter()
        list(pool.map(_process, numbers))
        return len(numbers) / (time.perf_counter() - begin)


def _process(photo_id: int) -> None:
    process_photo(photo_id)


def milliseconds_of_queue(on: Stage, count: int) -> float:
    """By the clock, for each job that does nothing, of one process."""
    on.clear()
    on.jobs.pause()
    on.jobs.submit_many(noop, ((number, path_of(number)) for number in range(count)))
    with on.worker(1):
        on.jobs.resume()
        on.wait_for_records(count)
    moments = [at for _, at, _ in read_log(on.log)]
    return (max(moments) - min(moments)) / (count - 1) / 1e6


# ---- the report ----------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> Measured:
    with shoot(options.photos, options.width) as ids, stage() as on:
        found: Measured = {
            "photos": {"count": len(ids), "megabytes": [round(each.stat().st_size / 1e6, 1) for each in ids]},
            "load": [round(each, 1) for each in os.getloadavg()],
            "whole": whole(ids, options.rounds),
            "steps": steps(ids, options.rounds),
            "tasks": six_tasks(ids, options.rounds),
            "grouping": grouping(ids, options.frames, options.rounds),
            "rates": scaling(on, ids, options.rounds),
            "queue": round(milliseconds_of_queue(on, options.jobs), 3),
        }
    return found | {"ratios": ratios(found)}


def ratios(found: Measured) -> dict[str, float]:
    rates = {name: statistics.median(each) for name, each in found["rates"].items()}
    ours, measure_of_all = found["whole"]["process_photo"], found["whole"]["gray decode"]
    return {
        "process_photo / gray decode": round(ours["ms"] / measure_of_all["ms"], 2),
        "the same in processor time": round(ours["processor"] / measure_of_all["processor"], 2),
        "two processes of a worker / one": round(rates["worker, 2"] / rates["worker, 1"], 2),
        "two bare processes / one": round(rates["bare, 2"] / rates["bare, 1"], 2),
        "no-op job / job of a photo": round(found["queue"] * rates["worker, 1"] / 1e3, 4),
    }


def show(found: Measured) -> None:
    console = Console()
    for part in ("whole", "steps", "tasks", "grouping"):
        table = Table(part, "ms", "from", "to", "processor ms")
        for name, each in found[part].items():
            table.add_row(name, *(f"{each[key]:,.2f}" for key in ("ms", "least", "most", "processor")))
        console.print(table)
    for name, each in found["rates"].items():
        console.print(f"photos a second, {name}: {statistics.median(each):.2f} ({min(each)} to {max(each)})")
    console.print(
        f"no-op jobs: {found['queue']:.3f} ms each; photos: {found['photos']}; load: {found['load']}"
    )
    for name, ratio in found["ratios"].items():
        console.print(f"{name}: {ratio}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=output, metavar="FILE")
    parser.add_argument("--photos", type=at_least(1), default=12)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--width", type=at_least(8), default=WIDTH, help="px")
    parser.add_argument("--frames", type=at_least(1), default=5000, help="that are grouped")
    parser.add_argument("--jobs", type=at_least(2), default=2000, help="that do nothing")
    options = parser.parse_args(arguments)
    found = measure(options)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    run_main(main)
