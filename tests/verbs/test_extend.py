from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store


@pytest.fixture(autouse=True)
def _worker(store: Store) -> None:
    store.broker.register("w", {"pid": 1})


def test_a_worker_that_is_not_registered_is_told_so(store: Store) -> None:
    store.running("a")
    with store.unchanged():
        assert store.broker.extend("stranger", ["w/1"]) is None


def test_a_lease_is_whole_again(store: Store) -> None:
    job = store.running("a")
    before = store.score("a", "leases")
    store.advance(20)
    assert store.broker.extend("w", ["w/1"]) == {job.token: "HELD"}
    assert store.score("a", "leases") >= before + 20_000
    assert store.homes("a") == ["leases"]


def test_the_worker_shows_that_it_lives(store: Store) -> None:
    before = store.score("w", "workers")
    store.advance(20)
    assert store.broker.extend("w", []) == {}
    assert store.score("w", "workers") >= before + 20_000


def test_a_lease_that_is_over_but_not_reaped_is_saved(store: Store) -> None:
    job = store.running("a")
    store.broker.reap(["default"])
    store.advance(40)
    assert store.broker.extend("w", ["w/1"]) == {job.token: "HELD"}
    store.broker.reap(["default"])
    assert store.homes("a") == ["leases"]


def test_all_claimers_in_one_call(store: Store) -> None:
    first, second = store.running("a", claimer="w/1"), store.running("b", claimer="w/2", queue="night")
    renewals = store.broker.extend("w", ["w/2", "w/3", "w/1"])
    assert renewals == {second.token: "HELD", first.token: "HELD"}


def test_the_worker_hears_of_a_cancellation(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    assert store.broker.extend("w", ["w/1"]) == {job.token: "CANCEL"}


def test_a_lease_that_was_reaped_is_lost(store: Store) -> None:
    store.running("a")
    store.expire()
    assert store.broker.extend("w", ["w/1"]) == {}
    assert store.homes("a") == ["ready"]


def test_a_job_that_was_given_to_another_is_lost(store: Store) -> None:
    store.running("a")
    store.expire()
    other = store.claim(claimer="w/2")
    assert other is not None
    before = store.score("a", "leases")
    store.advance(10)
    assert store.broker.extend("w", ["w/1"]) == {}
    assert store.score("a", "leases") == before


@pytest.mark.parametrize(
    "how",
    [verbs.succeed(b""), verbs.fail(ERROR), verbs.retry(10, ERROR), verbs.defer(10)],
    ids=lambda how: how.verb,
)
def test_who_has_ended_its_job_holds_nothing(store: Store, how: Ending) -> None:
    job = store.running("a")
    store.broker.end(job, how)
    assert store.broker.extend("w", ["w/1"]) == {}
    assert store.line("leases") == []


def test_who_gave_its_job_back_holds_nothing(store: Store) -> None:
    store.running("a")
    store.broker.release("w/1", store.request())
    assert store.broker.extend("w", ["w/1"]) == {}
    assert store.homes("a") == ["ready"]
