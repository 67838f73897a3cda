"""What runs took is learnt, and told of jobs like them; shortest first makes use of it."""

from __future__ import annotations

import importlib
import math
import random
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, OptionError, StoreUnavailable, current_job, task
from junmai_jobs.cache import Bounds
from junmai_jobs.estimates import (
    FEWEST,
    OBSERVATION_BYTES,
    WINDOW,
    Estimates,
    Like,
    Observation,
    Quantiles,
    Window,
    lessons,
    packed,
)
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.job import Claimed, new_id
from junmai_jobs.laws import check_laws
from junmai_jobs.learning import Learning, device
from junmai_jobs.shortest import PATIENCE

if TYPE_CHECKING:
    from junmai_jobs import Task
    from junmai_jobs.inspector import Inspector

MODULE = importlib.import_module("junmai_jobs.task")
KIND = Like("develop_size", "24 MP", "CPU")


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})


def teach(jobs: JobQueue, like: Like, *seconds: float, memory: int | None = None) -> None:
    runs = {like: [Observation(each, memory) for each in seconds]}
    jobs.broker.learn(new_id(), lessons(runs), most=WINDOW * OBSERVATION_BYTES)


def develop(**options: Any) -> Task[..., Any]:
    @task(name="develop_size", alike=lambda size: f"{size} MP", **options)
    def develop_size(size: int) -> int:
        return size

    return develop_size


# ---- What is told. ------------------------------------------------


def test_nothing_is_told_of_what_nobody_knows(jobs: JobQueue) -> None:
    made = develop()
    assert jobs.estimate(made, 24) is None
    teach(jobs, KIND, *[1.0] * (FEWEST - 1))
    assert Estimates(jobs.inspector).of(made, (24,)) is None


def test_the_closest_that_has_enough_counts(jobs: JobQueue) -> None:
    made = develop()
    teach(jobs, KIND, *[1.0] * 9, memory=2**28)
    teach(jobs, KIND._replace(device="GPU"), *[0.1] * 3)
    teach(jobs, KIND._replace(kind="50 MP"), *[3.0] * 4)
    known = Estimates(jobs.inspector)

    def half(size: int, device: str | None = None) -> float:
        found = known.of(made, (size,), device=device)
        assert found is not None
        return round(found.seconds.half, 3)

    assert half(24, "CPU") == 1.0
    assert half(24, "GPU") == half(24) == 1.0, "three runs on the card tell too little"
    assert half(50) == half(99) == 1.0, "as any of the task"
    found = known.of(made, (24,), device="CPU")
    assert found is not None
    assert (found.runs, found.memory) == (9, Quantiles(2**28, 2**28))


def test_it_is_asked_for_in_one_call_and_then_known_for_a_while(jobs: JobQueue) -> None:
    class Counting:
        def __init__(self, inspector: Inspector) -> None:
            self.inspector, self.calls = inspector, 0

        def observations(self, names: Any) -> Any:
            self.calls += 1
            return self.inspector.observations(names)

    made, counting = develop(), Counting(jobs.inspector)
    teach(jobs, KIND, *[1.0] * 9)
    known = Estimates(counting)  # type: ignore[arg-type]
    told = known.of_all((made, (size,), {}) for size in range(20, 30))
    assert all(told)
    assert known.of(made, kwargs={"size": 24})
    assert counting.calls == 1


@pytest.mark.parametrize("runs", [5, 9, 19, 200])
def test_a_quantile_is_as_true_of_few_runs_as_of_many(runs: int) -> None:
    """Of any distribution: the next value stays below it as often as it says."""
    chance = random.Random(7)
    below = [0, 0]
    for _ in range(1000):
        known = Quantiles.of(sorted(chance.lognormvariate(0, 1) for _ in range(runs)))
        value = chance.lognormvariate(0, 1)
        below[0] += value <= known.half
        below[1] += value <= known.most
    assert 0.46 < below[0] / 1000 < 0.54
    assert min(runs / (runs + 1), 0.9) - 0.03 < below[1] / 1000 < 0.93


def test_what_is_stored_reads_as_what_it_was() -> None:
    seen = [Observation(0.5, 3 * 2**20), Observation(0.25), Observation(2.0, 2**33)]
    window = Window.of(packed(seen))
    assert window.seconds == (0.25, 0.5, 2.0)
    assert window.memory == (3 * 2**20, 2**33)


