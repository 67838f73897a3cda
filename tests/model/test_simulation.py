"""The library's own workers in a simulated world: whatever goes wrong, nothing is lost or ends twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.model.simulation import Simulation, replay
from tests.model.simulation_actors import stage
from tests.model.simulation_mutants import MUTANTS
from tests.model.simulation_store import Mutant, SimulatedStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.backends import Backends
    from tests.model.simulation import Outcome

SEEDS = range(1, 21)
COMMON = {
    "repeated ending", "repeated claim", "taken by crash", "retrying -> ready", "blocked -> ready",
    "leases -> succeeded", "leases -> failed", "leases -> scheduled", "leases -> ready",
}  # fmt: skip
"""What these seeds are for."""
RARE = {
    "stale ending", "taken by reap", "taken by release", "taken by step", "taken by deregister",
    "failed -> ready", "leases -> cancelled", "confirm_cancel", "step_aside", "fire",
}  # fmt: skip


@pytest.fixture
def simulated(backends: Backends) -> Iterator[SimulatedStore]:
    store = SimulatedStore(backends.get("redis").admin)
    with stage():
        yield store
    store.close()


def outcomes(store: SimulatedStore, seeds: Iterable[int]) -> Iterator[Outcome]:
    for seed in seeds:
        outcome = Simulation(store, seed).run()
        if outcome.error is not None:
            pytest.fail(str(outcome))
        yield outcome


def test_nothing_is_lost_and_nothing_ends_twice(simulated: SimulatedStore) -> None:
    seen: set[str] = set()
    for outcome in outcomes(simulated, SEEDS):
        seen |= outcome.seen.keys()
    assert seen >= COMMON


def test_a_seed_is_always_the_same_story(simulated: SimulatedStore) -> None:
    first, again = outcomes(simulated, [5, 5])
    assert (first.digest, first.calls) == (again.digest, again.calls)


def seeds_until_found(backends: Backends, mutant: Mutant, most: int) -> int | None:
    """How many seeds it takes to find what is broken."""
    store = SimulatedStore(backends.get("redis").admin, mutant)
    try:
        with stage():
            errors = (Simulation(store, seed).run().error for seed in range(1, most + 1))
            return next((seed for seed, error in enumerate(errors, 1) if error is not None), None)
    finally:
        store.close()


@pytest.mark.parametrize("mutant", MUTANTS[:1], ids=lambda mutant: mutant.name)
def test_broken_scripts_are_found(backends: Backends, mutant: Mutant) -> None:
    assert seeds_until_found(backends, mutant, 20) is not None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS[1:], ids=lambda mutant: mutant.name)
def test_scripts_broken_otherwise_are_found(backends: Backends, mutant: Mutant) -> None:
    assert seeds_until_found(backends, mutant, 300) is not None


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_lost_at_length(simulated: SimulatedStore) -> None:
    first = random.SystemRandom().randrange(10**9)
    print(f"from seed {first}; {replay(first)}")
    seen: set[str] = set()
    for outcome in outcomes(simulated, range(first, first + 1_500)):
        seen |= outcome.seen.keys()
    assert seen >= COMMON | RARE
