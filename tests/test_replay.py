"""``replay``: the same payload in this process, while the job and all else in the store stay as they are."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import Hook, RetryPolicy, SoftTimeout, current_job, result_of, task
from junmai_jobs.cache import Bounds
from junmai_jobs.debugger import Debugger
from junmai_jobs.errors import InvalidState, JobNotFound, ResultExpired, RetryLater, UnknownTask
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.replay import Replay, ReplayBroker
from junmai_jobs.tasks import register_photo_tasks
from tests.command_line import COMMAND
from tests.in_process import typed
from tests.verbs.store import NEWER_BODY, Store

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue
    from junmai_jobs.broker import Broker
    from junmai_jobs.task import Task
    from tests.backends import Backend, Clock
    from tests.command_line import CommandLine
    from tests.servers import RedisProcess

ONCE = RetryPolicy(max_retries=0)
_requests = itertools.count(1)


@pytest.fixture(autouse=True)
def _own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    register_photo_tasks()  # for those who come later: a module registers its tasks once
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})


def submitted(broker: Broker, what: Task[..., Any], *args: Any) -> str:
    new = what.new_job(args, {})
    broker.enqueue([new])
    return new.id


def work(broker: Broker) -> None:
    """Run what can run, as a worker does, in this process."""
    while claimed := broker.claim("desk:1:a/0", f"1.{next(_requests)}", ["default"]):
        assignment = prepare(claimed)
        assert isinstance(assignment, Assignment)
        ending = execute(assignment, broker, kept=Bounds())
        assert ending is not None
        broker.end(claimed, ending)
        broker.resolve()


def test_it_runs_the_payload_and_changes_nothing(
    backend: Backend, namespace: str, broker: Broker, clock: Clock, tmp_path: Path
) -> None:
    seen: list[Any] = []

    @task
    def noted(text: str) -> str:
        return text

    @task(retry=ONCE, cache=True)
    def sheet(folder: str, reads: str) -> list[Any]:
        job = current_job()
        made = job.cached(["part", reads], lambda: len(seen) + 1)
        seen.append(job.saved)
        job.checkpoint({"page": len(seen)})
        job.progress(1, 2, "0001.jpg")
        job.log("one\ntwo")
        job.check_cancelled()
        job.make_way()
        child = job.submit(noted, folder)
        if not job.replayed:
            raise ValueError("too dark")
        part = tmp_path / f"sheet.{job.token}.part"
        part.write_text("new")
        return [job.publish(part, tmp_path / "sheet.jpg"), child, made, job.saved, job.attempt, reads]

    (tmp_path / "sheet.jpg").write_text("old")
    parent = noted.plan("of the parent")
    job = sheet.plan("/shoot", result_of(parent))
    broker.enqueue([parent.new_job(), job.new_job()])
    work(broker)
    store = Store(broker, backend.admin, namespace, clock.advance)
    before, told = store.dump(), list[str]()

    ended = Replay(backend.link, namespace, job.id, tell=told.append).run()

    assert store.dump() == before
    assert seen == [None, {"page": 1}], "it goes on from what the job has left"
    # What was made in parts is read, as in a worker; the whole is made anew, or there was nothing to see.
    final = str(tmp_path / "sheet.jpg")
    assert ended.result == [final, f"{job.id}/1", 1, {"page": 2}, 1, "of the parent"]
    assert (tmp_path / "sheet.jpg").read_text() == "old"
    assert (tmp_path / "sheet.0.part").read_text() == "new"
    assert told == [
        "progress: 1 of 2 0001.jpg",
        "log: one",
        "log: two",
        f"not submitted: noted {job.id}/1",
        f"not published: {tmp_path / 'sheet.0.part'} as {final}",
    ]
    assert (ended.outcome, ended.differs) == ("succeeded", True)
    assert ended.recorded["outcome"] == "failed"
    assert ended.recorded["error"]["message"] == "too dark"


def test_no_verb_that_writes_comes_through(backend: Backend, namespace: str) -> None:
    broker = ReplayBroker(backend.link, namespace, print)
    for write in (lambda: broker.pause(["default"]), lambda: broker.step("a/0", "1.1", ["default"])):
        with pytest.raises(RuntimeError, match=r"a replay may not call (pause|step)"):
            write()


def test_its_end_is_told_beside_what_is_recorded(jobs: JobQueue) -> None:
    raised: list[BaseException] = [KeyError("a lens"), KeyError("another"), OSError("away"), RetryLater(5)]

    @task(retry=ONCE, cache=True, reuse=True)
    def moody() -> str:
        if raised:
            raise raised.pop(0)
        return "bright"

    job_id = submitted(jobs.broker, moody)
    fresh = jobs.replay(job_id)
    assert (fresh.job.status, fresh.job.attempt) == ("queued", 0)
    never = fresh.run()
    assert (never.outcome, never.differs, never.recorded["outcome"]) == ("failed", False, None)
    work(jobs.broker)
    ends = [jobs.replay(job_id, attempt=3).run() for _ in range(3)]
    assert [(each.outcome, each.differs) for each in ends] == [
        ("failed", True), ("deferred", True), ("succeeded", True)
    ]  # fmt: skip
    assert ends[0].error is not None
    assert ends[0].error["type"] == "OSError"
    frames = ends[0].error["traceback"].splitlines()
    assert frames[0] == "Traceback (most recent call last):"
    assert frames[1].endswith("in moody"), "the first frame is the task's own"
    assert ends[2].as_dict()["result"] == "bright"
    assert jobs.job(job_id).status == "failed"


def test_a_run_that_goes_on_keeps_its_lease(jobs: JobQueue) -> None:
    @task
    async def exposed(photo: str) -> str:
        await asyncio.sleep(0)
        return photo

    job_id = submitted(jobs.broker, exposed, "0001.jpg")
    claimed = jobs.broker.claim("desk:1:a/0", "1.1", ["default"])
    assert claimed is not None
    ended = jobs.replay(job_id).run()
    assert (ended.result, ended.recorded["status"]) == ("0001.jpg", "running")
    jobs.broker.progress(claimed)  # StaleLease if it had been given to the replay


def test_hooks_and_the_soft_timeout_are_those_of_a_worker_but_under_a_debugger(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    class Journal(Hook):
        def before(self, job: Any) -> None:
            heard.append(f"before {job.attempt}")

        def after(self, job: Any, result: Any) -> None:  # noqa: ARG002
            heard.append(f"after {result}")

        def failure(self, job: Any, error: BaseException) -> None:  # noqa: ARG002
            heard.append(type(error).__name__)

    @task(soft_timeout=0.02, hooks=[Journal()])
    def patient() -> str:
        deadline = current_job().deadline
        while current_job().deadline - deadline < 1 and not waited.is_set():
            waited.wait(0.2)
            waited.set()
        return "seen"

    waited = threading.Event()
    job_id = submitted(jobs.broker, patient)
    ended = jobs.replay(job_id).run()
    assert isinstance(ended.raised, SoftTimeout)
    monkeypatch.setattr(sys, "stdin", io.StringIO("continue\n"))
    debugger = Debugger(patient.function)
    assert jobs.replay(job_id).run(debugger).result == "seen"
    assert heard == ["before 1", "SoftTimeout", "before 1", "after seen"]


def test_what_cannot_be_replayed_says_why(jobs: JobQueue, server: RedisProcess) -> None:
    @task
    def first() -> str:
        return "read"

    @task
    def second(text: str) -> str:
        return text

    parent = first.plan()
    child = second.plan(result_of(parent))
    jobs.broker.enqueue([parent.new_job(), child.new_job()])
    with pytest.raises(InvalidState, match=f"reads the result of job {parent.id}, which is queued"):
        jobs.replay(child.id)
    work(jobs.broker)
    assert jobs.replay(child.id).run().result == "read"
    keys = jobs.inspector.keys
    with server.client() as admin:  # as prune does
        for key in (keys.bodies, keys.states, keys.results):
            admin.hdel(key, parent.id)
    with pytest.raises(ResultExpired, match=f"result of job {parent.id}, which this one reads, is not kept"):
        jobs.replay(child.id)
    with pytest.raises(JobNotFound, match="`junmai-jobs list` shows"):
        jobs.replay(parent.id)
    other = submitted(jobs.broker, first)
    del sys.modules["junmai_jobs.task"]._registry["first"]
    with pytest.raises(UnknownTask, match="--tasks MODULE"):
        jobs.replay(other)
    with server.client() as admin:
        for body, why in ((NEWER_BODY, "newer version"), (b"1default|5\n\xc1", "damaged")):
            admin.hset(keys.bodies, other, body)
            with pytest.raises(InvalidState, match=why):
                jobs.replay(other)


STUDIO = """
import functools
from junmai_jobs import RetryPolicy, current_job, task

