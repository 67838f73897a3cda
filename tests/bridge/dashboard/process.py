"""``junmai-jobs serve`` and its workers, in processes of their own, with a home of their own."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from tests.bridge.dashboard import tasks
from tests.command_line import CommandLine
from tests.homes import in_home
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SILENT = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)


class Bridge:
    """``junmai-jobs serve`` in a process of its own, which can be ended and started again."""

    def __init__(self, home: Path, redis_url: str, roots: list[Path]) -> None:
        home.mkdir(parents=True)
        self.home, self.port = home, free_port()
        (home / "config.json").write_text(json.dumps({"photo": {"roots": [str(root) for root in roots]}}))
        environment = {"JUNMAI_REDIS_URL": redis_url, "PYTHONPATH": str(ROOT), "JUNMAI_TASKS": tasks.__name__}
        self.cli = CommandLine(home, home.parent / "cwd", environment)
        self.jobs = JobQueue(redis_url, config=load_config(environ=in_home(home)))
        self.address = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[str] | None = None
        self._given: set[str] = set()

    def start(self) -> Bridge:
        self._process = self.cli.start("serve", "--port", str(self.port), **SILENT)
        wait_until(self._answers, 60, "the bridge to answer")
        return self

    def _answers(self) -> bool:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except OSError:
                return False

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def code(self) -> str:
        """A one-time code that was not given before: there is one for each second."""
        while (code := str(self.cli.json("serve", "--code")["code"])) in self._given:
            pass
        self._given.add(code)
        return code

    @contextmanager
    def worker(self, slots: int = 1) -> Iterator[None]:
        process = self.cli.start("worker", "--concurrency", str(slots), "--no-schedules", **SILENT)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def photos(self, folder: Path) -> tuple[int, dict[Path, int]]:
        """A session with the photographs of a folder."""
        with Catalog(self.home / "catalog.db") as catalog:
            session = catalog.session(folder.name, folder)
            return session, catalog.photo_ids(session, sorted(folder.rglob("*.jpg")))

    def submit(self, folder: Path, task: Any, waits_for: Path, count: int) -> list[str]:
        """A job for each of the first photographs of a folder; their ids."""
        photos = list(self.photos(folder)[1].items())[:count]
        rows = [(photo, str(path), str(waits_for)) for path, photo in photos]
        return [handle.id for handle in self.jobs.submit_many(task, rows)]
