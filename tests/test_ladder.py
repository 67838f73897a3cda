"""What follows when a run has run out of memory."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import Abort, RetryPolicy, current_job, hooks, ladder
from junmai_jobs.causes import behind
from junmai_jobs.errors import QueueFull
from tests.executing import MODULE, raising, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from junmai_jobs.endings import Ending

NEVER = RetryPolicy(max_retries=0, never=(MemoryError,))


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})
    monkeypatch.setattr(hooks, "_for_every_task", [])


def note_of(ending: Ending | None) -> str:
    assert ending is not None
    assert ending.verb == "defer"
    delay, note, _ = ending.arguments
    assert delay == 0
    return str(note)


def detail_of(ending: Ending | None) -> dict[str, Any]:
    assert ending is not None
    detail: dict[str, Any] = json.loads(ending.arguments[-1])
    return detail


def test_a_job_climbs_until_it_fits_and_fails_on_the_last_rung() -> None:
    scales, reasons, note = [], [], ""

    def work() -> None:
        scales.append(current_job().scale)
        raise MemoryError("too large")

    for _ in range(3):
        ending = run(work, note=note, retry=NEVER)
        note = note_of(ending)
        reasons.append(detail_of(ending)["reason"])
    last = run(work, note=note, retry=NEVER)

    assert scales == [1.0, 1.0, 0.5, 0.25]
    assert reasons == [
        "out of memory: runs again alone",
        "out of memory: runs again alone, at half its working size",
        "out of memory: runs again alone, at a quarter of its working size",
    ]
    assert last is not None
    assert (last.verb, last.arguments[0]) == ("fail", "out_of_memory")
    assert detail_of(last)["error"]["type"] == "MemoryError"


def test_what_else_ends_a_run_begins_at_the_foot_again() -> None:
    ending = run(raising(ValueError()), note="memory:2")
    assert ending is not None
    assert ending.verb == "retry"


@pytest.mark.parametrize(
    ("note", "rung", "scale"),
    [
        ("", 0, 1.0),
        ("memory:1", 1, 1.0),
        ("memory:3", 3, 0.25),
        ("memory:99", 3, 0.25),
        ("unknown:5", 0, 1.0),
    ],
)
def test_the_rung_is_in_the_note(note: str, rung: int, scale: float) -> None:
    assert (ladder.rung_of(note), ladder.scale_of(ladder.rung_of(note))) == (rung, scale)


# ---- what is a lack of memory --------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """As torch and cupy have it."""


OfTheServer = type("OutOfMemoryError", (Exception,), {"__module__": "redis.exceptions"})
OfOpenCV = type("error", (Exception,), {"__module__": "cv2"})


def wrapped(error: BaseException, outer: Exception) -> Callable[[], None]:
    def work() -> None:
        raise outer from error

    return work


def not_for_a_lack() -> None:
    try:
        raising(MemoryError())()
    except MemoryError:
        raise ValueError("the file says that it has 2 ** 60 pixels") from None


def after_a_lack() -> None:
    try:
        raising(MemoryError())()
    except MemoryError:
        [].pop()


@pytest.mark.parametrize(
    "work",
    [
        raising(MemoryError()),
        raising(OutOfMemoryError("CUDA out of memory")),
        raising(OSError(errno.ENOMEM, "Cannot allocate memory")),
        raising(OfOpenCV("(-4:Insufficient memory) Failed to allocate 3600000000 bytes")),
        raising(ExceptionGroup("several", [ValueError(), MemoryError()])),
        wrapped(MemoryError(), ValueError("the picture is too large")),
        after_a_lack,
    ],
    ids=range(7),
)
def test_a_lack_of_memory(work: Callable[[], Any]) -> None:
    ending = run(work)
    assert note_of(ending) == "memory:1"
    assert ending is not None
    assert ladder.ran_out(ending)


def test_what_a_task_says_instead_hides_only_a_lack_of_memory() -> None:
    """A cancel is looked for behind that, too."""
    with pytest.raises(ValueError, match="pixels") as caught:
        not_for_a_lack()
    assert [type(each) for each in behind(caught.value)] == [ValueError, MemoryError]
    assert [type(each) for each in behind(caught.value, suppressed=False)] == [ValueError]


class Vast(dict[str, int]):
    """A result that there is no room to pack."""

    def items(self) -> Any:
        raise MemoryError


def test_a_result_that_needs_too_much() -> None:
    result = Vast()
    assert note_of(run(lambda: result)) == "memory:1"


@pytest.mark.parametrize(
    ("work", "verb"),
    [
        (raising(ValueError("out of memory")), "retry"),
        (raising(OSError(errno.ENOENT, "not there")), "retry"),
        (raising(OfOpenCV("(-215:Assertion failed)")), "retry"),
        (wrapped(OfTheServer(), QueueFull("the server has no room")), "retry"),
        (wrapped(MemoryError(), Abort("the task has decided")), "fail"),
        (not_for_a_lack, "retry"),
        (lambda: 7, "succeed"),
    ],
    ids=range(7),
)
def test_no_lack_of_memory(work: Callable[[], Any], verb: str) -> None:
    ending = run(work)
    assert ending is not None
    assert (ending.verb, ladder.ran_out(ending)) == (verb, False)


def test_what_a_task_has_held_is_let_go_before_its_end_is_told() -> None:
    gone: list[str] = []

    class Large:
        def __del__(self) -> None:
            gone.append("let go")

    def work() -> None:
        large = Large()
        raise MemoryError(str(large is None))

    def told(error: BaseException) -> dict[str, Any]:
        return {"type": type(error).__name__, "message": " ".join(gone), "traceback": ""}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("junmai_jobs.executor.describe", told)
        assert detail_of(run(work))["error"]["message"] == "let go"


# ---- killed by the kernel ------------------------------------------------------------------------


def test_after_a_death_the_history_has_its_cause_and_no_suspicion() -> None:
    cause = {"signal": "SIGKILL", "input": "develop 1 2"}
    for rung in range(4):
        ending = ladder.after_death(rung, cause)
        detail = detail_of(ending)
        assert (detail["signal"], detail["error"]["type"], "input" in detail) == (
            "SIGKILL",
            "MemoryError",
            False,
        )
        assert (ending.verb, ladder.ran_out(ending)) == ("defer" if rung < 3 else "fail", True)


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({}, None),
        ({"proc/vmstat": "pgfault 7\noom_kill 3\nfoo 1\n"}, 3),
        (
            {
                "proc/vmstat": "oom_kill 3\n",
                "proc/self/cgroup": "0::/user/app\n",
                "sys/fs/cgroup/user/app/memory.events": "max 9\noom 4\noom_kill 2\noom_group_kill 0\n",
            },
            5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,memory:/of-the-host\n1:cpuset:/\n0::/\n",
                "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
            },
            4,
        ),
        ({"proc/self/cgroup": "broken\n::\n", "proc/vmstat": "nothing"}, None),
    ],
    ids=["none", "old", "cgroup v2", "cgroup v1, in a container", "odd"],
)
def test_how_many_the_kernel_has_killed(tmp_path: Path, files: dict[str, str], kills: int | None) -> None:
    assert ladder.kernel_kills(written(tmp_path, files)) == kills
