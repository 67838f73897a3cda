"""What a worker with nothing to do costs: commands to the server, and time of the processor."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import redis

if TYPE_CHECKING:
    from tests.worker.harness import WorkerProcess


@contextmanager
def commands(url: str) -> Iterator[Counter[str]]:
    """What is sent to the server meanwhile, by command; what scripts do there is not sent."""
    sent: Counter[str] = Counter()
    with (
        redis.Redis.from_url(url, socket_timeout=None) as client,
        client.monitor() as monitor,
    ):  # it waits as long as it takes

        def listen() -> None:
            for line in monitor.listen():
                if line["command"] == "ECHO over":
                    return
                if line["client_type"] != "lua":
                    sent[line["command"].partition(" ")[0]] += 1

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield sent
        finally:
            client.echo("over")
            listener.join()


def processor_percent(worker: WorkerProcess, seconds: float) -> dict[str, float]:
    """What each process of the worker has of one core, for so many seconds from now."""
    family = worker.family()
    before = {each.pid: _nanoseconds(each) for each in family}
    pause = threading.Event()
    began = time.monotonic()
    pause.wait(seconds)
    lasted = time.monotonic() - began
    return {
        f"{each.name()} {each.pid}": (_nanoseconds(each) - before[each.pid]) / lasted / 1e7 for each in family
    }


def _nanoseconds(process: psutil.Process) -> float:
    """On Linux to the nanosecond; elsewhere as exact as the system tells."""
    schedule = Path(f"/proc/{process.pid}/schedstat")
    if schedule.exists():
        # Of the main thread alone; the others are beside it.
        threads = Path(f"/proc/{process.pid}/task").iterdir()
        return float(sum(int((each / "schedstat").read_text().split()[0]) for each in threads))
    times = process.cpu_times()
    return (times.user + times.system) * 1e9
