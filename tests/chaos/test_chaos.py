"""Workers, the line and the server killed under load; ``make chaos`` does so with four times the jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.chaos import JOBS, run
from tests.chaos.faults import LINE, REDIS, WORKER, line_fault
from tests.proxy import Mode


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_ended_twice(tmp_path: Path) -> None:
    found = run(tmp_path, count=JOBS // 4, seed=7)
    assert found["ok"], json.dumps(found, indent=2)
    assert found["child_kills"] + found["worker_kills"] >= 50
    assert found["redis_kills"] >= 3
    assert found["scrapes"] >= 10, "what they have counted is compared with the audit"
    expected = {*WORKER, *REDIS, *LINE, *map(line_fault, Mode), "replies_lost_by_proxy"}
    assert {name for name in expected if found.get(name, 0) > 0} == expected
