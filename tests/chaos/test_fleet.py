"""The fleet itself: it tells a worker that fell from one that was killed."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from tests.chaos.fleet import Fleet
from tests.servers import RedisProcess

if TYPE_CHECKING:
    from pathlib import Path

KILLED = "kill -9 $$"
WITHOUT_SERVER = "exit 69"
FALLEN = "exit 3"
FALLEN_WHEN_UP = "echo worker host:$$:1 >>workers.log; exit 69"


def test_who_falls_is_noted(tmp_path: Path) -> None:
    fleet = Fleet(RedisProcess(tmp_path), tmp_path, ports=())
    fleet.log.touch()
    ends = [KILLED, FALLEN, WITHOUT_SERVER, FALLEN_WHEN_UP]
    fleet.workers = [subprocess.Popen(["sh", "-c", end], cwd=tmp_path) for end in ends]
    for worker in fleet.workers:
        worker.wait(60)
    fleet.workers.append(subprocess.Popen(["sleep", "60"]))
    assert fleet.stop() == [-signal.SIGTERM]
    assert fleet.fell == [3, 69]
