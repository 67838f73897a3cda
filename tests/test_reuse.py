"""A submission whose result is kept is answered at once: no job, and no round trip for the result."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import math
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from junmai_jobs import (
    DiskFull,
    InvalidState,
    JobNotFound,
    JobQueue,
    OptionError,
    StoreUnavailable,
    Unique,
    chain,
    codec,
    edge,
    result_of,
    sources,
    task,
)
from junmai_jobs.cache import Bounds
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.room import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from junmai_jobs import JobHandle, Task
    from tests.conftest import StartServer

_requests = itertools.count()
MODULE = importlib.import_module("junmai_jobs.task")  # the package's attribute of that name is the decorator


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})


@pytest.fixture
def weigh() -> Task[..., Any]:
    @task(cache=True, reuse=True)
    def weigh(what: Any, *, times: int = 1) -> list[Any]:
        return [what, times]

    return weigh


@pytest.fixture
def spell() -> Task[..., Any]:
    @task(cache=True, reuse=True, input="path")
    def spell(path: Any, size: int = 1) -> str:
        return f"{path.read_text('utf-8')}{size}"

    return spell


def run_all(jobs: JobQueue) -> int:
    """Run what waits as a worker would; how many jobs."""
    count = 0
    while (claimed := jobs.broker.claim("w/0", f"1.{next(_requests)}", ["default"])) is not None:
        assignment = prepare(claimed)
        assert isinstance(assignment, Assignment)
        ending = execute(assignment, jobs.broker, kept=Bounds())
        assert ending is not None
        jobs.broker.end(claimed, ending)
        jobs.broker.resolve()
        count += 1
    return count


def kept(jobs: JobQueue, made: Task[..., Any], *args: Any) -> Any:
    """What its job gave, and is kept from now on."""
    handle = jobs.submit(made, *args)
    assert not handle.reused
    assert run_all(jobs) == 1
    return handle.result(timeout=0)


def count(jobs: JobQueue) -> int:
    return len(jobs.jobs())


def hits(jobs: JobQueue) -> int:
    return int(jobs.stats()["cache"]["hits"])


# ---- the answer ----------------------------------------------------------------------------------


def test_what_is_kept_needs_no_job(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    when = datetime(2026, 5, 1, tzinfo=UTC)
    assert kept(jobs, weigh, (1, when)) == [[1, when], 1]
    handle = jobs.submit(weigh, [1, when])
    assert (handle.reused, handle.existing, handle.status) == (True, False, "succeeded")
    assert (count(jobs), hits(jobs)) == (1, 1)
    jobs.close()
    jobs.clear_cache()
    handle.result().append("spoiled")
    assert handle.result(timeout=0) == [[1, when], 1], "each call gives its own, and asks nobody"
    assert not jobs.submit(weigh, [1, when]).reused


def test_none_is_a_result_as_any(jobs: JobQueue) -> None:
    @task(cache=60, reuse=True)
    def nothing() -> None:
        return None

    assert kept(jobs, nothing) is None
    again = jobs.submit(nothing)
    assert (again.reused, again.result()) == (True, None)


async def _later(handle: JobHandle[Any]) -> Any:
    return await handle.result_async(timeout=0)


def test_all_that_waits_for_it(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    import asyncio  # noqa: PLC0415 - here alone

    kept(jobs, weigh, "a")
    answered, waits = jobs.submit(weigh, "a"), jobs.submit(weigh, "b")
    twin = jobs.submit(weigh, "a")
    assert jobs.wait([waits, answered, twin], timeout=0) == ([answered, twin], [waits])
    assert list(jobs.as_completed([answered, twin], timeout=0)) == [answered, twin]
    assert asyncio.run(_later(answered)) == ["a", 1]
    with pytest.raises(OptionError, match="timeout is -1"):
        answered.result(timeout=-1)


def test_it_names_no_job(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, "a")
    handle = jobs.submit(weigh, "a")
    asked: list[Callable[[], object]] = [
        handle.job, handle.why, handle.cancel,
        lambda: jobs.retry(handle.id), lambda: jobs.reprioritize(handle.id, 1),
        lambda: jobs.boost(handle.id), lambda: jobs.replay(handle.id),
    ]  # fmt: skip
    for each in asked:
        with pytest.raises(
            JobNotFound, match=f"no job {handle.id}: its submission was answered with a result"
        ):
            each()
    with pytest.raises(OptionError, match="no job has an id that begins with 'reused:'"):
        weigh.with_options(id=handle.id)


# ---- whether there is one ------------------------------------------------------------------------


def test_only_where_that_was_asked_for(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, "a")
    for made in (weigh.with_options(reuse=False), weigh.with_options(cache=False)):
        assert not jobs.submit(made, "a").reused
    plain = weigh.with_options(reuse=False)
    assert jobs.submit(plain.with_options(reuse=True), "a").reused
    for wrong, said in (
        ({"reuse": 1}, "give True or False"),
        ({"reuse": True, "cache": None}, "cache=SECONDS"),
    ):
        with pytest.raises(OptionError, match=said):
            weigh.with_options(**wrong)


def test_other_arguments_are_a_miss(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, 1)
    for args, kwargs in (((1.0,), {}), (("1",), {}), ((1,), {"times": 2})):
        assert not jobs.submit(weigh, *args, **kwargs).reused


@pytest.mark.parametrize(
    "options",
    [
        {"id": "a"}, {"unique": "a"}, {"unique": Unique("a", keep="last")}, {"batch": "a"}, {"delay": 60},
        {"eta": datetime.now(UTC) + timedelta(days=1)}, {"after": ["parent"]},
    ],
    ids=lambda options: next(iter(options)),
)  # fmt: skip
def test_a_job_that_is_found_by_a_name_or_not_for_now_is_made(
    jobs: JobQueue, weigh: Task[..., Any], options: dict[str, Any]
) -> None:
    kept(jobs, weigh, "a")
    jobs.submit(weigh.with_options(id="parent"), "parent")
    handle = jobs.submit(weigh.with_options(**options), "a")
    assert (handle.reused, count(jobs)) == (False, 3)


def test_what_is_only_about_a_run_changes_nothing(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, "a")
    jobs.pause("low_priority")
    options = {"queue": "low_priority", "priority": 9, "concurrency": 1, "needs": {"gpu": 1}, "expires": 1}
    handle = jobs.submit(weigh.with_options(**options, durable=True, result_ttl=60, tags=["x"]), "a")
    assert (handle.reused, handle.result(), count(jobs)) == (True, ["a", 1], 1)


def test_what_needs_no_job_needs_no_room(
    jobs: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @task(cache=True, reuse=True, disk=lambda megabytes: {tmp_path: megabytes * MEGABYTE})
    def expose(megabytes: int) -> int:
        return megabytes

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000 * MEGABYTE))
    kept(jobs, expose, 300)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=100 * MEGABYTE))
    assert jobs.submit(expose, 300).reused
    handles = jobs.submit_many(expose, [(300,), (40,), (300,)])
    assert [each.reused for each in handles] == [True, False, True]
    with pytest.raises(DiskFull, match="needs about 201 MB"):  # also of rows that would go in another call
        jobs.submit_many(expose, [(300,), *[(1,)] * 201])
    assert (count(jobs), hits(jobs)) == (2, 3)


def test_an_input_counts_by_what_it_holds(jobs: JobQueue, spell: Task[..., Any], tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("sharp", "utf-8")
    assert kept(jobs, spell, first) == "sharp1"
    second.write_text("sharp", "utf-8")
    assert jobs.submit(spell, second).reused
    first.write_text("blurred", "utf-8")
    assert not jobs.submit(spell, first).reused
    assert not jobs.submit(spell, tmp_path / "gone").reused, "the task itself tells that"


def test_another_version_of_the_code_is_a_miss(
    jobs: JobQueue, weigh: Task[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a worker runs other code than who submits, or where nobody can tell which code runs."""
    kept(jobs, weigh, "a")
    own = sources.code_version(weigh.function.__module__)
    for other in (own._replace(digest="0" * 16), own._replace(is_sure=False)):
        monkeypatch.setattr("junmai_jobs.cache.code_version", lambda _name, other=other: other)
        assert not jobs.submit(weigh, "a").reused
    monkeypatch.setattr("junmai_jobs.cache.code_version", lambda _name: own)
    assert jobs.submit(weigh, "a").reused


