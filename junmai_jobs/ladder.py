"""The ladder of memory: a run that ran out of it runs again alone, then at a smaller working size.

As policy, not as attempts: it spends no retry, and counts as no crash. The rung travels in the note of a
deferral, so whatever else ends a run begins at the foot again.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from junmai_jobs import endings
from junmai_jobs.causes import behind
from junmai_jobs.endings import Ending

OUT_OF_MEMORY = 213
"""Exit code of a child that had no memory left to tell how its run ended; no system or library has it."""
REASON = "out_of_memory"
_SCALES = (1.0, 1.0, 0.5, 0.25)  # by rung; from the second on the run is alone
_FOLLOWS = (
    "runs again alone",
    "runs again alone, at half its working size",
    "runs again alone, at a quarter of its working size",
)
LAST_RUNG = len(_SCALES) - 1
_NOTE = re.compile(r"memory:(\d{1,4})")
_KILLED = {"type": "MemoryError", "message": "its process died for want of memory", "traceback": ""}
_NATIVE = re.compile("Insufficient memory|bad_alloc")  # what OpenCV says
_KILLS = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)


def rung_of(note: str) -> int:
    """On which rung a run stands, by its note: 0, the foot, unless the last one ran out of memory."""
    noted = note and _NOTE.fullmatch(note)  # mostly there is none
    return min(LAST_RUNG, int(noted[1])) if noted else 0


def scale_of(rung: int) -> float:
    """The share of its usual working size that a run is to take, from 0.25 to 1."""
    return _SCALES[rung]


def after(rung: int, error: Mapping[str, Any], cause: Mapping[str, Any] = MappingProxyType({})) -> Ending:
    """How a run ends that ran out of memory: it runs again on the next rung, or has failed on the last.

    Args:
        rung: that on which it ran.
        error: what the history keeps, see ``executor.describe``.
        cause: the ``signal`` or ``exit_code`` of its process, if that died.
    """
    if rung >= LAST_RUNG:
        return endings.fail(error, REASON, detail=cause)
    return endings.defer(
        0, f"memory:{rung + 1}", f"out of memory: {_FOLLOWS[rung]}", detail={"error": error, **cause}
    )


def after_death(rung: int, cause: Mapping[str, Any]) -> Ending:
    """``after`` a run whose process has died for want of memory."""
    told = {name: cause[name] for name in ("signal", "exit_code") if name in cause}
    return after(rung, _KILLED, told)


def ran_out(ending: Ending) -> bool:
    """Whether a run that ends so ran out of memory; its process should not run another."""
    match ending.verb:
        case "defer":
            return rung_of(ending.arguments[1]) > 0
        case "fail":
            return bool(ending.arguments[0] == REASON)
    return False


def is_want_of_memory(error: BaseException) -> bool:
    """Whether an exception comes of a lack of memory, the computer's or a card's, however it is wrapped.

    One that was raised ``from None`` says that it has nothing to do with what came before it.
    """
    return any(map(_tells_of_memory, behind(error, suppressed=False)))


def _tells_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    for kind in type(error).__mro__:
        library = kind.__module__.partition(".")[0]
        # As of torch and cupy; redis means by it that the server has no room.
        if kind.__name__ == "OutOfMemoryError" and library != "redis":
            return True
        if library == "cv2" and _NATIVE.search(str(error)):
            return True
    return False


def kernel_kills(root: Path = Path("/")) -> int | None:
    """How many processes the kernel has killed for memory so far; only its growth means something.

    Of the whole machine and of the group of processes that this one is in; None where nothing tells.
    """
    counts = [count for file in _counters(root) if (count := _kills_in(file)) is not None]
    return sum(counts) if counts else None


def _counters(root: Path) -> Iterator[Path]:
    yield root / "proc/vmstat"
    groups, tree = _read(root / "proc/self/cgroup").decode(errors="replace"), root / "sys/fs/cgroup"
    for line in groups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            mount, name = tree, "memory.events"
        elif "memory" in controllers.split(","):
            mount, name = tree / "memory", "memory.oom_control"
        else:
            continue
        own = mount / group.lstrip("/") / name
        yield own if own.exists() else mount / name  # in a container its own group may be all there is


def _kills_in(file: Path) -> int | None:
    found = _KILLS.search(_read(file))
    return int(found[1]) if found else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
