"""How fast the server answers, what has held it up, and whether its clock goes as ours."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator

from junmai_jobs.doctor.finding import Finding, fine, together, unknown, wrong
from junmai_jobs.doctor.patient import Patient, as_text
from junmai_jobs.errors import CallRefused
from junmai_jobs.replies import seconds

_ROUND_TRIPS = 31
_SLOW = 0.02
"""Seconds: a worker makes a round trip or two for each job."""
_HELD_UP = 0.25
"""Seconds in which the server did nothing else."""
_RECENTLY = 3600.0
_ENTRIES = 128
_SKEW = 5.0
"""Seconds. Leases go by the server's clock alone; times in ids and logs go by ours."""


def check_latency(patient: Patient) -> Finding:
    """How long does a round trip take, and what took long?"""
    taken = []
    for _ in range(_ROUND_TRIPS):
        begin = time.perf_counter()
        patient.link.exchange([("TIME",)])
        taken.append(time.perf_counter() - begin)
    median = statistics.median(taken)
    said = f"{_ROUND_TRIPS} round trips: median {median * 1000:.2f} ms, worst {max(taken) * 1000:.2f} ms"
    way = wrong(said, patient.redis_cli("--latency")) if median > _SLOW else fine(said)
    return together([way, *_slow_commands(patient), *_events(patient)])


def _slow_commands(patient: Patient) -> Iterator[Finding]:
    """What held the server up in the last hour, by its log of slow commands."""
    try:
        entries = patient.ask(lambda client: client.slowlog_get(_ENTRIES))
    except CallRefused as error:
        yield unknown(f"which commands were slow: {error}")
        return
    since = patient.reader.now() - _RECENTLY
    slow = [each for each in entries if each["start_time"] >= since and each["duration"] >= _HELD_UP * 1e6]
    if slow:
        worst = max(slow, key=lambda each: each["duration"])
        what = " ".join(as_text(worst["command"]).split()[:2])
        held = (
            f"{len(slow)} slow commands in the last hour, the worst {what}, {worst['duration'] / 1e6:.2f} s"
        )
        yield wrong(held, patient.redis_cli("SLOWLOG GET 10"))


def _events(patient: Patient) -> Iterator[Finding]:
    """What else did, where the server watches that (latency-monitor-threshold)."""
    try:
        events = patient.ask(lambda client: client.latency_latest())
    except CallRefused:
        return
    since = patient.reader.now() - _RECENTLY
    held = [f"{as_text(name)} {worst} ms" for name, at, _, worst in (each[:4] for each in events)
            if int(at) >= since and int(worst) >= _HELD_UP * 1000 and as_text(name) != "command"]  # fmt: skip
    if held:
        yield wrong(f"the server was held up by {', '.join(held)}", patient.redis_cli("LATENCY DOCTOR"))


def check_clock(patient: Patient, clock: Callable[[], float] = time.time) -> Finding:
    """Do the server's clock and this computer's agree?"""
    begin = clock()
    theirs = seconds(patient.link.exchange([("TIME",)])[0])
    end = clock()
    ahead = theirs - (begin + end) / 2
    said = f"the server's clock is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this computer's"
    if abs(ahead) <= _SKEW + (end - begin) / 2:
        return fine(said)
    set_it = {"win32": "w32tm /resync", "darwin": "sudo sntp -sS time.apple.com"}
    return wrong(said, set_it.get(sys.platform, "sudo timedatectl set-ntp true"))
