"""What is always so, said of the model's jobs once the store was found to agree with them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.model.aging import BOUND
from tests.model.job import LANES, LIMITS, OFFERS, WAITING
from tests.model.schedules import ON_TIME

if TYPE_CHECKING:
    from tests.model.job import Job
    from tests.model.model import Model


def no_limit_is_passed(model: Model) -> None:
    held = Counter(key for job in model.running() for key in job.limits_held)
    assert all(count <= LIMITS[key].most for key, count in held.items())


def no_rate_is_passed(starts: dict[str, list[int]]) -> None:
    """Of starts between which the clock did not run back, those of any span are as many as may be."""
    for key, times in starts.items():
        limit = LIMITS[key]
        for first, last in zip(times, times[limit.most :], strict=False):
            assert last - first >= limit.span, key


def no_pool_gives_more_than_it_has(model: Model) -> None:
    taken = Counter[tuple[str, str]]()
    for job in model.running():
        for pool, amounts in job.pools_held.items():
            taken.update({(pool, name): amount for name, amount in amounts.items()})
    offered = {
        (pool["pool"], name): amount
        for pools in OFFERS.values()
        for pool in pools
        for name, amount in pool.items()
        if name != "pool"
    }
    assert all(amount <= offered[part] + 1e-6 for part, amount in taken.items())


def what_has_finished_stays(model: Model, before: dict[str, str]) -> dict[str, str]:
    """A finished job leaves its home only by revive or prune. Those that have finished by now."""
    finished = {job.id: job.word for job in model.jobs.values() if job.is_over}
    assert all(job_id in model.gone or finished.get(job_id) == word for job_id, word in before.items())
    model.gone.clear()
    return finished


def whoever_waits_for_a_limit_is_looked_at_again(model: Model) -> None:
    for job in model.jobs.values():
        assert not job.waits_for or job.waits_for in model.limits_due, job.id


def each_tick_is_fired_once(model: Model) -> None:
    """And those that are not fired are those that the schedule says may be left out."""
    for schedule in model.schedules.values():
        ticks, every = [tick for tick, _ in schedule.fired], schedule.plan.every
        assert ticks == sorted(set(ticks))
        match schedule.plan.catch_up:
            case "all":
                assert ticks == list(range(schedule.first, schedule.tick, every))
            case "once":
                assert schedule.tick == (ticks[-1] + every if ticks else schedule.first)
            case _:
                assert all(tick < schedule.tick for tick in ticks)
                assert all(read - tick <= ON_TIME for tick, read in schedule.fired)


def who_has_waited_for_the_bound_is_raised(model: Model, raised: list[Job]) -> None:
    """By a clock that never ran back."""
    assert all(model.now - model.placed[job.place] >= BOUND for job in raised)
    for oldest in filter(None, map(model.oldest, LANES)):
        if any(model.placed[oldest.place] < time <= model.now - BOUND for time in model.aged):
            assert oldest.priority == 10, oldest.id


def what_was_told_last_is_so(model: Model, told: dict[str, str]) -> None:
    """Of each job, while somebody listens; by the words of the stream itself."""
    in_line = {"ready", "scheduled", "blocked"}
    homes = {"submitted": in_line, "released": in_line, "scheduled": in_line}
    homes |= {"retrying": set(WAITING), "started": {"running"}}
    for job in model.jobs.values():
        if word := told.get(job.id):
            assert job.word in homes.get(word, {word}), job.id