def test_where_nothing_is_kept_by_the_configuration(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, "a")
    with closing(JobQueue(jobs.server.url, config=replace(jobs.config, cache_entries=0))) as others:
        assert not others.submit(weigh, "a").reused
    assert hits(jobs) == 0


@pytest.mark.parametrize("junk", [b" ", b" \xc1junk", b"junk"])
def test_what_cannot_be_read_is_made_again(jobs: JobQueue, weigh: Task[..., Any], junk: bytes) -> None:
    kept(jobs, weigh, "a")
    [key] = jobs.inspector.cache_keys("weigh")
    jobs._link.client.hset(jobs.broker.keys.cached, key, junk)
    assert not jobs.submit(weigh, "a").reused


def test_a_server_that_is_away_is_told_as_for_any_submission(
    redis_process: StartServer, jobs: JobQueue, weigh: Task[..., Any]
) -> None:
    server = redis_process()
    with closing(JobQueue(server.url, config=jobs.config)) as own:
        kept(own, weigh, "a")
        server.kill()
        own._link._patience = 0.05
        with pytest.raises(StoreUnavailable):
            own.submit(weigh, "a")


# ---- many ----------------------------------------------------------------------------------------


def test_of_many_some_are_answered_in_one_exchange(
    jobs: JobQueue, weigh: Task[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (1, 3):
        kept(jobs, weigh, each)
    asked: list[int] = []
    recall_all = jobs.broker.recall_all

    def noted(keys: Sequence[str], asker: str) -> list[bytes | None]:
        asked.append(len(keys))
        return recall_all(keys, asker)

    monkeypatch.setattr(jobs.broker, "recall_all", noted)
    handles = jobs.submit_many(weigh, [(each,) for each in (0, 1, 2, 3, 1)])
    assert [handle.reused for handle in handles] == [False, True, False, True, True]
    assert asked == [4], "each key once, all in one call"
    assert (run_all(jobs), [handle.result(timeout=0)[0] for handle in handles]) == (2, [0, 1, 2, 3, 1])
    assert all(handle.reused for handle in jobs.submit_many(weigh, [(each,) for each in (0, 1, 2, 3)]))
    assert hits(jobs) == 6, "of one call a key counts once"


def test_a_file_is_read_once_for_all_rows(
    jobs: JobQueue, spell: Task[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "photo", list[str]()
    path.write_text("sharp", "utf-8")
    kept(jobs, spell, path, 1)
    digest = hashlib.file_digest

    def noted(file: BinaryIO, name: str) -> Any:
        read.append(name)
        return digest(file, name)  # type: ignore[arg-type] # it has readinto

    monkeypatch.setattr("hashlib.file_digest", noted)
    handles = jobs.submit_many(spell, [(path, size % 3) for size in range(450)])
    assert ([handle.reused for handle in handles[:3]], len(read)) == ([False, True, False], 1)


def test_large_values_are_fetched_by_the_million_bytes(jobs: JobQueue) -> None:
    size = 200_000
    keys = [f"large 1 {number:02}" for number in range(20)]
    for number, key in enumerate(keys):
        jobs.broker.remember(
            key, str(number + 1), bytes([number]) * size, lasts=math.inf, most=99, room=10**8
        )
    found = jobs.broker.recall_all([*keys[:9], "none 1 00", *keys[9:]], "?000007")
    assert [each and each[0] for each in found] == [*range(9), None, *range(9, 20)]
    assert hits(jobs) == 20
    jobs.broker.recall_all(keys, "?000007")
    assert hits(jobs) == 20, "the same call once more"
    jobs.broker.recall_all(keys, "?000008")
    assert hits(jobs) == 40


# ---- with other jobs -----------------------------------------------------------------------------


def test_who_waits_for_it_does_not_wait(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, "a")
    answered, parent = jobs.submit(weigh, "a"), jobs.submit(weigh.with_options(id="parent"), "b")
    alone = jobs.submit(weigh.with_options(after=answered, id="alone"), result_of(answered))
    both = jobs.submit(weigh.with_options(after=[answered.id, edge(parent, "continue")]), result_of(parent))
    assert (alone.status, both.status, jobs.job("alone").args) == ("queued", "blocked", [["a", 1]])
    assert (run_all(jobs), both.result(timeout=0)) == (3, [["b", 1], 1])
    for options in ({"after": edge(answered, "failure")}, {"after": answered, "after_policy": "failure"}):
        with pytest.raises(OptionError, match="what has succeeded"):
            weigh.with_options(**options)


def test_what_is_planned_is_always_a_job(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh, "a")
    answered = jobs.submit(weigh, "a")
    last = chain(weigh.plan("a"), weigh, weigh.with_options(after=answered))
    batch = jobs.submit_workflow(last)
    assert (len(batch.handles), run_all(jobs)) == (3, 3)
    assert batch[last].result(timeout=0) == [[["a", 1], 1], 1]


def test_an_id_that_is_taken_is_still_a_conflict(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    kept(jobs, weigh.with_options(id="a"), "a")
    assert jobs.submit(weigh.with_options(id="a"), "a").existing
    with pytest.raises(InvalidState, match="other content"):
        jobs.submit(weigh.with_options(id="a"), "b")


def test_a_worker_finds_it_as_well(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    """Both make the same key, so what is missed at submission is found at the run."""
    assert kept(jobs, weigh, "a") == ["a", 1]
    found = jobs.submit(weigh.with_options(id="b"), "a")
    assert (run_all(jobs), found.result(timeout=0), hits(jobs)) == (1, ["a", 1], 1)
    assert codec.unpack(jobs.broker.recall(jobs.inspector.cache_keys("weigh")[0].decode(), "1") or b"") == [
        "a",
        1,
    ]


def test_a_plan_tells_what_would_be_answered_and_uses_nothing(jobs: JobQueue, weigh: Task[..., Any]) -> None:
    jobs.submit(weigh, "known")
    run_all(jobs)
    used = jobs.cache()
    plan = jobs.outlook([(weigh, ("known",)), (weigh, ("new",))]).as_dict()
    assert (plan["jobs"], plan["reused"]) == (1, 1)
    answered = jobs.outlook([(weigh, ("known",))])
    assert (answered.jobs, answered.reused, answered.finish, answered.unknown) == (0, 1, None, [])
    assert jobs.cache() == used
