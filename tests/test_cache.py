"""What was made before is not made again: results of jobs, and what a task asks for within its run."""

from __future__ import annotations

import importlib
import itertools
import math
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import (
    Hook,
    OptionError,
    PayloadError,
    StoreUnavailable,
    codec,
    current_job,
    hooks,
    task,
)
from junmai_jobs.cache import VALUE_LIMIT, Bounds
from junmai_jobs.errors import QueueFull
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.job import Claimed

if TYPE_CHECKING:
    from junmai_jobs import JobQueue, Task
    from junmai_jobs.endings import Ending

MODULE = importlib.import_module("junmai_jobs.task")  # the package's attribute of that name is the decorator
_tokens = itertools.count(1764000000000000)


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})
    monkeypatch.setattr(hooks, "_for_every_task", [])


def ending_of(
    broker: Any, made: Task[..., Any], *args: Any, most: int = 100, note: str = ""
) -> Ending | None:
    """How a job of this task ends."""
    assignment = prepare(Claimed("a", str(next(_tokens)), made.new_job(args, {}).body, note=note))
    assert isinstance(assignment, Assignment)
    return execute(assignment, broker, kept=Bounds(most))


def result_of(jobs: JobQueue, made: Task[..., Any], *args: Any, most: int = 100, note: str = "") -> Any:
    """What a job of this task gives."""
    ending = ending_of(jobs.broker, made, *args, most=most, note=note)
    assert ending is not None
    assert ending.verb == "succeed", ending
    return codec.unpack(ending.arguments[0]) if ending.arguments[0] else None


def uses(jobs: JobQueue) -> tuple[int, int]:
    """Hits and misses, as everybody sees them."""
    counts = jobs.stats()["cache"]
    return counts["hits"], counts["misses"]


class Studio:
    """Tasks whose runs are counted."""

    def __init__(self) -> None:
        self.runs: list[Any] = []

    def task(self, **options: Any) -> Task[..., Any]:
        @task(name="judge", **options)
        def judge(photo: str, *, sharper: bool = False) -> list[Any]:
            self.runs.append(photo)
            return [photo.upper(), sharper]

        return judge

    def reading(self, **options: Any) -> Task[..., Any]:
        @task(name="read", input=("path", "beside"), **options)
        def read(path: str, beside: str | None = None, size: int = 1) -> str:
            self.runs.append(path)
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as a user may
                return file.read() + ("+" if beside else "") + str(size)

        return read


@pytest.fixture
def studio() -> Studio:
    return Studio()


# ---- results -------------------------------------------------------------------------------------


def test_the_same_again_is_looked_up(jobs: JobQueue, studio: Studio) -> None:
    judge = studio.task(cache=True)
    assert [result_of(jobs, judge, "a") for _ in range(3)] == [["A", False]] * 3
    assert result_of(jobs, judge, "b") == ["B", False]
    assert (studio.runs, uses(jobs)) == (["a", "b"], (2, 2))
    assert jobs.stats()["cache"]["entries"] == 2


@pytest.mark.parametrize("options", [{}, {"cache": False}, {"cache": None}])
def test_only_where_that_was_asked_for(jobs: JobQueue, studio: Studio, options: dict[str, Any]) -> None:
    judge = studio.task(**options)
    for _ in range(2):
        result_of(jobs, judge, "a")
    assert (studio.runs, uses(jobs)) == (["a", "a"], (0, 0))


def test_a_submission_may_have_it_otherwise(jobs: JobQueue, studio: Studio) -> None:
    judge = studio.task(cache=60)
    for made in (judge, judge.with_options(cache=False), judge.with_options(cache=True)):
        result_of(jobs, made, "a")
    assert (studio.runs, uses(jobs)) == (["a", "a"], (1, 1))


def test_a_worker_that_keeps_nothing_looks_for_nothing(jobs: JobQueue, studio: Studio) -> None:
    judge = studio.task(cache=True)
    for most in (100, 0, 100):
        result_of(jobs, judge, "a", most=most)
    assert (studio.runs, uses(jobs)) == (["a", "a"], (1, 1))


