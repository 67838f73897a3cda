"""Of the workers of the namespace: who lives, of which version, what they hold, and what holds them back."""

from __future__ import annotations

import re

from junmai_jobs.broker_upkeep import LEASE
from junmai_jobs.doctor.finding import Finding, fine, listed, together, wrong
from junmai_jobs.doctor.patient import Patient, Worker
from junmai_jobs.host import host_id, is_gone, version
from junmai_jobs.resources import Grade, in_words
from junmai_jobs.scripts import library, library_name
from junmai_jobs.settings import EXTERNAL_LEASE
from junmai_jobs.wording import count

_NAMED = 5
_HELD_BACK = {Grade.URGENT_ONLY.word, Grade.NONE.word}


def check_workers(patient: Patient) -> Finding:
    """Is anybody there to work, and has nobody fallen silent?"""
    alive, waiting = patient.alive, patient.waiting
    start = patient.command("worker")
    if alive:
        names = listed([f"{each.name} ({_slots(each)})" for each in alive])
        findings = [fine(f"{len(alive)} alive: {names}")]
    elif waiting:
        findings = [wrong(f"no worker is running for {count(waiting, 'waiting job')}", start)]
    else:
        findings = [fine("no worker is running, and nothing waits for one")]
    silent = [each for each in patient.workers if not each.alive]
    findings += [_silent(patient, each) for each in silent[:_NAMED]]
    if len(silent) > _NAMED:
        findings.append(wrong(f"{len(silent) - _NAMED:,} more are silent", start))
    return together(findings)


def _slots(worker: Worker) -> str:
    told = worker.said.get("concurrency")
    return count(told, "slot") if isinstance(told, int) else "? slots"


def _silent(patient: Patient, worker: Worker) -> Finding:
    """The next worker takes back what it held, at once if it sees that the process is gone."""
    said = f"{worker.name} has been silent for {worker.silent:,.0f} s"
    start = patient.command("worker")
    if is_gone(worker.said):
        return wrong(f"{said}: its process has ended", start)
    if worker.said.get("host_id") == host_id():
        pid = int(worker.said["mark"][0])  # a process that began when it says; its `pid` may be anything
        return wrong(f"{said}: its process lives, and does not work", f"kill {pid}; {start}")
    return wrong(f"{said}: nothing is heard of its host", f"on {_hosts([worker])}: {start}")


def check_versions(patient: Patient) -> Finding:
    """Do all run the code that is installed here?"""
    ours = (version(), library_name(library()))
    others = [each for each in patient.alive if (each.said.get("version"), each.said.get("library")) != ours]
    if not others:
        return fine(f"all workers are of {ours[0]}, as this command" if patient.alive else f"here {ours[0]}")
    said = listed([f"{each.name} {_version_in_words(each)}" for each in others])
    update = f"pip install --upgrade junmai-jobs; {patient.command('worker')}"
    return wrong(f"here {ours[0]}, other code runs: {said}", f"on {_hosts(others)}: {update}")


def _hosts(workers: list[Worker]) -> str:
    """Where they are; whatever a worker said, it is to be no command."""
    names = {re.sub(r"[^A-Za-z0-9._-]", "-", str(each.said.get("host"))) for each in workers}
    return listed(sorted(names))


def _version_in_words(worker: Worker) -> str:
    version = worker.said.get("version")
    return f"({version})" if version else "(one that did not tell its version yet)"


def check_leases(patient: Patient, *, length: float = LEASE) -> Finding:
    """Is there a lease older than twice its length? Any worker would have taken it back at its end."""
    number, oldest = patient.reader.overdue(length, max(length, EXTERNAL_LEASE))
    if not number:
        return fine("none is over without being taken back")
    worst = max(oldest, key=lambda each: each.since)
    said = (
        f"{number:,} are over for longer than they last: {worst.job} in {worst.lane} for {worst.since:,.0f} s"
    )
    if patient.alive:
        hosts = _hosts(patient.alive)
        return wrong(
            f"{said}; no worker takes them back",
            f"stop the worker on {hosts}, then {patient.command('worker')}",
        )
    return wrong(f"{said}; there is no worker that would take them back", patient.command("worker"))


def check_governor(patient: Patient) -> Finding:
    """Does anybody hold jobs back, since others need the machine?"""
    said = [(each, each.said.get("governor")) for each in patient.alive]
    held = [
        f"{each.name}: {in_words(told)}" for each, told in said if told and told["grade"] != Grade.FULL.word
    ]
    back = [each for each, told in said if told and told["grade"] in _HELD_BACK]
    if back and len(back) == len(said) and patient.waiting:
        what = f"{count(patient.waiting, 'job')} to do, and all workers hold back: {listed(held)}"
        return wrong(what, patient.command("worker --no-governor"))
    return fine(f"less than all runs for now: {listed(held)}" if held else "nothing is held back")
