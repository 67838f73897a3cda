"""A task as noisy as a library in C, which prints past Python."""

from __future__ import annotations

import contextlib
import os

from junmai_jobs import task


@task
def print_in_c(number: int) -> int:
    for stream in (1, 2):
        with contextlib.suppress(OSError):  # the reader may be gone
            os.write(stream, b"libfoo: warning: incorrect count for field\n" * 20)
    return number
