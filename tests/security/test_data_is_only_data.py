"""Nothing that is stored is ever run, imported or rebuilt as an object of a class."""

from __future__ import annotations

import ast
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

import junmai_jobs
from junmai_jobs import JobFailed, JobQueue
from junmai_jobs.job import Body, NewJob
from junmai_jobs.schedule import Schedule, Timetable
from tests.security import audited_tasks
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

PACKAGE = Path(junmai_jobs.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
REBUILDERS = {
    "pickle",
    "_pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "yaml",
    "jsonpickle",
    "code",
}
RUNNERS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "runpy.run_path",
    "runpy.run_module",
}
IMPORTERS = {"commands/app.py", "child.py", "__init__.py", "cli.py", "tasks/__init__.py"}
"""The first two import what a person has named (--tasks, JUNMAI_TASKS, config.json), the others their own."""
OUR_TASKS = "tests.security.audited_tasks"
WANTED = (
    "os.system",
    "posix.system",
    "trap",
    "trap.fire",
    "trap:fire",
    "a.b:c",
    "__import__",
    "builtins.eval",
    "eval",
)
"""What an attacker would like to have run."""


@functools.cache
def parsed(path: str) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text())


def calls(path: str) -> Iterator[ast.Call]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            yield node


@pytest.mark.parametrize("path", MODULES)
def test_no_module_has_what_could_run_data(path: str) -> None:
    tree = parsed(path)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported}.isdisjoint(REBUILDERS)
    called = {ast.unparse(call.func) for call in calls(path)}
    assert called.isdisjoint(RUNNERS)
    modules = [call.args[0] for call in calls(path) if ast.unparse(call.func).endswith("import_module")]
    assert path in IMPORTERS or all(isinstance(module, ast.Constant) for module in modules)
    assert not [call for call in calls(path) for word in call.keywords if word.arg == "shell"]


def test_a_script_is_sent_by_one_module_and_made_of_files_alone() -> None:
    """Constant text: what a call is about goes in its arguments, and the cache of a server stays small."""
    words = {
        path: {each.value for each in ast.walk(parsed(path)) if isinstance(each, ast.Constant)}
        for path in MODULES
    }
    assert [path for path in MODULES if words[path] & {"EVAL", "EVALSHA", "FCALL"}] == ["connection.py"]
    sending = {"eval", "evalsha", "eval_ro", "fcall", "script_load", "register_script", "function_load"}
    assert [
        path
        for path in MODULES
        for call in calls(path)
        if ast.unparse(call.func).rpartition(".")[2] in sending
    ] == []
    assert [
        path for path in MODULES for call in calls(path) if ast.unparse(call.func).endswith(".evaluate")
    ] == ["doctor/rights.py"]
    assert [path for path in MODULES for call in calls(path) if ast.unparse(call.func) == "Verb"] == [
        "scripts.py"
    ]


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def trapped(tmp_path: Path, audit_file: Path) -> dict[str, str]:
    """The environment of a worker that could import ``trap``, and would tell of it."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "trap.py").write_text("def fire(*_): pass\n")
    return {
        "AUDIT_FILE": str(audit_file),
        "PYTHONPATH": str(folder),
    }


def attack(admin: Any, jobs: JobQueue) -> list[str]:
    """Jobs that name what is no task of ours: in line, in a schedule, and as the callback of another."""
    keys = jobs.inspector.keys
    options = {"hooks": ["trap.fire"], "never": ["os.system"], "on": {"os.system": []}, "cls": "trap"}
    found: list[str] = []

    def add(job_id: str, name: str, options: dict[str, Any]) -> None:
        found.append(job_id)
        body = Body(queue="default", priority=9, task=name, args=["touch trapped"], options=options)
        admin.hset(keys.bodies, job_id, body.encode())
        admin.zadd(keys.queue("default", "ready"), {job_id: 1})

    add("known", audited_tasks.echo.name, options)
    for number, name in enumerate(WANTED):
        add(f"plain-{number}", name, {})
        add(f"options-{number}", name, options)
        body = Body(queue="default", priority=9, task=name, args=["touch trapped"]).encode()
        jobs.broker.schedule(Schedule(name=f"s{number}", timetable=Timetable.of(every=1), body=body))
    return found


def test_no_name_in_the_store_is_ever_imported_or_run(
    jobs: JobQueue,
    redis_server: RedisProcess,
    start_worker: StartWorker,
    trapped: dict[str, str],
    audit_file: Path,
) -> None:
    with redis_server.client() as admin:
        named = attack(admin, jobs)
        parent = jobs.submit(audited_tasks.echo, 1)
        body = Body(queue="default", priority=9, task="trap:fire", options={"after": f"continue={parent.id}"})
        jobs.enqueue([NewJob(id="callback", body=body.encode(), dependencies=f"continue={parent.id}")])
        worker = start_worker("--tasks", OUR_TASKS, slots=1, schedules=True, **trapped)
        ids = [*named, "callback"]
        wait_until(
            lambda: not {"queued", "blocked", "running"} & set(jobs.inspector.statuses(ids).values()),
            20,
            "all to be met",
        )
        wait_until(lambda: "no worker knows its task 'trap'" in worker.log(), what="a tick")
        found = {job_id: jobs.job(job_id) for job_id in ids}
    # Left to workers that may know the task; of one that is known, options of nobody's are damage.
    known = found.pop("known")
    assert {(job.status, job.history[0]["event"]) for job in found.values()} == {("scheduled", "deferred")}
    assert (known.status, known.reason) == ("failed", "corrupt_record")
    assert not audit_file.exists(), audit_file.read_text()
    jobs.submit(audited_tasks.unpickle).result(timeout=60)
    assert audit_file.read_text().startswith("pickle.find_class ('os', 'getpid')"), "it would have told"


EXPLOIT = {
    "exc_type": "system",
    "exc_message": ["touch trapped"],
    "exc_module": "os",
    "py/object": "os.system",
}
"""How other queues were made to rebuild an exception by calling ``os.system``."""


def test_an_exception_in_a_result_is_just_data(jobs: JobQueue, redis_server: RedisProcess) -> None:
    keys = jobs.inspector.keys
    handles = jobs.submit_many(audited_tasks.echo, [(1,), (2,)])
    first, second = (handle.id for handle in handles)
    error = {"type": "os.system", "message": "touch trapped", "traceback": "", **EXPLOIT}
    line = {
        "attempt": 1,
        "event": "failed",
        "token": "1",
        "finished": 1,
        "worker": "w/1",
        "detail": {"error": error},
    }
    with redis_server.client() as admin:
        admin.hset(keys.results, first, msgpack.packb(EXPLOIT))
        admin.hset(keys.histories, second, json.dumps(line))
        for job_id, word in ((first, "succeeded"), (second, "failed")):
            admin.hset(keys.states, job_id, f"{word}|default|1|1|0|0|w/1|||")
            admin.zadd(getattr(keys, word), {job_id: 1})
            admin.zrem(keys.queue("default", "ready"), job_id)
    assert handles[0].result(timeout=60) == EXPLOIT
    with pytest.raises(JobFailed, match=r"failed: os\.system: touch trapped") as caught:
        handles[1].result(timeout=60)
    assert type(caught.value) is JobFailed
    assert not Path("trapped").exists()
    assert jobs.job(second).error == {"type": "os.system", "message": "touch trapped", "traceback": ""}
