"""The benchmark of the check has jobs in every state, in which there is nothing to be found."""

from __future__ import annotations

from benchmarks import doctor
from benchmarks.ground import ground

JOBS = 2000
STATES = {"succeeded", "failed", "cancelled", "queued", "scheduled", "retrying", "running", "blocked"}


def test_the_check_is_measured() -> None:
    with ground() as on:
        doctor.fill(on, JOBS)
        counts = on.inspector.stats()["jobs_by_status"]
        found = doctor.measure(on)
    assert {state for state in STATES if counts[state]} == STATES - {"cancelled"}
    assert found["jobs"] >= JOBS
    assert found["violations"] == []
    assert found["calls"] > JOBS // 40
    assert found["processor_us"]["median"] > 0
    assert found["client_beside_us"]["median"] > 0
