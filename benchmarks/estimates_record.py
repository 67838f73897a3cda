"""Real photo tasks on real photographs, and what each run took: the recording of ``benchmarks.estimates``.

The views of towns that the tests have, as four cameras would have taken them: each in its size and with its
EXIF. Two processes claim the jobs from a queue and run them as a worker's child does.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.stage import memory_folder
from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.errors import QueueFull
from junmai_jobs.estimates import Window
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.learning import Learning
from junmai_jobs.task import Task
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import analyze_exif, evaluate_quality, process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.photographs import scenes
from tests.servers import RedisProcess

SLOTS = 2
_CAMERAS = {"r_canon.jpg": 12, "r_sony.jpg": 20, "r_pana.jpg": 6, "r_olympus.jpg": 3}
"""Whose EXIF is taken, and how many megapixels."""
_TASKS: dict[Task[..., Any], int] = {process_photo: 4, evaluate_quality: 2, export_photo: 1, analyze_exif: 3}
"""And how often each runs beside the others."""


class Ran(NamedTuple):
    """A run: what it was, and what it took."""

    task: str
    kind: str
    device: str
    seconds: float
    memory: int
    """Bytes; 0: not measured."""


class _Told:
    """Is told what a run took, in the place of the server."""

    def __init__(self) -> None:
        self.runs: list[Ran] = []

    def learn(self, request: str, lessons: Iterable[tuple[str, bytes]], *, most: int) -> None:  # noqa: ARG002
        name, data = next(iter(lessons))
        window = Window.of(data)
        task, kind, device = name.split("|")
        memory = int(window.memory[0]) if window.memory else 0
        self.runs.append(Ran(task, kind, device, window.seconds[0], memory))


def write(path: Path, runs: Sequence[Ran]) -> None:
    """Keep a recording, one run a line."""
    kinds = list(dict.fromkeys(run[:3] for run in runs))
    rows = ((kinds.index(run[:3]), round(run.seconds, 5), run.memory // 1024) for run in runs)
    lines = (json.dumps(each, separators=(",", ":")) for each in (kinds, *rows))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def read(path: Path) -> list[Ran]:
    """A recording."""
    kinds, *rows = map(json.loads, path.read_text("utf-8").splitlines())
    names = [tuple(map(str, each)) for each in kinds]
    return [Ran._make((*names[kind], seconds, memory * 1024)) for kind, seconds, memory in rows]


def record(count: int) -> list[Ran]:
    """Run so many jobs and tell of those that succeeded, in the order in which they ended."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        os.environ |= {
            "JUNMAI_HOME": str(Path(name, "home")),
            "JUNMAI_CACHE_ENTRIES": "0",
            "OPENBLAS_NUM_THREADS": "1",
            "OPENCV_FOR_THREADS_NUM": "1",
        }
        (shoot := Path(name, "shoot")).mkdir()
        photos = list(_photographs(shoot))
        with Catalog(load_config().home / CATALOG_FILE) as catalog:
            ids = list(catalog.photo_ids(catalog.session("shoot", shoot), photos).items())
        (redis := Path(name, "redis")).mkdir()
        server = RedisProcess(redis).start()
        try:
            with contextlib.closing(JobQueue(server.url)) as jobs:
                chance = random.Random(7)
                chosen = chance.choices(list(_TASKS), list(_TASKS.values()), k=count)
                for task in chosen:
                    path, photo_id = chance.choice(ids)
                    jobs.submit(
                        task.with_options(queue="default", priority=5), **_arguments(task, photo_id, path)
                    )
            with ProcessPoolExecutor(SLOTS, mp_context=get_context("spawn")) as pool:
                parts = list(pool.map(_work, [server.url] * SLOTS, range(SLOTS)))
        finally:
            server.stop()
    return [ran for _, ran in sorted(row for part in parts for row in part)]


def _arguments(task: Any, photo_id: int, path: Path) -> Mapping[str, Any]:
    if task is export_photo:
        return {"photo_id": photo_id, "destination": str(path.parent.parent / "exports")}
    return {"photo_id": photo_id, "path": str(path)}


def _photographs(folder: Path) -> Iterator[Path]:
    """Three of each camera, of different views."""
    from PIL import Image  # noqa: PLC0415

    views = scenes()
    for camera, megapixels in _CAMERAS.items():
        with Image.open(views[0].parent / camera) as one:
            exif = one.info["exif"]
        for number, view in enumerate(views[:3]):
            with Image.open(view) as picture:
                scale = math.sqrt(megapixels * 1e6 / (picture.width * picture.height))
                size = (round(picture.width * scale), round(picture.height * scale))
                made = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
            made.save(path := folder / f"{number}-{camera}", quality=92, exif=exif)
            yield path


def _work(url: str, slot: int) -> list[tuple[float, Ran]]:
    """Claim jobs and run them till there are none; when each ended, and what it took."""
    import time  # noqa: PLC0415

    told, ended, took = _Told(), list[tuple[float, Ran]](), dict[str, float]()
    learning = Learning(told)  # type: ignore[arg-type]
    with contextlib.closing(JobQueue(url)) as jobs, contextlib.suppress(QueueFull):
        number = 0
        while job := jobs.broker.claim(f"recorder/{slot}", f"1.{number}", ["default"]):
            number += 1
            assignment = prepare(job)
            if not isinstance(assignment, Assignment):
                raise TypeError(f"{job.id} cannot be run: {assignment}")
            name = assignment.task.name
            learning.begin(assignment, took.get(name, 1.0))
            began = time.monotonic()
            ending = execute(assignment, jobs.broker)
            took[name] = time.monotonic() - began
            learning.end(assignment, ending, took[name])
            learning.tell()
            if ending is None or ending.verb != "succeed":
                raise RuntimeError(f"{name} did not succeed: {ending}")
            ended += [(time.time(), ran) for ran in told.runs]
            told.runs.clear()
            jobs.broker.end(job, ending)
    return ended
