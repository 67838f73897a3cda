"""A reaper that comes just when a lease is renewed: it is the one or the other, never both."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings
from junmai_jobs.errors import StaleLease
from tests.verbs.store import CLAIMER, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

LEASE = 1000.0


@pytest.fixture
def store(backends: Backends) -> Iterator[Store]:
    backend = backends.get("redis")
    with backend.namespace() as name:
        store = Store(backend.broker(name), backend.admin, name, backend.clock(name).advance)
        yield store
        store.audit()


@pytest.mark.parametrize(
    "seeds", [100, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_a_renewed_lease_is_never_reaped_and_a_reaped_one_never_renewed(store: Store, seeds: int) -> None:
    """The clock is the server's, moved: what passes by itself is nothing beside our steps."""
    broker = store.broker
    broker.register("w", {})
    lost_runs = 0
    for seed in range(seeds):
        chance = random.Random(seed)
        job_id = f"job-{seed}"
        store.add(job_id)
        job = broker.claim(CLAIMER, store.request(), ["default"], lease=LEASE)
        assert job is not None
        assert job.id == job_id
        left, lost = LEASE, False
        for _ in range(chance.randrange(4, 14)):
            # No sum of these is near a lease, and none makes the reaper one that slept.
            broker.reap(["other"], lease=LEASE)
            step = chance.choice((110, 290, 430))
            store.advance(step)
            left -= step
            for act in chance.choices(("renew", "reap"), k=chance.randrange(3)):
                if act == "reap":
                    broker.reap(["default"], lease=LEASE)
                    lost = lost or left < 0
                else:
                    renewed = broker.extend("w", [CLAIMER], lease=LEASE)
                    assert renewed == ({} if lost else {job.token: "HELD"})
                    left = left if lost else LEASE
            assert store.line("ready" if lost else "default:leases") == [job_id]
        if lost:
            with pytest.raises(StaleLease):
                broker.progress(job)
            again = store.claim()
            assert again is not None
            assert int(again.token) > int(job.token)
            job = again
        lost_runs += lost
        broker.end(job, endings.succeed(b""))
    assert seeds / 5 < lost_runs < seeds * 4 / 5


def test_at_the_very_end_of_a_lease_it_is_the_one_or_the_other(store: Store) -> None:
    """A few milliseconds before it or one after: the time of the calls themselves decides."""
    broker = store.broker
    broker.register("w", {})
    reaped: Counter[bool] = Counter()
    for seed in range(100):
        chance = random.Random(seed)
        store.add(job_id := f"job-{seed}")
        job = broker.claim(CLAIMER, store.request(), ["default"], lease=LEASE)
        assert job is not None
        for _ in range(2):
            broker.reap(["other"], lease=LEASE)
            store.advance(430)
        broker.reap(["other"], lease=LEASE)
        left = store.score(job_id, "default:leases") / 1000 - broker.due().now
        store.advance(left + chance.randrange(-5, 2) / 1000)
        if reap_first := chance.random() < 0.7:
            broker.reap(["default"], lease=LEASE)
        renewed = broker.extend("w", [CLAIMER], lease=LEASE)
        broker.reap(["default"], lease=LEASE)
        lost = store.line("ready") == [job_id]
        assert store.all_homes()[job_id] == ["ready" if lost else "leases"]
        assert renewed == ({} if lost else {job.token: "HELD"})
        if reap_first:
            reaped[lost] += 1
        again = store.claim() if lost else job
        assert again is not None
        broker.end(again, endings.succeed(b""))
    assert reaped.keys() == {True, False}
