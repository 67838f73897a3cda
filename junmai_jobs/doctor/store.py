"""Does the store keep the laws that no verb breaks? The one place of the doctor that knows ``laws.py``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

from junmai_jobs.broker import Broker
from junmai_jobs.doctor.finding import Finding, fine, wrong
from junmai_jobs.doctor.patience import FOR_A_CHECK, FOR_A_THOUSAND_JOBS, within
from junmai_jobs.doctor.patient import Patient
from junmai_jobs.errors import CallRefused
from junmai_jobs.laws import IN_THE_WAY, LAWS, Violation, check_laws, repair

LEFT_ALONE = "newer"
"""The law whose violations no repair touches."""


def violations(patient: Patient) -> Iterator[Violation]:
    """The laws that are broken; nothing is changed. The whole namespace is read."""
    return check_laws(Broker(patient.link, patient.namespace), patient.reader)


def repaired(patient: Patient) -> Iterator[Violation]:
    """The same, each mended by then; but those that are left alone."""
    return repair(Broker(patient.link, patient.namespace), patient.reader, once=True)


def hides_more(laws: Iterable[str]) -> bool:
    """Whether these are in the way of looking at the others."""
    return not IN_THE_WAY.isdisjoint(laws)


def check_store(patient: Patient) -> Finding:
    """How often is each law broken, and where first?"""
    jobs = 0
    with suppress(CallRefused):  # what stands there is not ours: that is found, too
        jobs = within(FOR_A_CHECK, patient.reader.size)
    seconds = FOR_A_CHECK + FOR_A_THOUSAND_JOBS * jobs / 1000
    return within(seconds, lambda: as_finding(patient, violations(patient)))


def as_finding(patient: Patient, found: Iterable[Violation]) -> Finding:
    """What is told of these."""
    counts, first = Counter[str](), dict[str, Violation]()
    for each in found:
        counts[each.law] += 1
        first.setdefault(each.law, each)
    if not counts:
        return fine(f"all {len(LAWS)} laws are kept")
    told = [
        f"{law} {count:,} (first {first[law].where}: {first[law].detail})" for law, count in counts.items()
    ]
    told += ["what else is broken shows when these are mended"] if hides_more(counts) else []
    newer = "pip install --upgrade junmai-jobs"
    fix = newer if set(counts) == {LEFT_ALONE} else patient.command("doctor --repair")
    return wrong(f"laws are broken: {'; '.join(told)}", fix)
