"""An input of which three processes have died is not tried any more; who crashes and who retries says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.scenarios import PHOTO, die, record
from tests.verbs.store import CLAIMER, ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_three_deaths_under_whichever_jobs(store: Store) -> None:
    tokens = [die(store, "a"), die(store, "b")]
    assert not store.broker.suspicion(PHOTO).quarantined
    tokens.append(die(store, "c", exit_code=1, input=PHOTO))
    assert store.broker.suspicion(PHOTO).deaths == [("a", "SIGSEGV"), ("b", "SIGSEGV"), ("c", "exit code 1")]
    assert [line.split()[0].decode() for line in record(store)] == tokens
    assert store.line("suspected") == [PHOTO]


def test_all_runs_of_one_job_count(store: Store) -> None:
    store.add("a")
    for _ in range(3):
        store.advance(5)
        store.broker.promote(["default"])
        assert store.claim() is not None
        store.broker.crash(CLAIMER, store.request(), {"signal": "SIGKILL", "input": PHOTO})
    assert store.homes("a") == ["failed"]
    assert store.broker.suspicion(PHOTO).deaths == [("a", "SIGKILL")] * 3


def test_a_later_death_replaces_the_first(store: Store) -> None:
    for job_id in "abcd":
        die(store, job_id)
    assert [job_id for job_id, _ in store.broker.suspicion(PHOTO).deaths] == ["b", "c", "d"]


def test_another_input_is_another(store: Store) -> None:
    for number, job_id in enumerate("abc"):
        die(store, job_id, signal="SIGSEGV", input=f"{PHOTO}{number}")
    assert not store.broker.suspicion(PHOTO).quarantined
    assert len(store.line("suspected")) == 3


@pytest.mark.parametrize(
    "detail",
    [
        {"signal": "SIGSEGV"},
        {"exit_code": 1, "input": ""},
        {"signal": "SIGSEGV", "text": f'"input":"{PHOTO}"'},
    ],
)
def test_a_death_of_which_no_input_is_known(store: Store, detail: dict[str, Any]) -> None:
    die(store, "a", **detail)
    assert (record(store), store.line("suspected")) == ([], [])


@pytest.mark.parametrize("how", ["lost with its worker", "lease over", "released", "killed for its timeout"])
def test_what_says_nothing_of_the_input(store: Store, how: str) -> None:
    die(store, "a")
    before = record(store)
    job = store.running("b")
    if how == "lost with its worker":
        store.broker.deregister("w", [CLAIMER], lost=True)
    elif how == "lease over":
        store.expire()
    elif how == "released":
        store.broker.release(CLAIMER, store.request())
    else:
        store.broker.end(job, verbs.fail(ERROR, "timeout"))
    assert record(store) == before


def test_a_run_counts_once_however_often_it_is_told(store: Store) -> None:
    """Even by a supervisor whose own record of the call was lost in a torn log."""
    detail = {"signal": "SIGSEGV", "input": PHOTO}
    store.running("a")
    claimers, states, leases = store.keys.claimers, store.keys.states, store.keys.queue("default", "leases")
    record_before, state = store.admin.hget(claimers, CLAIMER), store.admin.hget(states, "a")
    lease = store.admin.zrange(leases, 0, -1, withscores=True)
    for _ in range(3):
        store.broker.crash(CLAIMER, "1.end", detail)
        assert len(record(store)) == 1
        store.admin.zrem(store.keys.queue("default", "ready"), "a")
        store.admin.zadd(leases, {"a": lease[0][1]})
        store.admin.hset(claimers, CLAIMER, record_before)
        store.admin.hset(states, "a", state)
    store.expire()


def test_force_lifts_it_for_every_job(store: Store) -> None:
    for job_id in "abc":
        die(store, job_id)
    store.broker.revive("b", "person.1", force=True)
    assert store.homes("b") == ["ready"]
    assert not store.broker.suspicion(PHOTO).quarantined
    assert (record(store), store.line("suspected")) == ([], [])


def test_force_on_a_job_that_was_refused(store: Store) -> None:
    for job_id in "abc":
        die(store, job_id)
    store.ended("d", verbs.fail(ERROR, "quarantined", input_id=PHOTO))
    store.broker.revive("d", "person.1", force=True)
    assert not store.broker.suspicion(PHOTO).quarantined


def test_it_is_the_input_last_worked_on_that_is_tried_again(store: Store) -> None:
    """What was in the file before does not matter."""
    store.add("a")
    for key in ("other", PHOTO):
        store.claim()
        store.broker.crash(CLAIMER, store.request(), {"signal": "SIGSEGV", "input": key})
    store.broker.cancel("a", "person")
    store.broker.revive("a", "person.1", force=True)
    assert store.line("suspected") == ["other"]


def test_without_force_it_stays(store: Store) -> None:
    for job_id in "abc":
        die(store, job_id)
    before = record(store)
    store.broker.revive("b", "person.1")
    assert record(store) == before


def test_force_where_nothing_is_known_is_a_plain_revive(store: Store) -> None:
    store.ended("a", verbs.fail({**ERROR, "message": f'"input":"{PHOTO}"'}))
    for job_id in "bcd":
        die(store, job_id)
    store.broker.revive("a", "person.1", force=True)
    assert store.homes("a") == ["ready"]
    assert len(store.broker.suspicion(PHOTO).deaths) == 3


def test_force_lifts_once_a_request(store: Store) -> None:
    die(store, "a")
    store.broker.revive("a", "person.1", force=True)
    for job_id in "bcd":
        store.claim(claimer="w/2")
        die(store, job_id)
    with store.unchanged():
        store.broker.revive("a", "person.1", force=True)


@pytest.mark.parametrize("junk", [b"", b"junk", b"\xff\n\n||| 7", b"7\n8 a\n 9 b SIGSEGV\nx 1 2"])
def test_a_record_that_cannot_be_read_is_none(store: Store, junk: bytes) -> None:
    store.admin.hset(store.keys.suspects, PHOTO, junk)
    assert not store.broker.suspicion(PHOTO).quarantined
    for job_id in "abc":
        die(store, job_id)
    assert [job_id for job_id, _ in store.broker.suspicion(PHOTO).deaths] == ["a", "b", "c"]


def test_the_newest_ten_thousand_are_kept(store: Store) -> None:
    names = [f"noop 1 {number:05}" for number in range(10_250)]
    for at in range(0, len(names), 1000):
        page = names[at : at + 1000]
        store.admin.hset(store.keys.suspects, mapping=dict.fromkeys(page, b"1 a SIGSEGV"))
        store.admin.zadd(store.keys.suspected, {name: 1 + number for number, name in enumerate(page, at)})
    for job_id, left in (("a", 10_151), ("b", 10_051), ("c", 10_000)):
        die(store, job_id)
        assert store.admin.zcard(store.keys.suspected) == left
        assert store.admin.hlen(store.keys.suspects) == left
    assert store.line("suspected")[0] == names[251]
    assert len(store.broker.suspicion(PHOTO).deaths) == 3
