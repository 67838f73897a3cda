"""The embedded server's parent, a daemon of its own that ``embedded.py`` runs.

It starts the server and says when it answers, or why it does not. It stops the server when there was neither
a client nor unfinished work for ``idle_seconds``. When the server ends, whatever way, so does the watcher;
when the watcher is killed the server goes on, only without an idle stop.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import redis

from junmai_jobs.embedded import Embedded
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.host import mark_of

_EXTERNAL_QUEUE = b"lightroom"  # served from outside, and perhaps never: no reason to stay
_PLACES = (b"ready", b"scheduled", b"retrying", b"leases", b"blocked")
_LOG_PREFIX = re.compile(r"^\d+:\S+ .*?\d\.\d{3} \S ")  # process, time, level
_PATIENCE = 30.0  # seconds in which a server that is not loading its data must answer


def main() -> None:
    """Start the server of the home in ``sys.argv`` in a daemon that lives as long as the server."""
    home, idle_seconds, fsync, binary, lock = sys.argv[1:]
    embedded = Embedded(Path(home), float(idle_seconds), fsync)
    if os.fork():
        os._exit(0)  # whoever started us is not our parent any more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    os.chdir(embedded.folder)
    try:
        process, state = _start(embedded, binary)
    except (OSError, StoreUnavailable) as error:
        print(error, flush=True)
        sys.exit(1)
    fcntl.flock(int(lock), fcntl.LOCK_UN)
    os.close(int(lock))
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device, not a path of ours
        os.dup2(nothing.fileno(), sys.stdout.fileno())  # the starter reads the end of it, and goes on
    _watch(embedded, process, state)


def _start(embedded: Embedded, binary: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Run the server until it answers, and note that it runs."""
    was_unclean = bool(embedded.read_state())
    earlier = embedded.log.stat().st_size
    process = subprocess.Popen(_command(embedded, binary), stdin=subprocess.DEVNULL, stdout=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    state = {"server": mark_of(process.pid), "watcher": mark_of(os.getpid())}
    try:
        embedded.write_state(state)
    except OSError:
        process.kill()  # nobody would know of it
        raise
    deadline = time.monotonic() + _PATIENCE
    while not (reply := embedded.ask("PING")).startswith("+"):
        if reply.startswith("-LOADING"):
            deadline = time.monotonic() + _PATIENCE
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            said = embedded.log.read_bytes()[earlier:].decode(errors="replace").strip() or "it said nothing"
            raise StoreUnavailable(_LOG_PREFIX.sub("", said.split("\n")[-1]))
        time.sleep(0.005)
    if was_unclean:
        # A log torn inside a script by a crash is replayed by half at the second start; a new log is whole.
        embedded.ask("BGREWRITEAOF")
    return process, state


def _command(embedded: Embedded, binary: str) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(embedded.socket),
        "unixsocketperm": "700",
        "dir": str(embedded.folder),
        "logfile": str(embedded.log),
        "daemonize": "no",
        "databases": "16",
        "appendonly": "yes",
        "appendfsync": embedded.fsync,
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "enable-debug-command": "no",
    }
    return [binary, *(word for key, value in settings.items() for word in (f"--{key}", value))]


def _watch(embedded: Embedded, process: subprocess.Popen[bytes], state: dict[str, Any]) -> None:
    """Live as long as the server."""
    ended = threading.Event()
    threading.Thread(target=_stop_when_idle, args=(embedded, state, ended), daemon=True).start()
    was_clean = process.wait() == 0
    ended.set()
    if was_clean:
        with embedded.locked():
            embedded.forget(state)


def _stop_when_idle(embedded: Embedded, state: dict[str, Any], ended: threading.Event) -> None:
    client = redis.Redis(unix_socket_path=str(embedded.socket), client_name="junmai-watcher")
    connections, last_use = -1, time.monotonic()
    while not ended.wait(min(max(embedded.idle_seconds / 10, 0.05), 15.0)):
        seen, connections = connections, _count_connections(client)
        if connections != seen or _is_in_use(client):
            last_use = time.monotonic()
        elif time.monotonic() - last_use >= embedded.idle_seconds:
            with embedded.locked():
                if _count_connections(client) == connections and not _is_in_use(client):
                    embedded.ask("SHUTDOWN")
                    if ended.wait(_PATIENCE):
                        embedded.forget(state)


def _count_connections(client: redis.Redis) -> int:
    """How many connections there ever were: short ones are noticed too; -1 if there is no answer."""
    try:
        return int(client.info("stats")["total_connections_received"])
    except redis.RedisError:
        return -1


def _is_in_use(client: redis.Redis) -> bool:
    """Whether anybody else is connected, or there is unfinished work in any namespace; in doubt it is."""
    try:
        return int(client.info("clients")["connected_clients"]) > 1 or any(
            _has_work(client, key) for key in client.scan_iter(match="{*}:queues", count=1000)
        )
    except redis.RedisError:
        return True


def _has_work(client: redis.Redis, queues: bytes) -> bool:
    namespace = queues.removesuffix(b":queues")
    names = cast("list[bytes]", client.zrange(queues, 0, -1))
    return any(
        client.exists(*(b":".join((namespace, b"q", name, place)) for place in _PLACES))
        for name in names
        if name != _EXTERNAL_QUEUE
    )


if __name__ == "__main__":
    main()
