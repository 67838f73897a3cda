"""How a worker's children come to be: from which programs, in which folders, by which of the two methods."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobFailed, JobQueue, RetryPolicy, startup
from tests.embedded_servers import ROOT
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import alive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker
    from tests.worker.harness import Journal, WorkerProcess

ODD = Path("写真 夜", "私の タスク")
HEAD = """\
import sys, threading
from junmai_jobs import JobQueue, task

@task
def double(number):
    return 2 * number

def main():
    jobs = JobQueue()
    handle = jobs.submit(double, 4)
    with jobs.worker(concurrency=1, schedules=False):
        print(handle.result(timeout=60))

"""
GUARD = 'if __name__ == "__main__":\n    main()\n'
GUARDED_THREAD = (
    'if __name__ == "__main__":\n    thread = threading.Thread(target=main)\n'
    "    thread.start()\n    thread.join()\n"
)
UNGUARDED = {
    "at all": "main()\n",
    "in a thread": "thread = threading.Thread(target=main)\nthread.start()\nthread.join()\n",
}
KEPT = {
    "as usual": GUARD,
    "in one line": 'if "__main__" == __name__: main()\n',
    "with more in the test": 'if __name__ == "__main__" and os.name != "nt":\n    main()\n',
    "within more": 'if jobs:\n    if __name__ == "__main__":\n        while jobs:\n            main()\n',
    "below another branch": 'if sys.argv:\n    pass\nelif __name__ == "__main__":\n    main()\n',
    "by the other test": 'if __name__ != "__main__":\n    pass\nelif jobs:\n    pass\nelse:\n    main()\n',
}
RUN_AGAIN = {
    "by another test": "if sys.argv:\n    main()\n",
    "by a test of another name": 'if name == "__main__":\n    main()\n',
    "only above": 'if __name__ == "__main__":\n    print("begin")\nmain()\n',
    "but left early": 'if __name__ != "__main__":\n    sys.exit()\nmain()\n',
    "on the other side": 'if __name__ == "__main__":\n    pass\nelse:\n    main()\n',
    "on the other side of the other test": 'if __name__ != "__main__":\n    main()\nelse:\n    pass\n',
    "in a branch below": 'if __name__ == "__main__":\n    pass\nelif sys.argv:\n    main()\n',
}


def run_python(
    server: RedisProcess, folder: Path, *command: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, its home there, too."""
    ours = {"JUNMAI_HOME": str(folder / "home"), "JUNMAI_REDIS_URL": server.url}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=os.environ | ours | {"PYTHONPATH": path} | environment,
        input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(params=["forkserver", "spawn"])
