"""How long it takes to export very many jobs and to import them again, and what that costs the server.

python -m benchmarks.keeping [--jobs 1000000] [--json]

A server of its own. One job in ten has succeeded with a result, the others wait.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

from benchmarks.command import at_least, run_main
from benchmarks.ground import NAMESPACE, QUEUES, Figures, Ground, ground
from benchmarks.stage import memory_folder
from junmai_jobs import endings
from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink
from junmai_jobs.inspector.keeping import InspectorKeeping
from junmai_jobs.keeping import export_to, import_from, write_file

_AHEAD = 50
_CALLS = 400
RESULT = b"\xd9\x40" + b"x" * 64


def fill(on: Ground, jobs: int) -> None:
    """Submit so many, and have one in ten succeed."""
    on.add(jobs)
    held: list[Any] = []
    for number in count(1):
        ended = [(job, endings.succeed(RESULT)) for job in held]
        step = on.broker.step("w/1", f"1.{number}", QUEUES, ended, ahead=_AHEAD)
        held = step.jobs
        if on.client.zcard(on.keys.succeeded) >= jobs // 10 or not held:
            on.broker.release("w/1", f"1.{number + 1}")
            return


@contextmanager
def figures(on: Ground, row: dict[str, Any]) -> Iterator[None]:
    """Note what the block takes: seconds, those of a processor here and in the server, memory here."""
    began, here, there = time.monotonic(), time.process_time(), on.processor()
    yield
    row["seconds"] = round(time.monotonic() - began, 1)
    row["client_cpu_s"] = round(time.process_time() - here, 1)
    row["server_cpu_s"] = round((on.processor() - there) / 1e9, 1)
    row["client_peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(jobs: int) -> list[dict[str, Any]]:
    """Export to a compressed file, and import from it into another namespace; then single calls."""
    with ground() as on, tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        fill(on, jobs)
        file = Path(folder) / "jobs.jsonl.gz"
        link = ClientLink(on.server)
        inspector, copy = InspectorKeeping(link, NAMESPACE), Broker(link, "copy")
        rows: list[dict[str, Any]] = [{"name": "export"}, {"name": "import"}]
        with figures(on, rows[0]):
            told = write_file(
                file, lambda out: export_to(out, on.broker, inspector, NAMESPACE, lambda *_: None)
            )
        rows[0] |= {"jobs": told.jobs, "file_mib": file.stat().st_size // 2**20}
        with figures(on, rows[1]), file.open("rb") as source:
            back = import_from(source, copy, lambda *_: None)
        rows[1]["jobs"] = back.jobs
        return rows + [asdict(each) for each in blocking(on, inspector)]


def blocking(on: Ground, inspector: InspectorKeeping) -> Iterator[Figures]:
    """What single calls take: of 400 pages, and of an import's last call."""
    pages, found, other = list(islice(inspector.job_ids(), _CALLS)), [], Broker(on.broker.link, "other")

    def extract(page: list[bytes]) -> None:
        found.append(list(chain.from_iterable(on.broker.extract(page))))

    yield from on.scripts("extract", [partial(extract, page) for page in pages])
    other.stage("one")
    yield from on.scripts("restore", [partial(other.restore, "one", "jobs", each) for each in found])
    yield from on.scripts("adopt", [partial(other.adopt, "one")])


def main() -> None:
    """Print a line for each, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--jobs", type=at_least(100), default=1_000_000)
    options = parser.parse_args()
    rows = measure(options.jobs)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(", ".join(f"{name} {value:,}" if name != "name" else value for name, value in row.items()))


if __name__ == "__main__":
    run_main(main)
