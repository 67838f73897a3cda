"""How long the doctor waits: a socket's timeout begins anew with each byte, and a drive may never answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from typing import TypeVar

from junmai_jobs.ahead import begun

T = TypeVar("T")
FOR_A_CHECK = 20.0
"""Seconds."""
FOR_A_THOUSAND_JOBS = 0.5
"""Seconds beyond that for what looks at all of them: many times what it takes on a computer at rest."""


def within(seconds: float, ask: Callable[[], T]) -> T:
    """What this gives, or raises.

    Raises:
        TimeoutError: it is not done by then; it is left to itself, and ends with the process.
    """
    answer = begun(ask)
    wait([answer], seconds)
    if not answer.done():
        raise TimeoutError(f"it was not done within {seconds:g} s")
    return answer.result()
