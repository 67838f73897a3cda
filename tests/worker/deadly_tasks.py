"""Tasks that kill the process they run in, in the ways that native code has."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path

from junmai_jobs import task
from tests.worker.tasks import note

DEADLY = b"deadly"
"""What a file begins with that kills."""


def segfault() -> None:
    ctypes.string_at(0)


def run_out_of_memory() -> None:
    """As a library in C that does not look whether it was given the memory it asked for."""
    used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, used))
    library = ctypes.CDLL(None)
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    library.memset(library.malloc(2**34), 0, 1)


DEATHS = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGSEGV": segfault,
    "exit code 1": lambda: os._exit(1),
    "out of memory": run_out_of_memory,
}


@task(queue="pills")
def die(journal: str, how: str) -> None:
    note(journal, "died")
    DEATHS[how]()


@task(input="path")
def decode_unless_killed(path: str, journal: str, killer: str) -> int:
    """Dies while there is a ``killer``, as by what comes from outside."""
    note(journal, "start")
    if Path(killer).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return len(Path(path).read_bytes())


@task(input="path")
def decode(path: str, journal: str) -> int:
    """The size of a file; one that begins so kills."""
    note(journal, "start")
    content = Path(path).read_bytes()
    if content.startswith(DEADLY):
        segfault()
    return len(content)


@task(input=("path", "companion"))
def decode_both(path: str, journal: str, companion: str | None = None) -> int:
    return decode(path, journal) + (0 if companion is None else decode(companion, journal))
