"""A Flask program with the queue and its worker inside: python flask_host.py [PORT]."""

import sys
from typing import Any

from flask import Flask, request

from junmai_jobs import JobQueue
from junmai_jobs.manager import JobQueueManager

app = Flask(__name__)
jobs = JobQueue()
manager = JobQueueManager(jobs)


@app.post("/queue/submit")
def submit() -> dict[str, Any]:
    """Have a photo of the catalog processed, before all that nobody waits for."""
    photo_id = request.get_json()["photo_id"]
    return {"task_id": manager.submit_photo_processing(photo_id, user_requested=True)}


@app.get("/queue/status/<path:task_id>")
def status(task_id: str) -> dict[str, Any]:
    """PENDING, STARTED, RETRY, SUCCESS, FAILURE or REVOKED, and the result or the error."""
    return manager.get_job_status(task_id)


@app.get("/queue/stats")
def stats() -> dict[str, Any]:
    """How much waits, runs and has ended."""
    return manager.get_queue_stats()


@app.errorhandler(ValueError)
def refuse(error: ValueError) -> tuple[dict[str, str], int]:
    """Answer for a photo that is not in the catalog."""
    return {"error": str(error)}, 404


if __name__ == "__main__":
    with jobs.worker(concurrency=3):
        app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5100)
