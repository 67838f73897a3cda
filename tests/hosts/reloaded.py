"""A Flask program under its reloader: python reloaded.py PORT FILE, and a change of FILE reloads it."""

from __future__ import annotations

import os
import sys
from typing import Any

from flask import Flask

from junmai_jobs import JobQueue
from tests.worker import tasks

app = Flask(__name__)
jobs = JobQueue()


@app.post("/<path:journal>")
def submit(journal: str) -> dict[str, Any]:
    return {"id": jobs.submit(tasks.record, f"/{journal}").id, "pid": os.getpid()}


if __name__ == "__main__":
    with jobs.worker(concurrency=1, grace=1):
        port, touched = sys.argv[1:]
        app.run(
            port=int(port),
            debug=True,  # noqa: S201 - it is what people type
            extra_files=[touched],
            exclude_patterns=["*.py"],  # nobody else's work may get in between
            reloader_type="stat",
            reloader_interval=0.2,
        )
