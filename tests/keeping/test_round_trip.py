"""What is exported and imported again is there as it was."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import InvalidState, StaleLease
from tests.keeping.whole import DONE, QUEUES, damage, exported, fill, imported, kept
from tests.verbs.scenarios import KEY, work
from tests.verbs.scenarios import schedule as hourly
from tests.verbs.store import ERROR, NEWER_BODY, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backend
    from tests.keeping.conftest import MakeStore
    from tests.verbs.store import Store


@pytest.fixture
def full(make_store: MakeStore) -> Store:
    store = make_store()
    fill(store)
    return store


def test_every_key_has_what_it_had(backend: Backend, full: Store, make_store: MakeStore) -> None:
    damage(full)
    before = kept(full)
    with full.unchanged():
        data, told = exported(backend, full.broker, full.namespace)
    copy = make_store()
    found = imported(copy.broker, data)
    assert kept(copy) == before
    assert told.jobs == found.jobs == len(before["bodies"])
    assert (told.rows, told.left_out, told.sha256) == (found.rows, 0, found.sha256)
    assert found.header.namespace == full.namespace
    assert copy.rung() >= {"alarm", "default", "night"}


def test_exported_flushed_and_imported_it_is_the_same(backend: Backend, full: Store) -> None:
    before, offset = kept(full), full.admin.hget(full.keys.meta, "clock_offset")
    data, _ = exported(backend, full.broker, full.namespace)
    full.admin.delete(*full.admin.scan_iter(f"{full.keys.prefix}*", count=1000))
    assert full.exact() == {}
    full.admin.hset(full.keys.meta, "clock_offset", offset)
    imported(full.broker, data)
    assert kept(full) == before
    full.audit()


def test_all_jobs_run_to_their_end(backend: Backend, full: Store, make_store: MakeStore) -> None:
    copy = make_store()
    imported(copy.broker, exported(backend, full.broker, full.namespace)[0])
    ends = []
    for store in (full, copy):
        store.broker.unschedule("hourly", "person.9")
        store.broker.unschedule("nightly", "person.9")
        for _ in range(2):
            store.advance(7200)
            store.broker.register("last", {"offers": [{"pool": "studio", "ram_mb": 64_000}]})
            work(store, "last", "default+ram_mb=1000")
        store.audit()
        ends.append({name: set(store.line(name)) for name in ("succeeded", "failed", "cancelled")})
        assert sum(map(len, store.all_homes().values())) == sum(map(len, ends[-1].values()))
    assert ends[0] == ends[1]
    assert {"again", "deferred", "crashed.once", "child", "grandchild", "limited.3", "machine"} <= ends[1][
        "succeeded"
    ]
    assert {"on.failure", "cancelled"} <= ends[1]["cancelled"]


def test_a_unique_key_is_had_by_who_had_it(backend: Backend, full: Store, make_store: MakeStore) -> None:
    copy = make_store()
    imported(copy.broker, exported(backend, full.broker, full.namespace)[0])
    for key, owner in (("folder", "only.one"), ("sheet", "was.the.one")):
        again = new_job("another", extras={"u": f"{key},alive,0,first"})
        assert copy.broker.enqueue([again]) == [owner]


def test_tokens_and_places_do_not_go_back(backend: Backend, full: Store, make_store: MakeStore) -> None:
    last = full.running("last.one", priority=10)
    data, _ = exported(backend, full.broker, full.namespace)
    copy = make_store()
    copy.advance(-86400)
    imported(copy.broker, data)
    for _ in range(2):  # the run that was handed back, and a new one
        job = copy.claim()
        assert job is not None
        assert int(job.token) > int(last.token)
    copy.add("behind", priority=3)
    copy.add("before", priority=3)
    line = copy.line()
    assert line.index("behind") < line.index("before")
    assert line.index("behind") > line.index("ready.0")


def test_a_namespace_that_has_given_larger_ones_keeps_them(
    backend: Backend, full: Store, make_store: MakeStore
) -> None:
    data, _ = exported(backend, full.broker, full.namespace)
    copy = make_store()
    copy.admin.hset(copy.keys.meta, mapping={"token": "8999999999999999", "sequence": "4000000"})
    imported(copy.broker, data)
    assert copy.admin.hmget(copy.keys.meta, "token", "sequence") == [b"8999999999999999", b"4000000"]


def test_what_runs_is_handed_back(backend: Backend, make_store: MakeStore) -> None:
    store = make_store()
    store.ended("earlier", verbs.retry(0, ERROR))
    store.broker.promote(["default"])
    store.add("waits.for.room", "b", extras={"c": "key,1"})
    store.add("a")
    first = store.claim(claimer="w/1")
    assert first is not None
    store.broker.checkpoint(first, b"\x05")
    job = store.running("holds", extras={"c": "key,1"}, priority=10, claimer="w/2")
    store.claim(claimer="w/3")
    store.running("to.be.cancelled", priority=10, claimer="w/4")
    store.broker.cancel("to.be.cancelled", "person.1")
    assert store.homes("waits.for.room") == ["blocked"]
    copy = make_store()
    imported(copy.broker, exported(backend, store.broker, store.namespace)[0])
    assert copy.homes("holds") == ["ready"]
    assert copy.homes("to.be.cancelled") == ["cancelled"]
    assert copy.events("holds") == ["released"]
    assert (copy.state("holds").failures, copy.state("holds").crashes) == (0, 0)
    assert copy.score("holds") == int(store.state("holds").score)
    assert copy.state(first.id).failures == store.state(first.id).failures
    with pytest.raises(StaleLease):
        copy.broker.end(job, DONE)
    again = copy.claim(claimer="new/1")
    assert again is not None
    assert again.id == "holds"
    work(copy)
    assert len(copy.line("succeeded")) == 5
    assert copy.admin.zcard(copy.keys.holders) == 0


@pytest.mark.parametrize("order", ["other parent child", "other child parent", "child other parent"])
def test_a_child_of_a_run_that_was_to_be_cancelled_is_told_in_whichever_order_they_come(
    backend: Backend, make_store: MakeStore, order: str
) -> None:
    store = make_store()
    store.running("other", claimer="w/1")
    store.running("parent", claimer="w/2")
    store.add("child", after=("continue=parent",))
    for job_id in ("other", "parent"):
        store.broker.cancel(job_id, "person.1")
    data = exported(backend, store.broker, store.namespace)[0]
    header, *lines, _ = data.splitlines(keepends=True)
    by_id = {json.loads(line)["job"]: line for line in lines[:3]}
    copy = make_store()
    imported(copy.broker, ended([header, *(by_id[each] for each in order.split()), *lines[3:]]))
    assert copy.homes("parent") == ["cancelled"]
    work(copy)
    assert copy.homes("child") == ["succeeded"]


def ended(lines: list[bytes]) -> bytes:
    """An export of these lines."""
    jobs, rows = (sum(line.startswith(mark) for line in lines) for mark in (b'{"job":', b'{"in":'))
    end = {"jobs": jobs, "rows": rows, "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    return b"".join(lines) + json.dumps({"end": end}).encode() + b"\n"


def test_a_parent_that_was_forgotten_meanwhile_is_not_waited_for(
    backend: Backend, make_store: MakeStore
) -> None:
    store = make_store()
    store.add("over", "waits", "p")
    store.add("child", after=("cancel=over",))
    store.add("child.of.two", after=("cancel=over", "cancel=waits"))
    data = exported(backend, store.broker, store.namespace)[0]
    lines = [line for line in data.splitlines(keepends=True)[:-1] if b'"job":"over"' not in line]
    copy = make_store()
    imported(copy.broker, ended(lines))
    assert copy.line() == ["waits", "p", "child"]
    assert copy.homes("child.of.two") == ["blocked"]
    work(copy)
    assert sorted(copy.line("succeeded")) == ["child", "child.of.two", "p", "waits"]


def test_from_one_kind_of_server_to_the_other_and_back(
    backend: Backend, others: list[Backend], full: Store, make_store: MakeStore
) -> None:
    damage(full)
    before, data = kept(full), exported(backend, full.broker, full.namespace)[0]
    for other in others:
        there = make_store(other)
        imported(there.broker, data)
        assert kept(there) == before
        back = make_store()
        imported(back.broker, exported(other, there.broker, there.namespace)[0])
        assert kept(back) == before


def test_a_second_export_of_a_namespace_at_rest_has_the_same_lines(
    backend: Backend, full: Store, make_store: MakeStore
) -> None:
    data, _ = exported(backend, full.broker, full.namespace)
    copy = make_store()
    imported(copy.broker, data)
    again, _ = exported(backend, copy.broker, copy.namespace)
    lines = [sorted(each.splitlines()[1:-1]) for each in (data, again)]
    assert lines[0] == lines[1]


def test_it_can_be_read_with_what_every_system_has(backend: Backend, full: Store) -> None:
    data, told = exported(backend, full.broker, full.namespace)
    lines = [json.loads(line) for line in data.decode("ascii").splitlines()]
    assert lines[0] | {"junmai_jobs": "export", "format": 1, "namespace": full.namespace} == lines[0]
    assert sum("job" in line for line in lines) == told.jobs
    child = next(line for line in lines if line.get("job") == "child")
    assert child["dependencies"] == "cancel=parent"
    assert child["home"] == "blocked"
    assert hashlib.sha256(b"".join(data.splitlines(keepends=True)[:-1])).hexdigest() == told.sha256
    assert lines[-1]["end"]["sha256"] == told.sha256


def test_of_a_newer_version_it_keeps_every_byte(backend: Backend, full: Store, make_store: MakeStore) -> None:
    damage(full)
    copy = make_store()
    imported(copy.broker, exported(backend, full.broker, full.namespace)[0])
    body = copy.admin.hget(copy.keys.bodies, "newer")
    assert body == NEWER_BODY.replace(b"3default", b"9last")
    copy.broker.resume(["last"])
    copy.broker.cancel("parent", "person.9")
    step = copy.broker.step("w/1", "1.99", ["last"])
    assert step.newer == "last"
    assert copy.line("last:ready")[0] == "newer"


# ---- where it goes ---------------------------------------------------------------------------------------


def test_a_namespace_that_is_not_empty_is_refused(
    backend: Backend, full: Store, make_store: MakeStore
) -> None:
    data, _ = exported(backend, full.broker, full.namespace)
    ways: tuple[tuple[Callable[[Store], object], str], ...] = (
        (lambda store: store.add("a"), "jobs"),
        (lambda store: store.broker.schedule(hourly()), "schedules"),
        (
            lambda store: store.broker.remember(KEY, "1", b"x", lasts=9, most=9, room=99),
            "values that were made",
        ),
    )
    for fill_one, what in ways:
        store = make_store()
        fill_one(store)
        with store.unchanged(), pytest.raises(InvalidState, match=f"not empty, it has {what}.*--namespace"):
            imported(store.broker, data)


def test_workers_that_wait_there_and_a_pause_do_no_harm(
    backend: Backend, full: Store, make_store: MakeStore
) -> None:
    before = kept(full)
    copy = make_store()
    copy.broker.register("idle", {"offers": []})
    copy.broker.listen()
    assert copy.claim() is None
    copy.broker.sample()
    copy.broker.pause()
    imported(copy.broker, exported(backend, full.broker, full.namespace)[0])
    assert kept(copy) == before | {"paused": {b"*": b"1"}}
    assert copy.claim(*QUEUES) is None
    gaps = [event for event in copy.exact()["event_stream"].values() if event[b"word"] == b"gap"]
    assert len(gaps) == 2, "who listens is told that there is more than it saw"


def test_a_namespace_whose_jobs_are_all_forgotten_is_empty(
    backend: Backend, full: Store, make_store: MakeStore
) -> None:
    before = kept(full)
    copy = make_store()
    copy.ended("gone", DONE, queue="old")
    copy.broker.prune("succeeded", max_age=0, keep=0)
    imported(copy.broker, exported(backend, full.broker, full.namespace)[0])
    assert {**kept(copy), "meta": None} == {**before, "meta": None}
