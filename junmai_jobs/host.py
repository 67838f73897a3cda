"""Which host and process this is, so that workers on one host can tell whether another still lives."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

HOST_VARIABLE = "JUNMAI_HOST"
"""Names the host instead of its host name, where several machines share one."""


def host_name() -> str:
    """The name of this host, of characters that may stand in a worker's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", os.environ.get(HOST_VARIABLE) or socket.gethostname())


def host_id() -> str:
    """Tells this host, boot and space of process ids from all others: within it a pid means something."""
    marks = [host_name()]
    try:
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        marks.append(f"{psutil.boot_time():.0f}")
    return " ".join(marks)


def describe_process() -> dict[str, Any]:
    """What a worker says of its process, for ``is_gone``."""
    started = psutil.Process().create_time()
    return {"host": host_name(), "host_id": host_id(), "pid": os.getpid(), "process_started": started}


def is_gone(info: Mapping[str, Any]) -> bool:
    """Whether a process of this host has ended, by its own description; False if that is not known here."""
    if info.get("host_id") != host_id():
        return False
    try:
        process = psutil.Process(info["pid"])
        return bool(
            abs(process.create_time() - info["process_started"]) > 1
            or process.status() == psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def worker_name() -> str:
    """A name no other worker has or will have."""
    return f"{host_name()}:{os.getpid()}:{time.time_ns() // 1_000_000:x}"