def temporary(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An odd temporary folder, of a length that leads to that way of starting children."""
    with tempfile.TemporaryDirectory(prefix=ODD.name) as short:
        long = tmp_path.joinpath(*[ODD.name] * 5)
        long.mkdir(parents=True)
        yield long if request.param == "spawn" else Path(short)


def is_long(temporary: Path) -> bool:
    return temporary.parent.name == ODD.name


# ---- the guard -----------------------------------------------------------------------------------


def test_a_script_with_a_guard_works(redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(HEAD + GUARD, "utf-8")
    done = run_python(redis_server, tmp_path, "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "8\n", "")


@pytest.mark.parametrize("how", [*KEPT, *RUN_AGAIN])
def test_a_line_is_guarded_on_the_right_side_of_a_test_of_the_name(tmp_path: Path, how: str) -> None:
    script, text = tmp_path / "script.py", (KEPT | RUN_AGAIN)[how]
    script.write_text(text, "utf-8")
    [line] = [number for number, each in enumerate(text.splitlines(), 1) if "main()" in each]
    assert startup._is_guarded(script, line) is (how in KEPT)


def test_a_thread_that_is_started_under_the_guard_may_have_a_worker(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    only_made = HEAD.replace("with jobs", "if jobs").replace("handle.result(timeout=60)", "'fit'")
    (tmp_path / "script.py").write_text(only_made + GUARDED_THREAD, "utf-8")
    done = run_python(redis_server, tmp_path, "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fit\n", "")


@pytest.mark.parametrize("how", UNGUARDED)
def test_a_script_without_one_is_told_so_before_anything_is_started(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path, how: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(HEAD + UNGUARDED[how], "utf-8")
    line = len(script.read_text("utf-8").splitlines())
    done = run_python(redis_server, tmp_path, "script.py")
    assert f"OptionError: {script}, line {line}, would run again" in done.stderr
    assert 'under `if __name__ == "__main__":`' in done.stderr
    assert [job.status for job in jobs.jobs()] == ["queued"], "no child has submitted it again"


def test_a_child_of_another_kind_that_imports_the_main_module_refuses_it(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    """Where nobody could read the guard off the lines, this keeps a worker's children from more of them."""
    text = (
        'from multiprocessing import get_context\nif __name__ == "__main__":\n'
        '    other = get_context("spawn").Process(target=print)\n    other.start()\n    other.join()\n'
        "    print(other.exitcode)\nelse:\n    main()\n"
    )
    (tmp_path / "script.py").write_text(HEAD + text, "utf-8")
    done = run_python(redis_server, tmp_path, "script.py")
    assert done.stdout == "1\n"
    assert "OptionError: this process is itself a child that imports the main module" in done.stderr


@pytest.mark.parametrize(
    ("command", "stdin"),
    [
        (["-m", "studio"], ""),
        (["-c", "from studio.shoot import main; main()"], ""),
        (["-i", "-q", "-c", ""], "from studio.shoot import main\nmain()\n"),
        (["-m", "studio.guarded"], ""),
    ],
    ids=["package", "-c", "prompt", "module"],
)
def test_what_no_child_runs_again_needs_no_guard(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path, command: list[str], stdin: str
) -> None:
    studio = tmp_path / "studio"
    studio.mkdir()
    (studio / "__init__.py").touch()
    (studio / "shoot.py").write_text(HEAD, "utf-8")
    (studio / "__main__.py").write_text("from studio.shoot import main\nmain()\n", "utf-8")
    (studio / "guarded.py").write_text(HEAD + GUARD, "utf-8")
    done = run_python(redis_server, tmp_path, *command, stdin=stdin)
    assert (done.returncode, done.stdout.splitlines()[:1]) == (0, ["8"]), done.stderr
    assert [job.status for job in jobs.jobs()] == ["succeeded"]


def test_a_module_without_one_is_told_so(redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path) -> None:
    (tmp_path / "shoot.py").write_text(HEAD + "main()\n", "utf-8")
    done = run_python(redis_server, tmp_path, "-m", "shoot")
    assert f"OptionError: {tmp_path / 'shoot.py'}, line {len(HEAD.splitlines()) + 1}," in done.stderr


def test_a_script_that_no_child_can_find_is_told_so(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    done = run_python(redis_server, tmp_path, "-", stdin=HEAD + GUARD)
    assert "OptionError: <stdin> is no file that the processes of the worker could import" in done.stderr


def test_a_task_cannot_have_a_worker_of_its_own(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    tried = "try:\n        JobQueue().worker().start()\n"
    told = "    except ValueError as error:\n        return str(error)"
    text = HEAD.replace("return 2 * number", tried + told) + GUARD
    (tmp_path / "script.py").write_text(text, "utf-8")
    done = run_python(redis_server, tmp_path, "script.py")
    assert done.stdout.startswith("a worker cannot start in a process of another"), done.stderr


# ---- folders and methods -------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="there nobody removes the folder of a process")
@pytest.mark.parametrize(
    "words",
    ["worker --burst", "--tasks tasks worker", "--tasks tasks worker --reload", "--tasks tasks submit quick",
     "process ."],
)  # fmt: skip
def test_a_folder_that_is_gone_is_told_in_one_line(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path, words: str
) -> None:
    jobs.submit(tasks.quick, 1)
    ours = {"JUNMAI_HOME": str(tmp_path / "home"), "JUNMAI_REDIS_URL": redis_server.url}
    done = subprocess.run(
        ["/bin/sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && "$@"', "sh", sys.executable, "-m",
         "junmai_jobs", *words.split()],
        cwd=tmp_path, env=os.environ | ours | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    said = "Error: the current folder is gone: cd to one that is there, and start this again\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_script_in_an_odd_folder_works(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path, temporary: Path
) -> None:
    folder = tmp_path / ODD
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "私の.py").write_text(HEAD + GUARD, "utf-8")
    command = ["-m", "私の"] if is_long(temporary) else ["私の.py"]
    done = run_python(redis_server, folder, *command, TMPDIR=str(temporary))
    assert (done.returncode, done.stdout, done.stderr) == (0, "8\n", "")


def test_all_that_a_child_goes_through_works_by_both_methods(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path, temporary: Path
) -> None:
    """It runs, fails, is cancelled, runs out of time, crashes, is replaced, and stops."""
    never = RetryPolicy(max_retries=0)
    worker = start_worker("--grace", "0.5", "--max-jobs-per-child", "2", slots=1, TMPDIR=str(temporary))
    cancelled = jobs.submit(tasks.wait_for_cancel, str(journal))
    journal.wait_for(1)
    assert starts_by_spawn(worker) == is_long(temporary)
    cancelled.cancel()
    over = jobs.submit(tasks.hold.with_options(timeout=0.2, retry=never), str(journal), "never")
    failed = jobs.submit(tasks.abort, str(journal))
    crashed = jobs.submit(tasks.exit_process, 7)
    for handle in (over, failed):
        with pytest.raises(JobFailed):
            handle.result(timeout=60)
    assert jobs.submit(tasks.quick, 4).result(timeout=60) == 4
    assert cancelled.status == "cancelled"
    assert {entry["event"] for entry in crashed.job().history} == {"crashed"}
    held = jobs.submit(tasks.hold, str(journal), "never")
    wait_until(lambda: held.status == "running", what="the last job")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert [entry["event"] for entry in held.job().history] == ["released"]


def starts_by_spawn(worker: WorkerProcess) -> bool:
    return any("spawn_main" in " ".join(each.cmdline()) for each in alive(worker.family()))