def test_none_is_a_result_as_any(jobs: JobQueue) -> None:
    runs: list[int] = []

    @task(cache=True)
    def nothing() -> None:
        runs.append(1)

    assert [result_of(jobs, nothing) for _ in range(2)] == [None, None]
    assert runs == [1]


def test_async_tasks_too(jobs: JobQueue) -> None:
    runs: list[int] = []

    @task(cache=True)
    async def fetch(number: int) -> int:
        runs.append(number)
        return number * 2

    assert [result_of(jobs, fetch, 21) for _ in range(2)] == [42, 42]
    assert runs == [21]


def test_what_fails_is_not_kept(jobs: JobQueue) -> None:
    runs: list[int] = []

    @task(cache=True)
    def fail() -> None:
        runs.append(1)
        raise ValueError("too dark")

    for _ in range(2):
        ending = ending_of(jobs.broker, fail)
        assert ending is not None
        assert ending.verb == "retry"
    assert (len(runs), jobs.stats()["cache"]["entries"]) == (2, 0)


@pytest.mark.parametrize(
    ("large", "is_kept"),
    [
        (random.Random(7).randbytes(VALUE_LIMIT - 9), True),
        (random.Random(7).randbytes(VALUE_LIMIT), False),
        (bytes(2 * VALUE_LIMIT), True),
    ],
    ids=["as large as may be", "larger", "large, and compressed small"],
)
def test_what_is_large_is_not_kept(jobs: JobQueue, large: bytes, *, is_kept: bool) -> None:
    runs: list[int] = []

    @task(cache=True)
    def render() -> bytes:
        runs.append(1)
        return large

    assert [result_of(jobs, render) for _ in range(2)] == [large, large]
    assert len(runs) == 2 - is_kept


def test_what_was_made_with_less_memory_is_not_kept(jobs: JobQueue) -> None:
    @task(cache=True)
    def enlarge() -> float:
        return current_job().scale

    assert [result_of(jobs, enlarge, note=note) for note in ("memory:2", "", "memory:2")] == [0.5, 1, 1]


def test_hooks_hear_of_it_as_of_any_run(jobs: JobQueue, studio: Studio) -> None:
    told: list[object] = []

    class Told(Hook):
        def before(self, _job: object) -> None:
            told.append("before")

        def after(self, _job: object, result: object) -> None:
            told.append(result)

    judge = studio.task(cache=True, hooks=[Told()])
    for _ in range(2):
        result_of(jobs, judge, "a")
    assert (told, studio.runs) == (["before", ["A", False]] * 2, ["a"])


# ---- files ---------------------------------------------------------------------------------------


def test_a_file_counts_by_what_it_holds(jobs: JobQueue, studio: Studio, tmp_path: Path) -> None:
    read = studio.reading(cache=True)
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("sharp", "utf-8")
    second.write_text("sharp", "utf-8")
    assert [result_of(jobs, read, str(each)) for each in (first, second)] == ["sharp1", "sharp1"]
    assert studio.runs == [str(first)]

    first.write_text("blurred", "utf-8")
    assert result_of(jobs, read, str(first)) == "blurred1"
    assert result_of(jobs, read, str(second), None, 2) == "sharp2"
    assert result_of(jobs, read, str(second), str(first)) == "sharp+1"
    assert result_of(jobs, read, str(second), str(second)) == "sharp+1"
    assert uses(jobs) == (1, 5)


def test_what_was_made_of_a_file_that_changed_meanwhile_is_not_kept(jobs: JobQueue, tmp_path: Path) -> None:
    card, backup = tmp_path / "card", tmp_path / "backup"
    for each in (card, backup):
        each.write_text("old", "utf-8")

    @task(name="develop", input="path", cache=True)
    def develop(path: str) -> str:
        if path == str(card):
            card.write_text("new", "utf-8")
        return Path(path).read_text("utf-8")

    assert [result_of(jobs, develop, str(each)) for each in (card, backup)] == ["new", "old"]


