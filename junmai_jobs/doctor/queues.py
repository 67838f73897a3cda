"""Of what waits: who serves it, who knows its task, and whether it waits somewhere else."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from junmai_jobs.doctor.finding import Finding, fine, listed, together, unknown, wrong
from junmai_jobs.doctor.patient import Patient, Worker
from junmai_jobs.doctor.reader import Lane, Reader
from junmai_jobs.errors import CallRefused, UnknownTask
from junmai_jobs.inspector.stats import ALIVE_WITHIN
from junmai_jobs.lanes import needs_of
from junmai_jobs.machines import can_serve
from junmai_jobs.task import find_task
from junmai_jobs.wording import count

LOOK_FOR = 2.0
"""Seconds in which the keys of the server are looked through for namespaces."""
_MOST_NAMESPACES = 200


def check_queues(patient: Patient) -> Finding:
    """Is there a queue with jobs that no worker serves?"""
    lanes = [lane for lane in patient.lanes if lane.waiting]
    paused = Counter[str]()
    for lane in lanes:
        if lane.paused:
            paused[lane.queue] += lane.waiting
    resume = ", ".join(f"{queue} ({waiting:,} wait)" for queue, waiting in paused.items())
    said = (
        f"; PAUSED: {resume}, `{patient.command(f'resume {next(iter(paused))}')}` goes on" if paused else ""
    )
    running = [lane for lane in lanes if not lane.paused]
    if not running:
        return fine(f"nothing waits in a queue that is not paused{said}")
    if not patient.alive:
        return unknown(f"jobs wait in {listed(_queues(running))}, and no worker is running{said}")
    unserved = [lane for lane in running if not _servants(patient, lane)]
    if not unserved:
        return fine(f"each that has jobs is served: {listed(_queues(running))}{said}")
    return wrong(_unserved_in_words(unserved) + said, _serve(patient, unserved[0]))


def _queues(lanes: list[Lane]) -> list[str]:
    return list(dict.fromkeys(lane.queue for lane in lanes))


def _unserved_in_words(lanes: list[Lane]) -> str:
    return "no worker serves " + listed([f"{_in_words(lane)} ({lane.waiting:,} wait)" for lane in lanes])


def _in_words(lane: Lane) -> str:
    """The queue, and what the jobs of the lane need of a machine."""
    needs = ", ".join(f"{name} {amount:g}" for name, amount in needs_of(lane.name).items())
    return f"{lane.queue} with {needs}" if needs else lane.queue


def _serve(patient: Patient, lane: Lane) -> str:
    needs = ",".join(f"{name}={amount:g}" for name, amount in needs_of(lane.name).items())
    offer = f" --offer {needs}" if needs else ""
    return patient.command(f"worker --queues {lane.queue}{offer}")


def _servants(patient: Patient, lane: Lane) -> list[Worker]:
    """The workers that serve a lane: its queue, and they have what its jobs need."""
    return [
        each
        for each in patient.alive
        if lane.queue in (each.said.get("queues") or [lane.queue])
        and can_serve(_offers(each), needs_of(lane.name))
    ]


def _offers(worker: Worker) -> list[dict[str, Any]]:
    """What it said that it has, as far as that can be amounts."""
    said = worker.said.get("offers")
    return [
        {name: amount for name, amount in each.items() if isinstance(amount, int | float)}
        for each in (said if isinstance(said, list) else ())
        if isinstance(each, dict)
    ]


def check_tasks(patient: Patient) -> Finding:
    """Is there a job whose task no worker knows that would run it?"""
    unheard = Counter[tuple[str, str]]()
    looked_at = 0
    for lane in patient.lanes:
        servants = _servants(patient, lane) if lane.waiting else []
        if servants:
            known = {task for each in servants for task in each.said.get("tasks") or ()}
            tasks = patient.reader.tasks_in(lane.name)
            looked_at += len(tasks)
            unheard.update((task, lane.queue) for task in tasks if task not in known)
    if not looked_at:
        return fine("nothing waits for a worker that is running")
    looked = f"the next {count(looked_at, 'job')}"
    if not unheard:
        return fine(f"the tasks of {looked} are known to their workers")
    names = [f"{task} in {queue} ({count(number, 'job')})" for (task, queue), number in unheard.items()]
    said = f"of {looked} no worker knows {listed(names)}"
    return wrong(said, patient.command(f"--tasks {_module(next(iter(unheard))[0])} worker"))


def _module(task: str) -> str:
    """That registers a task, if it is known here."""
    try:
        return find_task(task).function.__module__
    except UnknownTask:
        return "MODULE"


def check_namespaces(patient: Patient) -> Finding:
    """Does work wait in another namespace, or do workers work there? Was an import into this one killed?"""
    found = _beside(patient)
    if not patient.reader.has_staged():
        return found
    said = "an import into this namespace is under way, or was killed and has left what nobody needs"
    return together([wrong(said, patient.command("import --discard")), found])


def _beside(patient: Patient) -> Finding:
    others, seen_all = _others(patient)
    idle, busy = [], []
    for namespace in others:
        reader = Reader(patient.link, namespace)
        try:
            waiting = sum(lane.waiting for lane in reader.look() if not lane.paused)
            alive = any(silent < ALIVE_WITHIN for silent in reader.silences().values())
        except CallRefused:
            continue
        if alive:
            busy.append(namespace)
        elif waiting:
            idle.append((namespace, waiting))
    part = "" if seen_all else " (of the part of the server that was looked through)"
    if idle:
        told = listed([f"{name} ({count(waiting, 'job')})" for name, waiting in idle])
        said = f"asked about {patient.namespace}; no worker is there for what waits in {told}{part}"
        return wrong(said, f"junmai-jobs --namespace {idle[0][0]} worker")
    if busy and not patient.alive and patient.waiting:
        said = f"jobs wait in {patient.namespace}, but the workers work in {listed(busy)}{part}"
        return wrong(said, patient.command("worker"))
    beside = f"beside {patient.namespace}: {listed(others)}" if others else f"{patient.namespace} alone"
    return fine(beside + part)


def _others(patient: Patient) -> tuple[list[str], bool]:
    """The other namespaces of this server, and whether all of it was looked through."""
    deadline = time.monotonic() + LOOK_FOR
    found, cursor = patient.reader.namespaces(0)
    while cursor and time.monotonic() < deadline and len(found) < _MOST_NAMESPACES:
        more, cursor = patient.reader.namespaces(cursor)
        found |= more
    return sorted(found - {patient.namespace}), not cursor
