"""What is wrong, in plain words, and what to type: one named check after the other.

A check reads, and changes nothing. One that cannot be made says so: it is neither well nor ill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import psutil
from redis.exceptions import RedisError

from junmai_jobs.doctor import computer, queues, rights, server, speed, store, workers
from junmai_jobs.doctor.finding import Check, Finding, unknown
from junmai_jobs.doctor.patience import FOR_A_CHECK, within
from junmai_jobs.doctor.patient import Patient
from junmai_jobs.errors import ConfigError, JunmaiJobsError

if TYPE_CHECKING:
    from junmai_jobs.laws import Violation

__all__ = ["Check", "Patient", "Unreachable", "diagnose"]

Examine = Callable[[Patient], Finding]
_FIRST: tuple[tuple[str, Examine], ...] = (
    ("configuration", computer.check_configuration),
    ("modules", computer.check_modules),
)
_OF_THE_SERVER: tuple[tuple[str, Examine], ...] = (
    ("server", server.check_server),
    ("rights", rights.check_rights),
    ("eviction", server.check_eviction),
    ("persistence", server.check_persistence),
    ("memory", server.check_memory),
    ("latency", speed.check_latency),
    ("clock", speed.check_clock),
    ("functions", server.check_functions),
    ("namespaces", queues.check_namespaces),
    ("workers", workers.check_workers),
    ("versions", workers.check_versions),
    ("governor", workers.check_governor),
    ("leases", workers.check_leases),
    ("queues", queues.check_queues),
    ("tasks", queues.check_tasks),
)
_OF_ALL_JOBS: tuple[tuple[str, Examine], ...] = (("store", store.check_store),)
"""What takes the longer the more jobs there are, and has a time of its own for that."""
_OF_THIS_COMPUTER: tuple[tuple[str, Examine], ...] = (
    ("home", computer.check_home),
    ("catalog", computer.check_catalog),
    ("roots", computer.check_roots),
    ("computer", computer.check_computer),
    ("cards", lambda _: computer.check_cards()),
)
_NOT_MADE = (RedisError, OSError, psutil.Error)
"""What keeps a check from being made, beside our own errors; anything else is a bug."""


class Unreachable(Exception):  # noqa: N818 - it is what the server is
    """Raised after the last check where the server could not be reached; the text tells why."""


def diagnose(
    make: Callable[[], Patient], *, quick: bool = False, broken: Sequence[Violation] | None = None
) -> Iterator[Check]:
    """Examine, and give each check as soon as it is made.

    Args:
        make: gives the patient; it raises ConfigError where the configuration is wrong, and then there is
            nothing else to be examined but this computer.
        quick: leave out what would read all jobs.
        broken: the laws that are broken, if that was just looked at.

    Raises:
        Unreachable: see there.
    """
    try:
        patient = make()
    except ConfigError as error:
        yield Check("configuration", ok=False, detail=str(error), fix="junmai-jobs config show")
        yield _made("cards", computer.check_cards)
        return
    # Modules are imported in this thread: they may want to hear of signals.
    yield from _all(_FIRST, patient, seconds=None)
    away = server.reach(patient)
    if away is None:
        yield from _all(_OF_THE_SERVER, patient)
        known = (("store", partial(store.as_finding, found=broken)),) if broken is not None else _OF_ALL_JOBS
        yield from _all(() if quick else known, patient, seconds=None)
    else:
        yield _made("server", partial(server.unreachable, patient, away))
    yield from _all(_OF_THIS_COMPUTER, patient)
    if away is not None:
        raise Unreachable(str(away))


def _all(
    checks: Iterable[tuple[str, Examine]], patient: Patient, seconds: float | None = FOR_A_CHECK
) -> Iterator[Check]:
    for name, examine in checks:
        yield _made(name, partial(examine, patient), seconds)


def _made(name: str, examine: Callable[[], Finding], seconds: float | None = FOR_A_CHECK) -> Check:
    try:
        return Check(name, *(examine() if seconds is None else within(seconds, examine)))
    except TimeoutError as error:
        return Check(name, *unknown(str(error)))
    except JunmaiJobsError as error:
        return Check(name, *unknown(str(error)))
    except _NOT_MADE as error:
        return Check(name, *unknown(f"{type(error).__name__}: {error}"))