def test_a_file_that_cannot_be_read_is_the_tasks_to_tell(
    jobs: JobQueue, studio: Studio, tmp_path: Path
) -> None:
    read = studio.reading(cache=True)
    for _ in range(2):
        ending = ending_of(jobs.broker, read, str(tmp_path / "gone"))
        assert "FileNotFoundError" in str(ending)
    assert (len(studio.runs), uses(jobs)) == (2, (0, 0))


# ---- within a run --------------------------------------------------------------------------------


def test_a_run_may_be_spared_a_part_of_its_work(jobs: JobQueue) -> None:
    runs: list[str] = []

    @task
    def record(name: str, *, again: bool = False) -> list[Any]:
        def look() -> tuple[int, str]:
            runs.append(name)
            return len(runs), "sharp"

        return [name, current_job().cached(["digest"], look, again=again)]

    assert result_of(jobs, record, "a") == ["a", [1, "sharp"]], "it comes as a result does"
    assert result_of(jobs, record, "b") == ["b", [1, "sharp"]]
    assert (runs, uses(jobs)) == (["a"], (1, 1))
    assert result_of(jobs, record.with_options(), "c") == ["c", [1, "sharp"]]


def test_it_can_be_made_again(jobs: JobQueue) -> None:
    made = itertools.count(1)

    @task
    def look(again: bool) -> int:
        return current_job().cached("photo", lambda: next(made), again=again)

    assert [result_of(jobs, look, again) for again in (False, False, True, False)] == [1, 1, 2, 2]


def test_what_is_not_worth_keeping_is_made_again(jobs: JobQueue) -> None:
    made = itertools.count(1)

    @task
    def ask() -> int:
        return current_job().cached("photo", lambda: next(made), worth_keeping=lambda answer: answer > 2)

    assert [result_of(jobs, ask) for _ in range(4)] == [1, 2, 3, 3]
    assert uses(jobs) == (1, 1)


def test_parts_and_code_and_task_tell_values_apart(jobs: JobQueue) -> None:
    made = itertools.count(1)

    @task
    def look(parts: Any, code: str | list[str]) -> int:
        return current_job().cached(parts, lambda: next(made), code=code)

    @task
    def look_elsewhere(parts: Any) -> int:
        return current_job().cached(parts, lambda: next(made))

    assert [result_of(jobs, look, parts, []) for parts in (1, 1.0, "1", [1], {"a": 1}, None)] == [
        *range(1, 7)
    ]
    assert result_of(jobs, look, 1, "junmai_jobs.cache") == 7
    assert result_of(jobs, look, 1, ["junmai_jobs.photo"]) == 8
    assert result_of(jobs, look_elsewhere, 1) == 9
    assert result_of(jobs, look, 1, "junmai_jobs.cache") == 7
    assert uses(jobs) == (1, 9)


def test_what_its_maker_raises_passes_and_nothing_is_kept(jobs: JobQueue) -> None:
    @task
    def look(what: str) -> Any:
        def make() -> Any:
            if what == "unreadable":
                raise LookupError("no such tile")
            return {7}

        return current_job().cached(what, make)

    assert "LookupError: no such tile" in str(ending_of(jobs.broker, look, "unreadable"))
    assert "PayloadError: the result is a set" in str(ending_of(jobs.broker, look, "a set"))
    assert jobs.stats()["cache"]["entries"] == 0


@pytest.mark.parametrize(
    ("parts", "code", "error"),
    [
        ({1}, (), PayloadError),
        (1, "no.such.module", OptionError),
        (1, "..relative", OptionError),
        (1, ["junmai_jobs", "no_such_package"], OptionError),
    ],
)
def test_what_no_key_can_be_made_of(jobs: JobQueue, parts: Any, code: Any, error: type[Exception]) -> None:
    raised: list[Exception] = []

    @task
    def look() -> None:
        try:
            current_job().cached(parts, lambda: 7, code=code)
        except Exception as found:  # noqa: BLE001 - to be looked at outside
            raised.append(found)

    result_of(jobs, look)
    assert [type(each) for each in raised] == [error]


