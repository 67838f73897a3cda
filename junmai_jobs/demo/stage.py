"""The main job on a shoot, in a temporary folder with a home and a server of its own.

However it ends, short of being killed, none of its processes is left, and neither is the folder, unless it
is to be kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis

from junmai_jobs.config import redact
from junmai_jobs.demo.shoot import Shoot, shortcomings
from junmai_jobs.embedded import find_binary
from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.keys import Keys
from junmai_jobs.server import Server

COMMAND = (sys.executable, "-m", "junmai_jobs.cli")
OTHER_SETTINGS = ("JUNMAI_", "REDIS_", "CELERY_")
"""What variables of the user's own configuration and server begin with."""
STOPPED_BY = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
GRACE = 10.0
"""Seconds that a process has to end by itself."""


class DemoError(Exception):
    """What was wrong, a line for each thing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a demo takes place: its folder, and a server of others where it is not to have its own."""

    folder: Path
    url: str | None = None
    namespace: str = "junmai"

    @property
    def home(self) -> Path:
        """Its JUNMAI_HOME."""
        return self.folder / "home"

    @property
    def server(self) -> Server:
        """The server that it uses."""
        return Server(self.url, self.home)

    def check(self) -> None:
        """See that there is a server to use, before anything is made for it.

        Raises:
            StoreUnavailable: there is none.
        """
        if self.url is None:
            self.server.embedded.prepare()
            find_binary()
        else:
            self.server.check()

    def run(self, *arguments: str, stdout: int | None = None) -> tuple[int, str]:
        """Run ``junmai-jobs`` with nothing of this user's settings; its exit code and output.

        It has a session of its own, so that a Ctrl-C comes to the demo alone, which ends it once and orderly.

        Raises:
            DemoError: it could not do its work at all, and has said why.
        """
        ours = {name: text for name, text in os.environ.items() if not name.startswith(OTHER_SETTINGS)}
        # So short a thing does not stand back behind what else the machine does.
        ours |= {"JUNMAI_HOME": str(self.home), "JUNMAI_NAMESPACE": self.namespace, "JUNMAI_GOVERNOR": "off"}
        if self.url is not None:
            ours["JUNMAI_REDIS_URL"] = self.url
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=ours,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            said, _ = process.communicate()
        except BaseException:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
            raise
        if process.returncode not in {0, 1}:
            raise DemoError(f"junmai-jobs {arguments[0]} has ended with {process.returncode}")
        return process.returncode, said or ""

    def clear(self) -> None:
        """Stop its server, or take away what it has left on that of others, and end what still runs."""
        for _ in range(2):  # a server that was just being started is there the second time
            with contextlib.suppress(JunmaiJobsError):  # there is none on this system
                self.server.stop(GRACE)
            _, left = psutil.wait_procs(list(self._processes()), GRACE)
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, GRACE)
        if self.url is not None:
            self._unlink(self.url)
        elif (folder := self.server.embedded.socket.parent) != self.server.embedded.folder:
            shutil.rmtree(folder, ignore_errors=True)

    def _unlink(self, url: str) -> None:
        """Take every key of the namespace from a server."""
        of_ours = Keys.of(self.namespace).queues.removesuffix("queues") + "*"
        try:
            with self.server.client() as client:
                for key in client.scan_iter(match=of_ours, count=1000):
                    client.unlink(key)
        except (redis.RedisError, OSError):
            raise DemoError(f"{redact(url)} is away: the keys {of_ours} are left there") from None

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get("JUNMAI_HOME") == str(self.home):
                    yield process


def perform(
    make: Callable[[Path], Shoot], *, url: str | None = None, keep: bool = False, quiet: bool = False
) -> dict[str, Any]:
    """Make a shoot in a folder that is new, and do the main job on it, with its table unless ``quiet``.

    Returns:
        What ``process --json`` says of it; and ``bursts``, the ``seconds`` it took, and the ``folder``.

    Raises:
        DemoError: not all is as it should be; the text has a line for all that is wrong.
        StoreUnavailable: there is no server to be had.
    """
    with _stage(url, keep=keep) as stage:
        stage.check()
        shoot = make(stage.folder / "写真 shoot")
        exports = stage.folder / "picks"
        arguments = ("process", str(shoot.folder), "--export", str(exports))
        if not quiet:
            print("$", shlex.join(("junmai-jobs", *arguments)), flush=True)
        begin = time.monotonic()
        code, _ = stage.run(*arguments, stdout=subprocess.DEVNULL if quiet else None)
        seconds = time.monotonic() - begin
        _, document = stage.run(*arguments, "--json", stdout=subprocess.PIPE)
        report: dict[str, Any] = json.loads(document) if document else {}
        wrong = ["junmai-jobs process has failed"] if code or not report else []
        wrong += shortcomings(report, shoot, exports) if report else []
        if wrong:
            raise DemoError("\n".join(wrong + [f"all of it is in {stage.folder}"] * keep))
        return report | {
            "bursts": len(shoot.bursts),
            "seconds": seconds,
            "folder": str(stage.folder) if keep else None,
        }


@contextlib.contextmanager
def _stage(url: str | None, *, keep: bool) -> Iterator[Stage]:
    """A stage that is cleared at the end, whatever asks for that; KeyboardInterrupt is raised for it."""
    names = [getattr(signal, name) for name in STOPPED_BY if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.default_int_handler) for number in names}
    try:
        folder = Path(tempfile.mkdtemp(prefix="junmai-demo-")).resolve()
        stage = Stage(folder) if url is None else Stage(folder, url, f"demo-{secrets.token_hex(8)}")
        try:
            yield stage
        finally:
            for number in names:
                signal.signal(number, signal.SIG_IGN)  # from here on it only takes a moment
            try:
                stage.clear()
            finally:
                if not keep:
                    shutil.rmtree(folder, ignore_errors=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
