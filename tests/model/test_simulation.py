"""The library's own workers in a simulated world: whatever goes wrong, nothing is lost or ends twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import scripts
from tests.model.simulation import Simulation, replay
from tests.model.simulation_actors import stage
from tests.model.simulation_mutants import MUTANTS
from tests.model.simulation_store import Mutant, SimulatedStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.backends import Backends
    from tests.model.simulation import Outcome

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 21)
COMMON = {
    "repeated ending", "repeated claim", "claimed ahead", "taken by crash",
    "retrying -> ready", "blocked -> ready",
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


def test_each_way_to_break_the_verbs_changes_them() -> None:
    library = scripts.library(moved_clock=True)
    assert [mutant.name for mutant in MUTANTS if mutant.old not in library] == []


def test_nothing_is_lost_and_nothing_ends_twice(simulated: SimulatedStore) -> None:
    seen: set[str] = set()
    for outcome in outcomes(simulated, SEEDS):
        seen |= outcome.seen.keys()
    assert seen >= COMMON


def test_a_seed_is_always_the_same_story(simulated: SimulatedStore) -> None:
    first, again = outcomes(simulated, [5, 5])
    assert (first.digest, first.calls) == (again.digest, again.calls)


def told(seeds: int, hash_seed: int) -> list[str]:
    """All that happens by so many seeds, in a process that orders its sets by this one."""
    command = [sys.executable, "-m", "tests.model.simulation", "--seeds", f"{seeds}", "--trace"]
    environment = os.environ | {"PYTHONHASHSEED": f"{hash_seed}"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    return done.stdout.splitlines()[:-1]  # the last tells how long it took


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seeds", [5, pytest.param(300, marks=pytest.mark.slow)])
def test_it_is_the_same_in_every_process(seeds: int) -> None:
    story = told(seeds, 1)
    assert len(story) > 100 * seeds
    assert told(seeds, 2) == story


def check_that_it_is_found(whole: SimulatedStore, mutant: Mutant, most: int) -> None:
    """By a law, and by one of so many seeds that finds nothing in the whole scripts."""
    broken = SimulatedStore(whole.admin, mutant)
    try:
        found = (Simulation(broken, seed).run() for seed in range(1, most + 1))
        finding = next((outcome for outcome in found if outcome.error is not None), None)
    finally:
        broken.close()
    assert finding is not None
    assert isinstance(finding.error, AssertionError), str(finding)
    assert len(list(outcomes(whole, [finding.seed]))) == 1


@pytest.mark.parametrize("mutant", MUTANTS[:1], ids=lambda mutant: mutant.name)
def test_broken_scripts_are_found(simulated: SimulatedStore, mutant: Mutant) -> None:
    check_that_it_is_found(simulated, mutant, 20)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS[1:], ids=lambda mutant: mutant.name)
def test_scripts_broken_otherwise_are_found(simulated: SimulatedStore, mutant: Mutant) -> None:
    check_that_it_is_found(simulated, mutant, 300)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_lost_at_length(simulated: SimulatedStore) -> None:
    first = random.SystemRandom().randrange(10**9)
    print(f"from seed {first}; {replay(first)}")
    seen: set[str] = set()
    for outcome in outcomes(simulated, range(first, first + 1_500)):
        seen |= outcome.seen.keys()
    assert seen >= COMMON | RARE
