"""What is always so, said of the model's jobs once the store was found to agree with them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.model.job import LIMITS, OFFERS

if TYPE_CHECKING:
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
        assert not job.waits_for or job.waits_for in model.thaws, job.id
