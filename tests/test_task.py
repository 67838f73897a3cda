from __future__ import annotations

import asyncio
import importlib
import itertools
import math
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import (
    Hook,
    JobQueue,
    OptionError,
    PayloadError,
    Priority,
    RetryPolicy,
    UnknownTask,
    task,
    use,
)
from junmai_jobs.config import load_config
from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.job import Body, NewJob
from junmai_jobs.options import Options
from junmai_jobs.task import AsyncTask, Task, find_task, task_modules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

module = importlib.import_module("junmai_jobs.task")  # the package's attribute of that name is the decorator


def export(photo: int, path: str = "", *, size: Any = None) -> str:
    """Write a photo out."""
    return f"{photo} {path} {size}"


@pytest.fixture(autouse=True)
def _empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_registry", {})


@pytest.fixture
def exporting() -> Task[..., str]:
    return task(export)


@pytest.fixture
def unreachable(tmp_path: Path) -> Iterator[JobQueue]:
    """A queue on a server that cannot be reached: whatever asks it fails with StoreUnavailable."""
    queue = JobQueue("redis://127.0.0.1:1", config=load_config(environ={"JUNMAI_HOME": str(tmp_path)}))
    yield queue
    queue.close()


def body_of(job: NewJob) -> Body:
    return Body.decode(re.sub(rb"\|@\|", b"|0|", job.body))


# ---- registering ---------------------------------------------------------------------------------


def test_bare(exporting: Task[..., str]) -> None:
    assert find_task("export") is exporting
    assert (exporting.name, exporting.options, repr(exporting)) == ("export", Options(), "<task export>")
    assert exporting.__doc__ == export.__doc__


def test_with_options() -> None:
    made = task(name="studio.export", queue="night", priority=Priority.HIGH, timeout=5)(export)
    assert find_task("studio.export") is made
    assert (made.options.queue, made.options.priority, made.options.timeout) == ("night", 9, 5)


def test_calling_it_just_runs_it(exporting: Task[..., str]) -> None:
    assert exporting(7, "out", size=3) == "7 out 3"


def test_the_same_function_may_be_registered_again() -> None:
    task(export)
    again = task(priority=1)(export)
    assert find_task("export") is again


def test_a_name_is_for_one_function(exporting: Task[..., str]) -> None:
    with pytest.raises(OptionError, match=r"two functions want the task name 'export'.*export and .*other"):

        @task(name="export")
        def other() -> None: ...


def test_a_script_that_is_imported_again_by_a_child_is_the_same() -> None:
    for name in ("__main__", "__mp_main__"):

        def run() -> None: ...

        run.__module__, run.__qualname__ = name, "run"
        task(run)
    assert task_modules() == ["__mp_main__"]


async def fetch(photo: int) -> str:
    return f"photo {photo}"


def test_an_async_function_is_a_task_and_calling_it_gives_the_coroutine() -> None:
    made = task(timeout=5)(fetch)
    assert isinstance(made, AsyncTask)
    assert isinstance(made.with_options(priority=1), AsyncTask)
    assert asyncio.run(made(7)) == "photo 7"


def test_hooks_stay_with_the_task_whatever_its_options() -> None:
    hook = Hook()
    made = task(hooks=[hook])(export).with_options(priority=1)
    assert made.hooks == (hook,)
    assert made.options.stored(Options()) == {}


