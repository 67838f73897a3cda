"""Series stay few, whatever queues, tasks and workers are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs.job import Body, NewJob, new_id
from junmai_jobs.labels import MOST, OTHER, Labels
from tests.scrapes import TASK, counters, registry_of, scrape, submit, succeed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs import JobQueue
    from tests.scrapes import Figures


def odd_names(count: int) -> list[str]:
    """All that a name may look like: long ones, dots, dashes, digits."""
    shapes = ("{0}", "q.{0}", "{0}-", "a..{0}__-", "0.{0}-z", "{0:0>128}", "n{0:->127}", "{0}._-")
    names = [shapes[number % len(shapes)].format(number) for number in range(count)]
    assert len(set(names)) == count
    return names


def spread(jobs: JobQueue, names: Sequence[str]) -> None:
    """A job in each queue."""
    for at in range(0, len(names), 200):
        page = names[at : at + 200]
        jobs.broker.enqueue(
            [NewJob(new_id(), Body(queue=each, priority=5, task=TASK).encode(stamp=True)) for each in page]
        )


def values(found: Figures, name: str, place: int = 1) -> set[str]:
    return {key[place] for key in found if key[0] == name}


def test_what_would_steer_a_terminal_is_no_value() -> None:
    labels = Labels()
    steering = ("\x1b[31mred", "a\nb 1", "\u202eback", "\x07", "\ud800")
    assert {labels.of(name) for name in steering} == {OTHER}
    assert [labels.of(name) for name in ("写真:7:1", 'a"b\\')] == ["写真:7:1", 'a"b\\']


def test_10_000_odd_queues_are_100_and_the_others(jobs: JobQueue) -> None:
    names = odd_names(10_000)
    spread(jobs, names[:500])
    registry = registry_of(jobs)
    first = scrape(registry, jobs)
    spread(jobs, names[500:])
    jobs.pause(names[-1])
    found = scrape(registry, jobs)
    depths = {
        key[1]: value for key, value in found.items() if key[0] == "junmai_queue_depth" and "queued" in key
    }
    assert len(depths) == MOST + 1
    assert sum(depths.values()) == len(names)
    assert depths[OTHER] == len(names) - (MOST - 4), "all but the four that are always there"
    assert values(found, "junmai_queue_depth") == values(first, "junmai_queue_depth"), (
        "none takes another's place"
    )
    assert found["junmai_queue_paused", OTHER] == 1
    assert found["junmai_queue_oldest_wait_seconds", OTHER] >= max(
        value for key, value in first.items() if key[:2] == ("junmai_queue_oldest_wait_seconds", OTHER)
    )
    assert len(found) < 2_000
    assert scrape(registry, jobs).keys() == found.keys()


def test_many_tasks_and_many_queues_that_end_jobs(jobs: JobQueue) -> None:
    registry = registry_of(jobs)
    names = odd_names(300)
    told: Figures = {}
    for part in (names[:150], names[150:], names[::-1]):
        for name in part:
            submit(jobs, name, name)
            succeed(jobs, name)
        found = scrape(registry, jobs)
        assert {key: value for key, value in counters(told).items() if found.get(key, 0.0) < value} == {}
        told = found
    by_task = {key[2]: value for key, value in told.items() if key[:2] == ("junmai_jobs_total", "succeeded")}
    assert len(by_task) == MOST + 1
    assert sum(by_task.values()) == 600
    assert by_task[OTHER] > 300
    waits = {key[1]: value for key, value in told.items() if key[0] == "junmai_job_wait_seconds_count"}
    assert len(waits) <= MOST + 1
    assert sum(waits.values()) == 600


def test_a_worker_that_has_gone_leaves_its_place_to_another() -> None:
    labels = Labels(most=2)
    assert [labels.of(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]
    labels.keep(["b", "c"])
    assert [labels.of(name) for name in ("c", "b", "d")] == ["c", "b", OTHER]