@pytest.mark.parametrize("lasts", [math.nan, -math.inf, -1, 0, True, False, "60", None, 1e12])
def test_what_is_no_time_to_keep_a_value_for(jobs: JobQueue, lasts: Any) -> None:
    made = itertools.count(1)

    @task
    def look() -> int:
        return current_job().cached("photo", lambda: next(made), lasts=lasts)

    assert "OptionError: lasts is " in str(ending_of(jobs.broker, look))
    assert next(made) == 1, "it is told before anything is made"
    assert jobs.stats()["cache"]["entries"] == 0


# ---- servers -------------------------------------------------------------------------------------


class Broken:
    """A server that is away, or full."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def inherit(self, _ids: object) -> dict[str, bytes]:
        return {}

    def recall(self, *_: object) -> bytes | None:
        if isinstance(self._error, QueueFull):
            return None
        raise self._error

    def remember(self, *_: object, **__: object) -> None:
        raise self._error


@pytest.mark.parametrize("error", [StoreUnavailable("away"), QueueFull("full")])
def test_a_server_that_is_away_or_full_costs_the_work_not_the_job(studio: Studio, error: Exception) -> None:
    judge = studio.task(cache=True)
    for _ in range(2):
        ending = ending_of(Broken(error), judge, "a")
        assert ending is not None
        assert ending.verb == "succeed"
    assert studio.runs == ["a", "a"]


@pytest.mark.parametrize("junk", [b" ", b" \xc1junk", b" \x92\x01", b"junk"])
def test_what_is_kept_and_cannot_be_read_is_made_again(jobs: JobQueue, studio: Studio, junk: bytes) -> None:
    judge = studio.task(cache=True)
    result_of(jobs, judge, "a")
    [key] = jobs.inspector.cache_keys()
    jobs._link.client.hset(jobs.broker.keys.cached, key, junk)
    assert [result_of(jobs, judge, "a") for _ in range(2)] == [["A", False]] * 2
    assert studio.runs == ["a", "a"]


# ---- people --------------------------------------------------------------------------------------


def test_it_is_seen_and_cleared_by_task(jobs: JobQueue, studio: Studio, tmp_path: Path) -> None:
    (path := tmp_path / "photo").write_text("sharp", "utf-8")
    judge, read = studio.task(cache=True), studio.reading(cache=60)
    for name in ("a", "b"):
        result_of(jobs, judge, name)
    result_of(jobs, read, str(path))
    found = jobs.cache()
    assert (found["entries"], found["hits"], found["misses"]) == (3, 0, 3)
    assert {name: row["entries"] for name, row in found["tasks"].items()} == {"judge": 2, "read": 1}
    assert found["bytes"] == sum(row["bytes"] for row in found["tasks"].values()) > 0
    assert jobs.stats()["cache"]["bytes"] == found["bytes"]

    assert jobs.clear_cache("judge") == 2
    assert jobs.cache()["tasks"].keys() == {"read"}
    assert (jobs.clear_cache(), jobs.clear_cache()) == (1, 0)
    assert jobs.stats()["cache"] == {"entries": 0, "bytes": 0, "hits": 0, "misses": 3}
    result_of(jobs, judge, "a")
    assert studio.runs == ["a", "b", str(path), "a"]


def test_all_keys_are_found_however_many_one_run_has_made(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("junmai_jobs.inspector.stats._KEYS", 3)
    made = {f"look 1 {number:02}": token for number, token in enumerate([1] * 2 + [2] * 8 + [3] * 3 + [4])}
    for key, token in made.items():
        jobs.broker.remember(key, str(token), b"\x07", lasts=60, most=100, room=1000)
    jobs.broker.remember("other 1 00", "2", b"\x07", lasts=60, most=100, room=1000)
    assert jobs.inspector.cache_keys("look") == [key.encode() for key in made]
    assert jobs.clear_cache("look") == len(made)
    assert jobs.cache()["tasks"].keys() == {"other"}
