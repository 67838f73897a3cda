"""A Flask program whose import starts its worker, with a task of its own: for gunicorn with --preload."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Flask

from junmai_jobs import JobQueue, current_job, task

app = Flask(__name__)
jobs = JobQueue()


@task
def record(journal: str) -> int:
    with Path(journal).open("a", encoding="utf-8") as file:
        file.write(f"{current_job().id}\n")
    return os.getpid()


@app.post("/<path:journal>")
def submit(journal: str) -> dict[str, Any]:
    return {"id": jobs.submit(record, f"/{journal}").id, "pid": os.getpid()}


jobs.worker(concurrency=1, grace=1).start()
