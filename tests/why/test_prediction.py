"""When a job will start, and when it does: on a real server, by a clock that is moved."""

from __future__ import annotations

import random
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.why.simulated import Simulated

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.broker import Broker
    from tests.backends import Backend, Backends

BOUND = 0.25
"""Of the predicted wait, that the real one may be longer or shorter by."""
WARM = 120
"""So many jobs have begun before anybody asks: what a steady load has behind it."""
Asked = list[tuple[list[str], tuple[float, ...]]]


def even(studio: Simulated) -> Asked:
    """One queue, one priority, three slots."""
    studio.worker("w", 3, "default")
    return [(studio.submit(400, 0.05, 0.2), (0.1, 0.3, 0.6, 0.95))]


def priorities(studio: Simulated) -> Asked:
    studio.worker("w", 3, "default")
    rows = {priority: studio.submit(140, 0.05, 0.2, priority=priority) for priority in (1, 5, 9)}
    return [(rows[5], (0.3, 0.8)), (rows[1], (0.2, 0.8))]


def queues(studio: Simulated) -> Asked:
    """A worker for all, and one for the last of them."""
    studio.worker("w", 2, "high_priority", "default", "low_priority")
    studio.worker("v", 1, "low_priority")
    rows = {name: studio.submit(120, 0.05, 0.2, queue=name) for name in studio.workers["w"].queues}
    return [(rows["default"], (0.3, 0.8)), (rows["low_priority"], (0.7, 0.9))]


def two_tasks(studio: Simulated) -> Asked:
    """Slow jobs stand behind quick ones, and more of them before."""
    studio.worker("w", 3, "default")
    studio.submit(60, 0.2, 0.4, task="slow", priority=9)
    quick = studio.submit(200, 0.02, 0.05)
    return [(quick, (0.5, 0.9)), (studio.submit(60, 0.2, 0.4, task="slow"), (0.3, 0.9))]


def stream(studio: Simulated) -> Asked:
    """More urgent jobs come all the time, and take a fourth of the slots."""
    studio.worker("w", 3, "default")
    handles = studio.submit(600, 0.05, 0.2, priority=1)
    studio.stream(6, 0.05, 0.2, priority=9)
    studio.run_for(10)
    return [(handles, (0.2, 0.5, 0.95))]


def limit(studio: Simulated) -> Asked:
    """Half of the jobs wait for room in a limit, out of line; the others stand in it."""
    studio.worker("w", 3, "default")
    narrow = studio.submit(150, 0.05, 0.2, extras={"c": "narrow,1"})
    return [(narrow, (0.3, 0.9)), (studio.submit(300, 0.05, 0.2), (0.5, 0.9))]


def rate(studio: Simulated) -> Asked:
    studio.worker("w", 3, "default")
    return [(studio.submit(260, 0.05, 0.2, extras={"r": "paced~,5,1000"}), (0.1, 0.5, 0.9))]


def later(studio: Simulated) -> Asked:
    """For later, while others keep all slots busy."""
    studio.worker("w", 3, "default")
    studio.submit(260, 0.05, 0.2)
    delays = ((7, 5), (9, 9), (30, 5))
    late = [studio.submit(1, 0.05, 0.2, delay=delay, priority=priority)[0] for delay, priority in delays]
    return [(late, (0, 0.5, 1))]


LOADS = (even, priorities, queues, two_tasks, stream, limit, rate, later)


def errors(studio: Simulated, asked: Asked) -> list[float]:
    """Of what is told of some jobs, relative to the wait that was told."""
    told = []
    for ids, shares in asked:
        waiting = [job_id for job_id in ids if job_id not in studio.started]
        for share in shares:
            why = studio.why(waiting[int(share * (len(waiting) - 1))])
            assert why.expected_start is not None, why
            told.append((why.id, studio.now, datetime.fromisoformat(why.expected_start).timestamp()))
    studio.run(lambda: all(job_id in studio.started for job_id, _, _ in told))
    return [abs(studio.started[job_id] - start) / (start - asked_at) for job_id, asked_at, start in told]


def check(studio: Simulated, load: Callable[[Simulated], Asked]) -> None:
    asked = load(studio)
    studio.run(lambda: len(studio.started) >= WARM)
    found = errors(studio, asked)
    assert max(found) < BOUND, found


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.__name__)
def test_under_a_steady_load_it_is_told_within_the_bound(
    load: Callable[[Simulated], Asked], backends: Backends
) -> None:
    backend = backends.get("redis")
    with backend.namespace() as namespace:
        check(Simulated(backend, backend.broker(namespace)), load)


def test_so_it_is_on_every_server(backend: Backend, broker: Broker) -> None:
    check(Simulated(backend, broker), limit)


@pytest.mark.parametrize("seed", range(8))
def test_one_that_just_makes_or_misses_a_span_is_told_so(seed: int, backends: Backends) -> None:
    backend = backends.get("redis")
    with backend.namespace() as namespace:
        check(Simulated(backend, backend.broker(namespace), chance=random.Random(seed)), rate)


def test_what_nobody_has_seen_end_is_not_guessed(backend: Backend, broker: Broker) -> None:
    studio = Simulated(backend, broker)
    studio.worker("w", 1, "default")
    _, second, *_ = studio.submit(5, 10, 10)
    studio.run(lambda: len(studio.started) == 1)
    why = studio.why(second)
    assert (why.reason, why.position, why.expected_start) == ("position", 0, None)
    assert why.detail.endswith("when it starts is not known: no job of noop has ended yet")


def test_the_end_of_a_parent_is_told_from_its_own_place_in_line(backend: Backend, broker: Broker) -> None:
    studio = Simulated(backend, broker)
    studio.worker("w", 1, "default")
    studio.submit(10, 1, 1)
    parent = studio.submit(1, 1, 1)[0]
    child = studio.submit(1, 1, 1, after=[parent])[0]
    grandchild = studio.submit(1, 1, 1, after=[child])[0]
    studio.run(lambda: len(studio.started) == 5)
    why = studio.why(grandchild)
    assert why.reason == "dependency"
    assert (
        f"it waits for the end of {child} (blocked); of these {child}: it waits for the end of {parent}"
        in why.detail
    )
    assert "before it" in why.detail
    assert why.expected_start is not None
    assert datetime.fromisoformat(why.expected_start).timestamp() - studio.now == pytest.approx(8, abs=0.5)
