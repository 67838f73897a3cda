"""What somebody looks at runs at once: batch work steps aside once it has kept a step, and goes on later."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from junmai_jobs import JobQueue
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal


def test_batch_work_steps_aside_at_its_next_checkpoint_and_does_no_step_twice(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    batch = jobs.submit_many(tasks.work_through, [(str(journal), str(release))] * 3)
    lost = jobs.submit_many(tasks.quick.with_options(priority=0), [(number,) for number in range(5)])
    start_worker(slots=2)
    journal.wait_for(2)

    jobs.boost(lost[-1].id)
    assert lost[-1].result(timeout=60) == 4

    assert [handle.status for handle in lost[:-1]] == ["queued"] * 4
    wait_until(lambda: sum(each.status == "running" for each in batch) == 2, what="both to go on")
    release.touch()
    steps = {handle.id: handle.result(timeout=60) for handle in batch}
    done = Counter(
        (job, event)
        for event, _, _, job, *_ in map(str.split, Path(journal).read_text("utf-8").splitlines())
        if event.startswith("step-")
    )
    assert done == Counter((job, f"step-{number}") for job in steps for number in range(steps[job]))
    told = [handle.job() for handle in batch]
    assert [(job.attempt, job.retry_count) for job in told] == [(1, 0)] * 3
    assert "released" in [entry["event"] for job in told for entry in job.history]
    assert sum(steps.values()) > 0
