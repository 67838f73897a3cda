"""A random graph of jobs, its workers killed while it runs: order, policies and results all hold."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import psutil
import pytest

from junmai_jobs import Job, JobHandle, JobQueue, Planned, Status, chord, edge, group, result_of
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, WorkerProcess
from tests.worker.linked_tasks import collect, link
from tests.worker.tasks import record

SEED = 4
LINKED = ("--tasks", "tests.worker.linked_tasks", "--lease", "3")


@dataclass(eq=False)
class Node:
    """One job, and what it should come to."""

    name: str
    fails: bool
    parents: list[tuple[Node, str, bool]]
    """Each with the policy, and whether its result is read."""
    planned: Planned[str] = field(init=False)

    @cached_property
    def status(self) -> Status:
        if any(policy == "cancel" and each.status != "succeeded" for each, policy, _ in self.parents):
            return Status.CANCELLED
        return Status.FAILED if self.fails else Status.SUCCEEDED

    @cached_property
    def result(self) -> str | None:
        if self.status is not Status.SUCCEEDED:
            return None
        return self.name + "".join(f"<{each.result}" for each, _, reads in self.parents if reads)


def draw(chance: random.Random, count: int) -> list[Node]:
    """Every job has at most three parents among those before it; few fail, and few of their kin care."""
    nodes: list[Node] = []
    for number in range(count):
        chosen = chance.sample(nodes[-40:], min(len(nodes), chance.choice((0, 1, 1, 2, 3))))
        parents = [(each, chance.choice(("cancel", "continue")), chance.random() < 0.3) for each in chosen]
        nodes.append(Node(f"n{number}", chance.random() < 0.03, parents))
    return nodes


def plan(nodes: list[Node], journal: Journal) -> None:
    for node in nodes:
        after = [edge(each.planned, policy) for each, policy, _ in node.parents]  # type: ignore[arg-type]
        given = [result_of(each.planned) for each, _, reads in node.parents if reads]
        node.planned = link.with_options(after=after).plan(str(journal), node.name, given, fails=node.fails)


class Killer:
    """Kills a child that runs a job, or a worker, whenever the journal has grown by ``every`` bytes."""

    def __init__(self, start: StartWorker, journal: Journal, chance: random.Random, every: int) -> None:
        self.kills: Counter[str] = Counter()
        self._start, self._journal, self._chance, self._every = start, journal, chance, every
        self._workers: list[WorkerProcess] = [start(*LINKED), start(*LINKED)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = self._every
        while not self._over.wait(0.02):
            if not self._journal.path.exists() or self._journal.path.stat().st_size < due:
                continue
            due += self._every
            at = self._chance.randrange(2)
            if self._chance.random() < 0.5:
                self._kill_child(self._workers[at])
            else:
                os.kill(self._workers[at].pid, signal.SIGKILL)
                self._workers[at].wait()
                self._workers[at] = self._start(*LINKED)
                self.kills["worker"] += 1

    def _kill_child(self, worker: WorkerProcess) -> None:
        family = {each.pid: each for each in worker.family()}
        busy = [run.pid for run in self._journal.runs()[-8:] if run.pid in family]
        if busy:
            with contextlib.suppress(psutil.NoSuchProcess):  # it had done its hundred jobs
                family[self._chance.choice(busy)].kill()
                self.kills["child"] += 1


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)


@pytest.mark.parametrize(
    ("count", "every", "kills"),
    [
        pytest.param(400, 5_000, 4, id="400"),
        pytest.param(10_000, 25_000, 20, id="10000", marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
    ],
)
def test_a_graph_is_run_in_order_whoever_is_killed(  # noqa: PLR0917 - fixtures and parameters
    jobs: JobQueue,
    start_worker: StartWorker,
    journal: Journal,
    chance: random.Random,
    count: int,
    every: int,
    kills: int,
) -> None:
    nodes = draw(chance, count)
    plan(nodes, journal)
    wanted = Counter(node.status for node in nodes)
    assert (
        min(wanted[status] for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)) >= count / 100
    )
    gathered = group(*(node.planned for node in nodes[-50:]))
    last = chord(gathered, collect.with_options(after_policy="continue"))
    done = record.plan(str(journal))
    with Killer(start_worker, journal, chance, every) as killer:
        batch = jobs.submit_workflow(*(node.planned for node in nodes), last, on_complete=done)
        assert batch.wait(timeout=count / 8)
    assert killer.kills.total() >= kills
    assert batch.progress().counts == wanted + Counter({Status.SUCCEEDED: 1})
    assert JobHandle[None](jobs, done.id).result(timeout=60) is None
    check(jobs, nodes, journal)
    assert batch[last].result() == [node.result for node in nodes[-50:]]
    assert Counter(run["event"] for run in batch[last].job().history)["succeeded"] == 1
    after = min(run.time for run in journal.runs() if run.job == done.id)
    assert after > max(run.time for run in journal.runs("end"))


def check(jobs: JobQueue, nodes: list[Node], journal: Journal) -> None:
    """Every job has ended as it should, once, and began when its parents had ended."""
    starts, ends = times(journal, "start"), times(journal, "end")
    found = {job.id: job for job in load(jobs, [node.planned.id for node in nodes])}
    for node in nodes:
        job_id = node.planned.id
        job = found[job_id]
        assert (job.status, job.result) == (node.status, node.result), node.name
        if node.status is Status.CANCELLED:
            assert (job.reason, starts[job_id], job.attempt) == ("parent_failed", [], 0)
            continue
        runs = Counter(run["event"] for run in job.history)
        assert (runs["succeeded"], runs["failed"]) == (not node.fails, node.fails)
        assert 1 <= len(starts[job_id]) <= runs.total(), "a run that nobody knows of"
        for parent, _, _ in node.parents:
            assert starts[job_id][0] > max(ends[parent.planned.id], default=0.0), f"{node.name} was early"


def times(journal: Journal, event: str) -> defaultdict[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for run in journal.runs(event):
        found[run.job].append(run.time)
    return found


def load(jobs: JobQueue, ids: list[str]) -> Iterator[Job]:
    for at in range(0, len(ids), 200):
        yield from jobs.inspector.load(ids[at : at + 200])