@pytest.mark.parametrize(
    ("hooks", "complaint"),
    [([Hook], "is no hook; give an instance"), (7, "hooks is 7; give a list of hooks")],
)
def test_what_is_no_hook(hooks: Any, complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        task(hooks=hooks)(export)
    with pytest.raises(OptionError, match="is no hook"):
        use(hooks)


def _generator() -> Iterator[int]:
    yield 1


async def _async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (_generator, "_generator is a generator; a task returns its result"),
        (_async_generator, "_async_generator is a generator"),
        (lambda: None, "a lambda has no name"),
    ],
)
def test_what_cannot_be_a_task(function: Callable[..., Any], complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        task(function)


def test_an_id_belongs_to_one_submission() -> None:
    with pytest.raises(OptionError, match=r"an id belongs to one submission: task\.with_options"):
        task(id="a")


def test_an_unknown_task(exporting: Task[..., str]) -> None:
    with pytest.raises(UnknownTask, match="no task 'exprot' is registered here; did you mean 'export'"):
        find_task("exprot")
    with pytest.raises(UnknownTask, match="name its module with --tasks MODULE"):
        find_task("os.system")


# ---- options -------------------------------------------------------------------------------------


def test_a_submission_may_have_options_of_its_own(exporting: Task[..., str]) -> None:
    changed = exporting.with_options(queue="night", delay=5, tags=["raw"])
    assert (changed.options.queue, changed.options.delay, changed.options.tags) == ("night", 5, ("raw",))
    assert exporting.options == Options()
    assert find_task("export") is exporting


def test_the_soft_limit_is_half_the_timeout_and_at_most_five_minutes() -> None:
    limits = [Options(timeout=60), Options(timeout=6000), Options(timeout=60, soft_timeout=50)]
    assert [options.soft_limit for options in limits] == [30, 300, 50]


def test_parents_are_ids_or_handles() -> None:
    handle = SimpleNamespace(id="b")
    assert Options().changed({"after": "a"}).dependencies == "cancel=a"
    assert Options().changed({"after": handle}).dependencies == "cancel=b"
    assert Options().changed({"after": ["a", handle, "a"]}).dependencies == "cancel=a cancel=b"


def test_a_time_to_run_at_is_a_delay() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    assert Options().changed({"eta": soon}).delay == pytest.approx(60, abs=5)
    assert Options().changed({"eta": soon - timedelta(days=1)}).delay == 0


def test_what_differs_from_the_tasks_own_is_stored_and_comes_back() -> None:
    base = Options(timeout=60, tags=("raw",))
    given = base.changed(
        {"retry": RetryPolicy(max_retries=7), "soft_timeout": 5, "tags": ["jpeg"], "priority": 1}
    )
    stored = given.stored(base)
    assert stored == {"retry": [7, 2.0, 2.0, 600.0, 0.25], "soft_timeout": 5, "tags": ("jpeg",)}
    assert base.overlaid(stored) == base.changed(
        {"retry": RetryPolicy(max_retries=7), "soft_timeout": 5, "tags": ["jpeg"]}
    )
    assert base.stored(base) == {}
    assert base.overlaid({}) is base


def test_how_long_a_result_is_kept_is_stored_where_it_differs() -> None:
    base = Options(result_ttl=60)
    assert base.stored(base) == {}
    stored = base.changed({"result_ttl": 5}).stored(base)
    assert stored == {"result_ttl": 5}
    assert base.overlaid(stored).result_ttl == 5


@pytest.mark.parametrize(("given", "kept"), [(60, 60), (True, math.inf), (False, None), (None, None)])
def test_how_long_it_answers_for_others_is_stored_where_it_differs(given: Any, kept: float | None) -> None:
    base = Options(cache=5)
    stored = Body.decode(task(cache=5)(export).with_options(cache=given).new_job((1,), {}).body).options
    assert stored == {"cache": kept}
    assert base.overlaid(stored).cache == kept
    assert base.changed({"cache": 5}).stored(base) == {}


def test_unusual_retries_are_stored_for_readers_without_the_code() -> None:
    base = Options(retry=RetryPolicy(max_retries=9))
    assert base.stored(base)["retry"][0] == 9


def test_what_a_policy_says_of_exceptions_stays_with_the_code() -> None:
    base = Options(retry=RetryPolicy(never=(OSError,), on={ValueError: RetryPolicy(max_retries=9)}))
    retry = base.overlaid({"retry": [1, 2.0, 2.0, 600.0, 0.25]}).retry
    assert (retry.max_retries, retry.never, retry.on) == (1, base.retry.never, base.retry.on)


WRONG_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"queue": "A b"}, "queue 'A b' is not a name"),
    ({"queue": None}, "queue None is not a name"),
    ({"priority": 11}, "priority is 11; give a whole number from 0 to 10"),
    ({"priority": -1}, "priority is -1"),
    ({"priority": True}, "priority is True"),
    ({"priority": 5.0}, r"priority is 5\.0"),
    ({"priority": "high"}, "priority is 'high'"),
    ({"delay": float("nan")}, "delay is nan; give a number of seconds"),
    ({"delay": float("inf")}, "delay is inf"),
    ({"delay": -1}, "delay is -1; give seconds from 0 to ten years"),
    ({"delay": 1e18}, r"delay is 1e\+18"),
    ({"delay": "5"}, "delay is '5'"),
    ({"delay": True}, "delay is True"),
    ({"timeout": 0}, r"timeout is 0; give seconds from 0\.001"),
    ({"timeout": None}, "timeout is None"),
    ({"soft_timeout": 0}, "soft_timeout is 0"),
    ({"timeout": 5, "soft_timeout": 6}, "soft_timeout is 6 s, more than timeout, 5 s"),
    ({"expires": 0}, "expires is 0"),
    ({"expires": float("nan")}, "expires is nan"),
    ({"result_ttl": 0}, r"result_ttl is 0; give seconds from 0\.001"),
    ({"result_ttl": "day"}, "result_ttl is 'day'; give a number of seconds"),
    ({"retry": 3}, "retry is 3; give a RetryPolicy"),
    ({"after": ["a b"]}, "after 'a b' is not an id"),
    ({"after": 7}, "after 7 is not an id"),
    ({"after_policy": "ignore"}, "after_policy is 'ignore'; give 'cancel', 'continue' or 'failure'"),
    ({"tags": "raw"}, "tags is 'raw'; give a list of names"),
    ({"tags": ["a b"]}, "tag 'a b' is not an id"),
    ({"id": "a b"}, "id 'a b' is not an id"),
    ({"id": ""}, "id '' is not an id"),
    ({"eta": datetime(2030, 1, 1)}, "give a datetime with a time zone"),  # noqa: DTZ001 - that is the mistake
    ({"eta": 5}, "eta is 5; give a datetime"),
    ({"eta": datetime(2030, 1, 1, tzinfo=UTC), "delay": 5}, "give delay or eta, not both"),
    ({"priorty": 5}, "no option 'priorty'; did you mean 'priority'?"),
    (
        {"colour": 5},
        "no option 'colour'; there are after, after_policy, batch, cache, concurrency, delay",
    ),
    ({"countdown": 5}, "no option 'countdown'; write delay"),
    ({"max_retries": 5}, r"no option 'max_retries'; write retry=RetryPolicy\(max_retries=\.\.\.\)"),
    ({"cache": "30d"}, "cache is '30d'; give a number of seconds"),
    ({"cache": 0}, "cache is 0; give seconds from 0.001 to ten years"),
]


