"""What of a server's log was on the disk at each moment, read from a trace of its system calls.

A kill -9 proves nothing of a power cut: what was written, but not synced, survives in the kernel's memory.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_CALL = re.compile(
    r"(\d+) +([\d.]+) (?:(write|pwrite64|fsync|fdatasync)\(\d+<([^>]*)>|<\.\.\. (\w+) resumed>)(.*)"
)
_END = re.compile(r" = (\d+)[^<]* <([\d.]+)>$")


def traced(binary: str, folder: Path) -> str:
    """A command that runs a server as ``binary`` does, and traces what it writes and syncs."""
    probe = ("strace", "-o", os.devnull, "true")
    if shutil.which("strace") is None or subprocess.run(probe, check=False, capture_output=True).returncode:
        missing = "strace is missing, or not allowed here: apt-get install strace"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    script = folder / "traced-server"
    # -D: the server is the child, and whoever kills that needs to know nothing of the tracer.
    script.write_text(
        "#!/bin/sh\nexec strace -D -f -y -ttt -T -s 0 -e trace=write,pwrite64,fsync,fdatasync "
        f'-o {shlex.quote(str(folder / "trace"))} {shlex.quote(binary)} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


@dataclass(frozen=True)
class Trace:
    """The growth of the log: at each of ``times`` so many bytes were written, and so many synced."""

    times: list[float]
    written: list[int]
    synced: list[int]
    longest_sync: float

    @classmethod
    def read(cls, path: Path) -> Trace:
        """Of the file of that name that ``traced`` has made; what is no log is left out."""
        times, written, synced = [0.0], [0], [0]
        begun: dict[str, tuple[str, str, int]] = {}
        longest = 0.0
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if not (call := _CALL.match(line)):
                continue
            thread, begin, name, file, resumed, _ = call.groups()
            if name:
                # A sync vouches for what was written when it began, not for what came meanwhile.
                begun[thread] = (name, file, written[-1])
            end = _END.search(line)
            if not end or thread not in begun:
                continue
            name, file, before = begun.pop(thread)
            if not file.endswith(".incr.aof"):
                continue
            is_sync = name.endswith("sync")
            times.append(float(begin) + (0.0 if resumed else float(end[2])))
            written.append(written[-1] + (0 if is_sync else int(end[1])))
            synced.append(before if is_sync else synced[-1])
            longest = max(longest, float(end[2]) if is_sync else 0.0)
        return cls(times, written, synced, longest)

    def at(self, moment: float) -> range:
        """The lengths the log may have after a power cut at that moment: from what is synced to all."""
        index = bisect_right(self.times, moment) - 1
        return range(self.synced[index], self.written[index] + 1)