@pytest.mark.parametrize("damage", [b"\x7f", b"\xff" * 8, b"\x7f\x80\0\0\0\0\0\0", b"\xbf\x80\0\0" * 2])
def test_what_is_damaged_tells_nothing(damage: bytes) -> None:
    sound = packed([Observation(1.0, 5)] * FEWEST)
    assert Window.of(damage) == Window()
    assert Window.of(sound + damage).estimate == Window.of(sound).estimate


# ---- What is learnt. ------------------------------------------------


class Child:
    """Runs jobs and notes what they took, as a worker's child does."""

    def __init__(self, jobs: JobQueue) -> None:
        self.jobs, self.learning = jobs, Learning(jobs.broker)

    def run(self, made: Task[..., Any], *args: Any, seconds: float = 0.01, note: str = "") -> None:
        job = Claimed("a", str(time.time_ns() // 1000), made.new_job(args, {}).body, note=note)
        assignment = prepare(job)
        assert isinstance(assignment, Assignment)
        self.learning.begin(assignment, 0.0)
        self.learning.end(assignment, execute(assignment, self.jobs.broker, kept=Bounds(100)), seconds)

    def runs_of(self, made: Task[..., Any], *args: Any) -> int:
        """Of how many runs something is known, if of any."""
        self.learning.tell()
        return self.known(made, *args)

    def known(self, made: Task[..., Any], *args: Any) -> int:
        names = Like(made.name, made.kind_of(args, {}), device()).names
        return len(Window.of(self.jobs.inspector.observations(names)[0] or b"").seconds)


def test_only_what_succeeded_by_its_own_work_counts(jobs: JobQueue) -> None:
    @task(name="develop_or_not", cache=True)
    def develop_or_not(what: str) -> str:
        if what == "part":
            current_job().cached(["a part"], lambda: 5)
        if what == "bad":
            raise ValueError(what)
        return what

    child = Child(jobs)
    for what in ("one", "two", "one", "bad", "part"):
        child.run(develop_or_not, what)
    assert child.runs_of(develop_or_not) == 3, "neither what was known nor what failed"
    child.run(develop_or_not, "three", note="memory:1")
    assert child.runs_of(develop_or_not) == 3, "nor what ran again after a lack of memory"
    child.run(develop_or_not.with_options(cache=None), "part")
    assert child.runs_of(develop_or_not) == 3, "nor what had a part of it done"


def test_an_alike_that_fails_tells_nothing(jobs: JobQueue) -> None:
    def fails(*_: object) -> str:
        raise OSError

    child = Child(jobs)
    for alike, kind in (
        (fails, None),
        (sys.exit, None),
        (lambda _: 5, None),
        (lambda _: " ", None),
        (lambda _: None, None),
        (lambda _: "24 MP\n|of\tall" + "x" * 90, "24 MP of all" + "x" * 52),
        (lambda _: "\udcff.nef", "?.nef"),
    ):
        made = task(name="develop_oddly", alike=alike)(abs)  # type: ignore[arg-type]
        assert made.kind_of((1,), {}) == kind
        child.run(made, 1)
        assert child.runs_of(made, 1), "it is learnt"
        MODULE._registry.clear()
    with pytest.raises(OptionError, match="alike is 5; give a function"):
        task(name="develop_oddly", alike=5)(abs)  # type: ignore[call-overload]


def test_what_cannot_be_told_is_forgotten(jobs: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    made, child = develop(), Child(jobs)

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the server is away")

    child.run(made, 24)
    with monkeypatch.context() as patched:
        patched.setattr(jobs.broker, "learn", away)
        child.learning.tell()
    child.run(made, 24)
    assert child.runs_of(made, 24) == 1


def test_it_is_told_every_few_seconds_and_sooner_when_there_is_nothing_to_do(
    jobs: JobQueue,
) -> None:
    made, child, now = develop(), Child(jobs), 100.0
    child.learning = Learning(jobs.broker, lambda: now)

    def known(seconds: float, *, is_idle: bool) -> int:
        nonlocal now
        now += seconds
        child.run(made, 24)
        child.learning.tell_if_due(is_idle=is_idle)
        return child.known(made, 24)

    assert known(0, is_idle=False) == 1, "the first at once"
    assert known(4.9, is_idle=False) == 1
    assert known(0.2, is_idle=False) == 3
    assert known(0.9, is_idle=True) == 3
    assert known(0.2, is_idle=True) == 5
    assert child.learning.tell_if_due(is_idle=True) == math.inf
    child.run(made, 24)
    assert child.learning.tell_if_due(is_idle=True) == pytest.approx(1), (
        "who has nothing to do sleeps no longer"
    )


def test_of_too_many_kinds_between_two_tellings_no_more_are_noted(jobs: JobQueue) -> None:
    made, child = develop(), Child(jobs)
    for size in range(120):
        child.run(made, size)
    assert child.runs_of(made, 99) == 1
    assert child.runs_of(made, 100) == 0


# ---- Shortest first. ------------------------------------------------


@pytest.fixture
def shortest(jobs: JobQueue) -> JobQueue:
    """The same queue to somebody who wants the shortest of ``default`` first."""
    return JobQueue(jobs.server.url, config=replace(jobs.config, shortest_first=("default",)))


def line(jobs: JobQueue, most: int = 5000) -> list[Any]:
    """The first argument of each job that waits, the first in line first."""
    ids = [place.id for place in jobs.inspector.next_ones(most, "default")]
    return [job.args[0] for job in jobs.inspector.load(ids)]


def test_the_shortest_are_first(jobs: JobQueue, shortest: JobQueue) -> None:
    made = develop()
    for size, seconds in ((12, 0.5), (24, 1.0), (50, 4.0)):
        teach(jobs, Like("develop_size", f"{size} MP", "CPU"), *[seconds] * 9)
    rows = [(size,) for size in (50, 24, 12, 50, 24, 12)]
    shortest.submit_many(made, rows)
    assert line(jobs) == [12, 12, 24, 24, 50, 50]
    shortest.submit(made, 12)
    shortest.submit(made.with_options(priority=6), 50)
    assert line(jobs) == [50, 12, 12, 12, 24, 24, 50, 50], "only inside a priority"
    shortest.close()


def test_first_in_is_first_out_where_nobody_asked_for_more_or_nothing_is_known(
    jobs: JobQueue, shortest: JobQueue
) -> None:
    made = develop()
    shortest.submit_many(made, [(50,), (12,), (24,)])
    assert line(jobs) == [50, 12, 24]
    for size, seconds in ((12, 0.5), (50, 4.0)):
        teach(jobs, Like("develop_size", f"{size} MP", "CPU"), *[seconds] * 9)
    jobs.submit_many(made, [(50,), (12,)])
    assert line(jobs) == [50, 12, 24, 50, 12]
    assert jobs.job(jobs.submit(made.with_options(queue="night"), 50).id).status == "queued"
    shortest.close()


def test_who_waits_for_others_or_for_its_time_has_the_place_it_comes_to(
    jobs: JobQueue, shortest: JobQueue
) -> None:
    made = develop()
    teach(jobs, KIND, *[1.0] * 9)
    parent = shortest.submit(made, 24)
    shortest.submit(made.with_options(delay=60), 24)
    shortest.submit(made.with_options(after=[parent]), 24)
    stats = jobs.stats()["jobs_by_status"]
    assert (stats["queued"], stats["scheduled"], stats["blocked"]) == (1, 1, 1)
    shortest.close()


def test_nothing_starves(jobs: JobQueue, shortest: JobQueue) -> None:
    """However many shorter ones come, at most so many pass; and a plain job's body is as it was."""
    made = develop()
    for size, seconds in ((12, 0.01), (50, 4.0)):
        teach(jobs, Like("develop_size", f"{size} MP", "CPU"), *[seconds] * 9)
    first = shortest.submit_many(made, [(12,)] * 40)
    long = shortest.submit(made, 50)
    shortest.submit_many(made, [(12,)] * (PATIENCE + 200))
    waiting = line(jobs)
    assert PATIENCE * 0.9 < waiting.index(50) - len(first) <= PATIENCE
    (stored,) = jobs.broker.extract([long.id.encode()])
    assert stored.body == made.new_job((50,), {}).body
    assert list(check_laws(jobs.broker, jobs.inspector)) == []
    shortest.close()