@pytest.mark.parametrize(
    ("wrong", "complaint"), WRONG_OPTIONS, ids=[str([*each[0].values()]) for each in WRONG_OPTIONS]
)
def test_a_wrong_option_is_named_and_no_server_asked(
    exporting: Task[..., str], unreachable: JobQueue, wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(OptionError, match=complaint):
        unreachable.submit(exporting.with_options(**wrong), 1)
    if "id" not in wrong:
        with pytest.raises(OptionError, match=complaint):
            task(**wrong)(export)


# ---- a job to be submitted -----------------------------------------------------------------------


def test_a_new_job_has_an_id_with_its_time_and_no_stamp(exporting: Task[..., str]) -> None:
    job = exporting.new_job((7, "out"), {"size": 3})
    assert re.fullmatch(r"[0-9a-v]{22}", job.id)
    assert job.body.startswith(b"1default|5\n")
    body = body_of(job)
    assert (body.task, list(body.args), body.kwargs, body.options) == ("export", [7, "out"], {"size": 3}, {})


def test_an_id_that_was_given_is_stamped_with_the_time(exporting: Task[..., str]) -> None:
    job = exporting.with_options(id="photo-7").new_job((7,), {})
    assert job.id == "photo-7"
    assert job.body.startswith(b"1default|5|@|\n")


def test_options_that_the_server_heeds(exporting: Task[..., str]) -> None:
    options = {
        "queue": "night",
        "priority": 1,
        "delay": 5,
        "expires": 9,
        "after": ["a"],
        "after_policy": "continue",
    }
    job = exporting.with_options(**options).new_job((7,), {})
    assert (job.delay, job.dependencies) == (5, "continue=a")
    body = body_of(job)
    assert (body.queue, body.priority, body.expires, body.options) == (
        "night", 1, 9, {"after": "continue=a"},
    )  # fmt: skip


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 0


def test_each_submission_has_its_own_options_whatever_was_submitted_before(
    exporting: Task[..., str],
) -> None:
    urgent = exporting.with_options(priority=9)
    assert exporting.new_job((7,), {}).body == exporting.new_job((7,), {}).body
    assert [body_of(each.new_job((7,), {})).priority for each in (urgent, exporting, urgent)] == [9, 5, 9]
    assert body_of(urgent.with_options(queue="night").new_job((7,), {})).queue == "night"


NAMES = [list(itertools.combinations("abc", many)) for many in range(4)]
SIGNATURES = (
    "", "a, b", "a, b=1", "a, *, b", "a, *, b=1", "a, /, b=1", "a, /, *, b",
    "*args, **kwargs", "a, *args, b=1", "a=1, **kwargs",
)  # fmt: skip


@pytest.mark.parametrize("signature", SIGNATURES)
def test_the_arguments_that_python_would_take_are_taken_and_no_others(signature: str) -> None:
    made: dict[str, Any] = {}
    exec(f"def function({signature}): pass", made)  # noqa: S102 - of those above
    function = made["function"]
    shaped = task(function)
    for places, names in itertools.product(range(4), itertools.chain.from_iterable(NAMES)):
        args, kwargs = (0,) * places, dict.fromkeys(names, 0)
        try:
            function(*args, **kwargs)
        except TypeError:
            with pytest.raises(PayloadError):
                shaped.new_job(args, kwargs)
        else:
            shaped.new_job(args, kwargs)


WRONG_ARGUMENTS = [
    ((lambda: 1,), {}, r"args\[0\] is a function, which cannot be stored"),
    ((7,), {"size": {1, 2}}, r"kwargs\.size is a set"),
    ((2**70,), {}, r"args\[0\] is an integer of more than 64 bits"),
    ((nested(100),), {}, "is nested more than 64 deep"),
    ((b"x" * 300 * 1024,), {}, r"args takes 307,206 bytes, the limit is 262,144"),
    ((), {}, r"export\(.*\).*: missing a required argument: 'photo'"),
    ((1,), {"colour": 2}, "got an unexpected keyword argument 'colour'"),
    ((1, "a", "b"), {}, "too many positional arguments"),
]


@pytest.mark.parametrize(
    ("args", "kwargs", "complaint"),
    WRONG_ARGUMENTS,
    ids=["lambda", "set", "2**70", "depth 100", "300 KiB", "missing", "unexpected", "too many"],
)
def test_wrong_arguments_are_named_and_no_server_asked(
    exporting: Task[..., str], unreachable: JobQueue, args: Any, kwargs: Any, complaint: str
) -> None:
    with pytest.raises(PayloadError, match=complaint):
        unreachable.submit(exporting, *args, **kwargs)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((2**70,), r"^row 1: args\[0\] is an integer"),
        ({"colour": 1}, r"^row 1: .*'photo'"),
        ("photo", "^row 1: a row is a tuple or list of arguments, or a dict"),
        (7, "^row 1: a row is a tuple"),
    ],
    ids=["an argument", "a name", "text", "no row"],
)
def test_a_wrong_row_is_named_and_no_server_asked(
    exporting: Task[..., str], unreachable: JobQueue, row: Any, complaint: str
) -> None:
    with pytest.raises(JunmaiJobsError, match=complaint):
        unreachable.submit_many(exporting, [(1,), row])
