"""Tasks of a worker whose every process tells a file when it runs code that data may have named."""

from __future__ import annotations

import os
import sys
from typing import Any

from junmai_jobs import task

FORBIDDEN = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen")


def watch(event: str, details: tuple[Any, ...]) -> None:
    told = event in FORBIDDEN or (event == "import" and "trap" in str(details[0]))
    if told and (file := os.environ.get("AUDIT_FILE")):
        line = f"{event} {details!r:.200}\n".encode("ascii", "backslashreplace")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line)
        os.close(descriptor)


# Before this, a child has read what its own parent has pickled for it; after it, nothing is read but data.
if "AUDIT_FILE" in os.environ:
    sys.addaudithook(watch)


@task
def echo(value: Any = None) -> Any:
    return value


@task
def blow_up(text: str) -> None:
    raise ValueError(text)


@task
def unpickle() -> None:
    """What the file must tell of."""
    import pickle  # noqa: PLC0415 - to see that it is seen

    pickle.loads(b"cos\ngetpid\n.")  # noqa: S301
