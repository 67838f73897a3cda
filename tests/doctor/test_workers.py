"""Workers, leases, queues, tasks and namespaces: what keeps jobs from running is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from junmai_jobs.broker import Broker
from junmai_jobs.doctor import Patient, queues, workers
from junmai_jobs.host import describe_process, host_id, mark_of, version
from junmai_jobs.keys import Keys
from junmai_jobs.scripts import library, library_name
from tests.doctor.conftest import checks_of
from tests.servers import RedisProcess
from tests.verbs.store import new_job
from tests.waiting import wait_until

Register = Callable[..., None]
HELD_BACK = {"grade": "none", "slots": 0, "of": 3, "reasons": ["memory 97 % used by others, limit 85 %"]}


def again(patient: Patient) -> Patient:
    """The same, as it is now."""
    for name in ("workers", "lanes", "info"):
        vars(patient).pop(name, None)
    return patient


# ---- workers -------------------------------------------------------------------------------------


def test_no_worker(patient: Patient, broker: Broker, register: Register) -> None:
    assert workers.check_workers(patient).ok is True
    broker.enqueue([new_job("a"), new_job("b", delay=60)])
    found = workers.check_workers(again(patient))
    assert found == (False, "no worker is running for 2 waiting jobs", "junmai-jobs worker")
    broker.pause(["default"])
    assert workers.check_workers(again(patient)).ok is True, "nobody is to work"
    broker.resume(["default"])
    register("desk:1")
    found = workers.check_workers(again(patient))
    assert (found.ok, found.detail) == (True, "1 alive: desk:1 (3 slots)")


def test_a_job_for_lightroom_needs_no_worker(patient: Patient, broker: Broker) -> None:
    broker.enqueue([new_job("a", queue="lightroom")])
    assert workers.check_workers(patient).ok is True
    assert queues.check_queues(patient).ok is True


def test_a_worker_of_another_host_that_is_silent(patient: Patient, register: Register) -> None:
    register("attic:1", silent=120, host="attic")
    found = workers.check_workers(patient)
    assert found.ok is False
    assert "attic:1 has been silent for 120 s: nothing is heard of its host" in found.detail
    assert found.fix == "on attic: junmai-jobs worker"


def test_a_worker_of_this_host_that_was_killed(patient: Patient, register: Register) -> None:
    with psutil.Popen(["sleep", "60"]) as process:
        mark = [process.pid, process.create_time() - psutil.boot_time()]
        register("desk:2", silent=60, host_id=host_id(), pid=-1, mark=mark)
        found = workers.check_workers(patient)
        assert "its process lives, and does not work" in found.detail
        assert found.fix == f"kill {process.pid}; junmai-jobs worker"
        process.kill()
    found = workers.check_workers(again(patient))
    assert (found.ok, found.fix) == (False, "junmai-jobs worker")
    assert "its process has ended" in found.detail


def test_many_that_are_silent(patient: Patient, register: Register) -> None:
    for number in range(40):
        register(f"w{number}", silent=100, host=f"h{number % 2}")
    found = workers.check_workers(patient)
    assert (found.ok, found.detail.count("has been silent"), "35 more are" in found.detail) == (
        False,
        5,
        True,
    )


HOSTILE = {
    "host": "$(reboot); x", "host_id": host_id(), "pid": "1; reboot", "mark": mark_of(os.getpid()),
    "queues": 5, "tasks": {"a": 1}, "claimers": [1], "offers": [{"gpu": "many"}, 7],
    "governor": {"grade": 3}, "version": ["\x1b[2J"], "library": None, "concurrency": {},
}  # fmt: skip


@pytest.mark.parametrize("silent", [0, 100])
def test_what_a_worker_cannot_have_said(
    patient: Patient, broker: Broker, register: Register, silent: float
) -> None:
    register("w", silent=silent, **HOSTILE)
    broker.enqueue([new_job("a", needs={"gpu": 1}), new_job("b", task="odd")])
    found = checks_of(patient)
    assert found["workers"].ok is (silent == 0)
    fixes = "".join(check.fix.replace("on --reboot---x: ", "") for check in found.values())
    assert "reboot" not in fixes


def test_what_is_no_store_of_ours(patient: Patient, broker: Broker, redis_server: RedisProcess) -> None:
    """Whatever stands in the place of a key is told, and keeps no other check from being made."""
    keys = broker.keys
    with redis_server.client() as admin:
        for key in keys:
            if key != keys.prefix:
                admin.set(key, "x")
    found = checks_of(patient)
    assert found["server"].ok is True
    assert found["store"].ok is False
    assert "WRONGTYPE" in found["workers"].detail
    assert (found["workers"].ok, found["cards"].ok) == (None, True)


def test_workers_of_other_versions(patient: Patient, register: Register) -> None:
    ours = {"version": version(), "library": library_name(library())}
    register("new", **describe_process(), library=ours["library"])
    assert workers.check_versions(patient).ok is True
    register("older", **(ours | {"version": "0.0.9"}))
    register("oldest")
    register("other", **(ours | {"library": "junmai_jobs_0123456789ab"}))
    found = workers.check_versions(again(patient))
    assert found.ok is False
    assert "older (0.0.9), oldest (one that did not tell its version yet), other" in found.detail
    assert found.fix == ("on desk: pip install --upgrade junmai-jobs; junmai-jobs worker")


def test_workers_that_hold_back(patient: Patient, broker: Broker, register: Register) -> None:
    register("w", governor=HELD_BACK)
    found = workers.check_governor(patient)
    assert (found.ok, "memory 97 %" in found.detail) == (True, True), "nothing waits"
    broker.enqueue([new_job("a")])
    found = workers.check_governor(again(patient))
    assert (found.ok, found.fix) == (False, "junmai-jobs worker --no-governor")
    assert "1 job to do, and all workers hold back: w: none, any job in 0 of 3 slots" in found.detail
    register("free", governor=HELD_BACK | {"grade": "eased", "slots": 1})
    assert workers.check_governor(again(patient)).ok is True


# ---- leases --------------------------------------------------------------------------------------


def test_a_lease_that_nobody_takes_back(patient: Patient, broker: Broker, register: Register) -> None:
    broker.enqueue([new_job("a")])
    assert broker.claim("w/1", "1.1", ["default"], lease=0.02)
    assert workers.check_leases(patient).ok is True, "over, but not for long"
    wait_until(lambda: not workers.check_leases(patient, length=0.02).ok)
    found = workers.check_leases(patient, length=0.02)
    assert "1 are over for longer than they last: a in default" in found.detail
    assert found.fix == "junmai-jobs worker"
    register("w")
    found = workers.check_leases(again(patient), length=0.02)
    assert found.fix == "stop the worker on desk, then junmai-jobs worker"

    def is_taken_back() -> bool | None:
        broker.reap(["default"], lease=0.02)
        return workers.check_leases(patient, length=0.02).ok

    wait_until(is_taken_back)


def test_lightroom_has_a_longer_lease(patient: Patient, broker: Broker, redis_server: RedisProcess) -> None:
    broker.enqueue([new_job("a", queue="lightroom"), new_job("b")])
    for number, queue in enumerate(("lightroom", "default")):
        assert broker.claim(f"w/{number}", "1.1", [queue])
    with redis_server.client() as admin:
        for queue, job in (("lightroom", "a"), ("default", "b")):
            admin.zincrby(broker.keys.queue(queue, "leases"), -130_000, job)
    found = workers.check_leases(patient)
    assert (found.ok, "1 are over" in found.detail, "b in default" in found.detail) == (False, True, True)


# ---- queues and tasks ----------------------------------------------------------------------------


def test_a_queue_that_nobody_serves(patient: Patient, broker: Broker, register: Register) -> None:
    broker.enqueue([new_job("a"), new_job("b", queue="prints"), new_job("c", queue="prints", delay=60)])
    found = queues.check_queues(patient)
    assert (found.ok, "no worker is running" in found.detail) == (None, True)
    register("w", queues=["default"])
    found = queues.check_queues(again(patient))
    assert found == (False, "no worker serves prints (2 wait)", "junmai-jobs worker --queues prints")
    register("all")
    assert queues.check_queues(again(patient)).ok is True


def test_needs_that_nobody_can_meet(patient: Patient, broker: Broker, register: Register) -> None:
    broker.enqueue([new_job("a", needs={"gpu": 1, "vram_mb": 8000})])
    register("w")
    found = queues.check_queues(patient)
    assert found.ok is False
    assert found.fix == "junmai-jobs worker --queues default --offer gpu=1,vram_mb=8000"
    register("strong", offers=[{"pool": "card", "gpu": 1, "vram_mb": 24_000}])
    assert queues.check_queues(again(patient)).ok is True


def test_a_paused_queue_is_told(patient: Patient, broker: Broker, register: Register) -> None:
    broker.enqueue([new_job("a")])
    broker.pause(["default"])
    register("w", queues=["other"])
    found = queues.check_queues(patient)
    assert found.ok is True
    assert "PAUSED: default (1 wait), `junmai-jobs resume default` goes on" in found.detail


def test_a_task_that_nobody_knows(patient: Patient, broker: Broker, register: Register) -> None:
    jobs = [new_job(f"j{number}", task="develop" if number % 3 else "print") for number in range(250)]
    broker.enqueue(jobs[:200])
    broker.enqueue([*jobs[200:], new_job("later", task="print", delay=60)])
    assert queues.check_tasks(patient).ok is True, "there is no worker that would not know it"
    register("w", tasks=["develop"])
    found = queues.check_tasks(again(patient))
    assert found == (
        False,
        "of the next 101 jobs no worker knows print in default (35 jobs)",
        "junmai-jobs --tasks MODULE worker",
    )
    register("elsewhere", tasks=["print"], queues=["prints"])
    assert queues.check_tasks(again(patient)).ok is False
    register("knows", tasks=["print"])
    found = queues.check_tasks(again(patient))
    assert (found.ok, "the tasks of the next 101 jobs" in found.detail) == (True, True)


# ---- namespaces ----------------------------------------------------------------------------------


def test_work_that_waits_in_another_namespace(patient: Patient, register: Register) -> None:
    assert queues.check_namespaces(patient).detail == "studio alone"
    other = Broker(patient.link, "wedding")
    other.enqueue([new_job("a"), new_job("b")])
    found = queues.check_namespaces(patient)
    assert found == (
        False,
        "asked about studio; no worker is there for what waits in wedding (2 jobs)",
        "junmai-jobs --namespace wedding worker",
    )
    info: dict[str, Any] = {"host": "desk", "claimers": ["x/1"]}
    other.register("x", info)
    assert queues.check_namespaces(patient) == (True, "beside studio: wedding", "")


def test_workers_that_work_in_another_namespace(patient: Patient, broker: Broker) -> None:
    broker.enqueue([new_job("a")])
    other = Broker(patient.link, "wedding")
    other.enqueue([new_job("a")])
    other.register("x", {"host": "desk", "claimers": ["x/1"]})
    found = queues.check_namespaces(patient)
    assert (found.ok, found.detail) == (False, "jobs wait in studio, but the workers work in wedding")


def test_what_a_killed_import_has_left_is_named(patient: Patient, broker: Broker) -> None:
    broker.stage("0" * 64)
    found = queues.check_namespaces(patient)
    assert (found.ok, found.fix) == (False, "junmai-jobs import --discard")
    assert found.detail.endswith("; studio alone")
    broker.discard()
    assert queues.check_namespaces(patient).ok is True


@pytest.mark.parametrize("keys", [0, 30_000])
def test_the_search_for_namespaces_has_an_end(
    patient: Patient, redis_server: RedisProcess, keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "LOOK_FOR", 0.0)
    with redis_server.client() as admin:
        admin.execute_command("DEBUG", "POPULATE", keys)
        admin.zadd(Keys.of("wedding").queues, {"default": 0})
    found = queues.check_namespaces(patient)
    assert (found.ok, "of the part of the server" in found.detail) == (True, keys > 0)