def timed(function):
    @functools.wraps(function)
    def run(*args):
        return function(*args)
    return run

@task(retry=RetryPolicy(max_retries=0))
@timed
def judge(name, times=2):
    doubled = name * times
    print("judging", name)
    if times > 2:
        raise ValueError(f"\\x1b[31m{doubled}")
    return doubled
"""


@pytest.fixture
def judging(cli: CommandLine) -> CommandLine:
    (cli.folder / "judging.py").write_text(STUDIO, "utf-8")
    return cli.having(JUNMAI_TASKS="judging")


def test_the_command_prints_the_result_and_how_it_compares(
    jobs: JobQueue, server: RedisProcess, tmp_path: Path
) -> None:
    @task(retry=ONCE)
    def compared(name: str, times: int = 2) -> str:
        print("judging", name)
        if times > 2:
            raise ValueError(name * times)
        return name * times

    def replayed(*arguments: str) -> tuple[int, str, str]:
        done = typed(tmp_path, "replay", *arguments, JUNMAI_REDIS_URL=server.url)
        return done.exit_code, done.stdout, done.stderr

    well, badly = (submitted(jobs.broker, compared, "a", times) for times in (2, 3))
    work(jobs.broker)
    code, out, err = replayed(well)
    assert (code, out) == (0, "judging a\naa\n")
    assert err.startswith("succeeded after 0.0")
    assert "s, as at 20" in err
    code, out, err = replayed(badly)
    assert (code, out) == (1, "judging a\n")
    assert err.startswith("Traceback (most recent call last):\n")
    assert "failed with ValueError: aaa after 0.0" in err
    code, out, _ = replayed("--json", badly)
    assert code == 1
    found = json.loads(out.splitlines()[-1])
    assert {"seconds", "recorded"} < found.keys()
    assert [found[name] for name in ("id", "task", "outcome", "differs")] == [
        badly,
        "compared",
        "failed",
        False,
    ]
    assert (found["error"]["message"], found["recorded"]["error"]["message"]) == ("aaa", "aaa")
    assert replayed("nothing")[0] == 1
    del sys.modules["junmai_jobs.task"]._registry["compared"]
    code, _, err = replayed(well)
    assert (code, "--tasks MODULE" in err) == (2, True)


def test_what_a_task_does_to_its_streams_and_a_closed_one_hide_no_result(judging: CommandLine) -> None:
    text = "import sys\nfrom junmai_jobs import task\n\n@task\ndef close(*names):\n    print('closing')\n"
    text += "    for name in names:\n        getattr(sys, name).close()\n    return 7\n"
    (judging.folder / "judging.py").write_text(text, "utf-8")
    for names in (["stdout"], ["stderr"], ["stdout", "stderr"]):
        job_id = judging.json("submit", "close", *names)["id"]
        done = judging.finish(judging.start("replay", job_id))
        assert (done.code, done.out, "succeeded after " in done.err) == (0, "closing\n7\n", True)
        done = judging.finish(judging.start("replay", job_id, "--json"))
        assert (json.loads(done.out)["result"], done.err) == (7, "closing\n")
    job_id = judging.json("submit", "close")["id"]
    command = [*COMMAND, "replay", job_id, "--json"]
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        shell = subprocess.run(
            ["/bin/sh", "-c", f'"$@" {closed}', "sh", *command], cwd=judging.folder, env=judging.variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (shell.returncode, shell.stderr) == (0, "")


def test_whose_process_has_died_is_told_before(jobs: JobQueue, server: RedisProcess, tmp_path: Path) -> None:
    @task
    def deadly() -> str:
        return "alive"

    job_id = submitted(jobs.broker, deadly)
    claimed = jobs.broker.claim("desk:1:a/0", f"1.{next(_requests)}", ["default"])
    assert claimed is not None
    jobs.broker.crash("desk:1:a/0", f"1.{next(_requests)}", {"signal": "SIGKILL"})
    done = typed(tmp_path, "replay", job_id, JUNMAI_REDIS_URL=server.url)
    assert (done.exit_code, done.stdout) == (0, "alive\n")
    warning = "Warning: a process has died of this job (attempt 1, SIGKILL); this one may, too\n"
    assert done.stderr.startswith(warning)


def test_the_debugger_begins_in_the_task_and_stays_where_it_fails(judging: CommandLine) -> None:
    job_id = judging.json("submit", "judge", "a", "3")["id"]
    typed_in = "next\np doubled + '!'\ncontinue\np 'left: ' + doubled\nquit\n"
    done = judging.run("replay", job_id, "--debug", stdin=typed_in)
    assert done.code == 1
    asked, _, after = done.out.partition("judging a")
    assert "-> doubled = name * times" in asked, "past the decorator"
    assert "'aaa!'" in asked
    assert "ValueError: \\x1b[31maaa\n" in after, "nothing steers the terminal"
    assert "-> raise ValueError(" in after
    assert "\x1b" not in done.out
    assert "breakpoint" not in done.out
    assert "'left: aaa'" in after
    assert "the job itself has not ended a run yet" in done.err
    assert judging.run("replay", job_id, "--pdb", stdin="quit\n").code == 130
    assert judging.json("show", job_id)["status"] == "queued"


def test_a_breakpoint_of_the_task_itself_is_heeded(judging: CommandLine) -> None:
    text = STUDIO.replace('print("judging", name)', "breakpoint(); __import__('os').system('echo a child')")
    (judging.folder / "judging.py").write_text(text, "utf-8")
    job_id = judging.json("submit", "judge", "b")["id"]
    done = judging.run("replay", job_id, "--json", stdin="p doubled\ncontinue\n")
    assert (done.code, "'bb'" in done.err, "a child" in done.err) == (0, True, True)
    assert json.loads(done.out)["result"] == "bb"
