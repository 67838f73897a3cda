"""Every command: what it does, what ``--json`` prints, and its exit code."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.job import Job
from tests.command_line import COMMANDS, HIDDEN, CommandLine, home_with_server
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

JOB_KEYS = {
    "id", "task", "queue", "priority", "status", "args", "kwargs", "attempt", "max_retries", "retry_count",
    "created_at", "started_at", "finished_at", "run_at", "worker", "progress", "result", "reason", "error",
    "history",
}  # fmt: skip
RUN_KEYS = {
    "attempt",
    "event",
    "started_at",
    "finished_at",
    "worker",
    "error",
    "signal",
    "exit_code",
    "how",
    "reason",
}


def work(cli: CommandLine) -> None:
    """Have a worker run what can run."""
    done = cli.run("worker", "--burst", "--concurrency", "1")
    assert done.code == 0, done


def submitted(cli: CommandLine, *arguments: str) -> str:
    found = cli.json("submit", *arguments)
    assert found["status"] == "queued"
    return str(found["id"])


def status_of(cli: CommandLine, job_id: str) -> str:
    return str(cli.json("show", job_id)["status"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_the_shared_options(cli: CommandLine, command: list[str]) -> None:
    done = cli.run(*command, "--help")
    assert done.code == 0
    assert done.err == ""
    for option in ("--redis", "--namespace", "--config", "--tasks", "--json", "--allow-eviction"):
        assert option in done.out


def test_submit_prints_the_id_and_a_worker_runs_it(cli: CommandLine) -> None:
    done = cli.run("submit", "add", "2", "40")
    assert (done.code, done.err) == (0, "")
    job_id = done.out.strip()
    work(cli)
    job = cli.json("show", job_id)
    assert job.keys() >= JOB_KEYS
    assert (job["status"], job["result"], job["attempt"], job["args"]) == ("succeeded", 42, 1, [2, 40])
    assert job["created_at"].endswith("Z")
    assert job["history"][0].keys() == RUN_KEYS
    assert job["history"][0]["event"] == "succeeded"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("1", 1), ("1.5", 1.5), ("true", True), ("null", None), ('"1"', "1"), ("[1, {}]", [1, {}]),
        ("/shoot", "/shoot"), ("NaN", "NaN"), ("写真 1", "写真 1"), ("{", "{"), ("-5", -5), ("", ""),
    ],
)  # fmt: skip
def test_an_argument_is_json_or_a_plain_string(cli: CommandLine, argument: str, value: Any) -> None:
    assert cli.json("show", submitted(cli, "add", "--", argument))["args"] == [value]


def test_submit_takes_options(cli: CommandLine) -> None:
    given = ("--kwargs", '{"b": 2}', "--queue", "low_priority", "--priority", "HIGH")
    job = cli.json("show", submitted(cli, "add", "1", *given))
    assert (job["kwargs"], job["queue"], job["priority"]) == ({"b": 2}, "low_priority", 9)
    assert cli.json("show", submitted(cli, "add", "1", "--priority", "0"))["priority"] == 0
    later = cli.json("submit", "add", "1", "--delay", "60")
    assert later["status"] == "scheduled"
    assert cli.json("show", later["id"])["run_at"] is not None


def test_submit_gives_the_job_that_has_the_unique_key(cli: CommandLine) -> None:
    first = cli.json("submit", "add", "1", "--unique", "sheet:/shoot")
    assert first["existing"] is False
    again = cli.json("submit", "add", "2", "--unique", "sheet:/shoot")
    assert (again["id"], again["existing"]) == (first["id"], True)
    assert cli.json("show", first["id"])["args"] == [1]
    done = cli.run("submit", "add", "2", "--unique", "sheet:/shoot")
    assert (done.out, done.err) == (f"{first['id']}\n", f"job {first['id']} had been submitted before\n")


def test_submit_tells_how_many_lines_were_submitted_before(cli: CommandLine) -> None:
    lines = ['{"args": [1], "id": "one"}', '{"args": [2], "id": "two"}']
    assert cli.run("submit", "add", "--stdin", stdin=lines[0]).err == ""
    done = cli.run("submit", "add", "--stdin", stdin="\n".join(lines))
    assert (done.out, done.err) == ("one\ntwo\n", "1 of 2 jobs had been submitted before\n")
    found = cli.json("submit", "add", "--stdin", stdin="\n".join(lines))["submitted"]
    assert [job["existing"] for job in found] == [True, True]


def test_submit_waits_for_the_result(cli: CommandLine) -> None:
    worker = cli.start("worker", "--no-schedules")
    try:
        assert cli.run("submit", "add", '"写"', '"真"', "--wait").out == "写真\n"
        found = cli.json("submit", "add", "1", "--wait")
        assert (found["status"], found["result"]) == ("succeeded", 2)
        failed = cli.json("submit", "explode", "pop", "--wait", code=1)
        assert (failed["status"], failed["error"]["type"]) == ("failed", "ValueError")
        done = cli.run("submit", "explode", "pop", "--wait")
        assert (done.code, done.out) == (1, "")
        assert "failed: ValueError: pop\n" in done.err
        odd = cli.json("submit", "odd_values", "--wait")
        assert odd["result"] == ["/a/b", "AP8=", None, "2026-01-02 00:00:00+00:00"]
    finally:
        worker.send_signal(signal.SIGTERM)
        cli.finish(worker)


def test_submit_takes_a_job_a_line(cli: CommandLine) -> None:
    lines = [
        {"args": [1, 2]},
        {"task": "explode", "kwargs": {"text": "x"}, "priority": "low", "id": "mine"},
        {"args": [1], "kwargs": {"b": 5}, "delay": 60},
    ]
    stdin = "\n\n".join(map(json.dumps, lines))
    found = cli.json("submit", "add", "--stdin", "--priority", "8", stdin=stdin)["submitted"]
    assert [job["status"] for job in found] == ["queued", "queued", "scheduled"]
    jobs = [cli.json("show", job["id"]) for job in found]
    assert [(job["task"], job["priority"]) for job in jobs] == [("add", 8), ("explode", 1), ("add", 8)]
    assert found[1]["id"] == "mine"
    many = "\n".join(json.dumps({"args": [number]}) for number in range(450))
    assert len(cli.run("submit", "add", "--stdin", stdin=many).out.splitlines()) == 450
    assert cli.json("submit", "add", "--stdin", stdin="") == {"submitted": []}


def test_a_bad_line_is_named_with_what_was_submitted_before(cli: CommandLine) -> None:
    many = "\n".join(json.dumps({"args": [number]}) for number in range(250)) + '\n{"args": 1}'
    done = cli.run("submit", "add", "--stdin", "--json", stdin=many)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: line 251: ")
    assert "the 200 jobs of the lines before are submitted" in done.err
    assert cli.json("stats")["total_pending"] == 200


def test_stats(cli: CommandLine) -> None:
    submitted(cli, "add", "1", "--priority", "9")
    found = cli.json("stats")
    assert found.keys() >= {
        "namespace", "queues", "jobs_by_status", "jobs_by_priority", "active_tasks", "total_pending",
        "workers", "timestamp",
    }  # fmt: skip
    assert found["queues"]["default"].keys() >= {"queued", "running", "scheduled", "paused", "oldest_wait_s"}
    assert found["jobs_by_priority"] == {"9": 1}
    assert "default" in cli.run("stats").out


def test_stats_are_watched_until_ctrl_c(cli: CommandLine) -> None:
    code, shown = cli.in_terminal("stats", "--watch", after="WAIT (s)", interrupt=True)
    assert code == 0
    assert "Traceback" not in shown


def test_list_and_failed(cli: CommandLine) -> None:
    ids = [submitted(cli, "add", str(number)) for number in range(3)]
    bad = submitted(cli, "explode", "pop")
    assert [job["id"] for job in cli.json("list")["jobs"]] == [bad, *reversed(ids)]
    assert [job["id"] for job in cli.json("list", "--task", "add", "--limit", "1")["jobs"]] == [ids[-1]]
    assert cli.json("list", "--queue", "low_priority") == {"jobs": []}
    work(cli)
    assert [job["id"] for job in cli.json("failed")["jobs"]] == [bad]
    assert cli.json("list", "--status", "failed")["jobs"][0].keys() >= JOB_KEYS
    assert "ValueError: pop" in cli.run("failed").out
    assert cli.run("list", "--status", "running").out == "no such jobs\n"


def test_the_newest_are_listed_first_wherever_they_wait(cli: CommandLine) -> None:
    for _ in range(3):
        submitted(cli, "add", "1", "--queue", "high_priority", "--priority", "9")
    newest = submitted(cli, "add", "2", "--queue", "low_priority", "--priority", "1")
    assert [job["id"] for job in cli.json("list", "--limit", "1")["jobs"]] == [newest]


def test_show_tells_a_person_everything(cli: CommandLine) -> None:
    job_id = submitted(cli, "explode", "pop")
    work(cli)
    shown = cli.run("show", job_id)
    for part in (job_id, "explode", "failed", "Traceback", "ValueError: pop"):
        assert part in shown.out
    assert shown.err.startswith(
        f"`junmai-jobs retry {job_id}` has it run again; `junmai-jobs replay {job_id}` "
    )
    unknown = cli.run("show", "nope")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "Error: no job nope: `junmai-jobs list` shows those there are\n"


def test_pause_and_resume(cli: CommandLine) -> None:
    assert cli.json("pause", "default", "low_priority") == {"paused": ["default", "low_priority"]}
    job_id = submitted(cli, "add", "1")
    work(cli)
    assert status_of(cli, job_id) == "queued"
    assert cli.json("resume", "default") == {"paused": ["low_priority"]}
    work(cli)
    assert status_of(cli, job_id) == "succeeded"
    assert "default" in cli.json("pause")["paused"]
    assert cli.json("resume") == {"paused": []}
    assert cli.run("resume").out == "paused: nothing\n"


def test_purge_cancels_what_waits_in_one_queue_or_all(cli: CommandLine) -> None:
    first = submitted(cli, "add", "1")
    other = submitted(cli, "add", "1", "--queue", "low_priority")
    later = cli.json("submit", "add", "1", "--delay", "60")["id"]
    assert cli.json("purge", "default", "--status", "scheduled", "--yes") == {"purged": 1}
    assert cli.json("purge", "default", "--yes") == {"purged": 1}
    job = cli.json("show", first)
    assert (job["status"], job["reason"]) == ("cancelled", "purged")
    assert (status_of(cli, other), status_of(cli, later)) == ("queued", "cancelled")
    assert cli.run("purge", "--yes").out == "1 job purged\n"


def test_what_cannot_be_undone_wants_a_yes(cli: CommandLine) -> None:
    submitted(cli, "add", "1")
    for command in (["purge"], ["purge", "default"], ["retry", "--all"]):
        done = cli.run(*command, "--json")
        assert (done.code, done.out) == (2, "")
        assert "--yes" in done.err
    code, shown = cli.in_terminal("purge", keys="n\n", after="[y/N]")
    assert code == 1
    assert "Cancel everything that waits in all queues?" in shown
    assert cli.json("stats")["total_pending"] == 1
    code, shown = cli.in_terminal("purge", keys="y\n", after="[y/N]")
    assert code == 0
    assert "1 job purged" in shown


def test_retry(cli: CommandLine) -> None:
    ids = [submitted(cli, "explode", "pop") for _ in range(2)]
    good = submitted(cli, "add", "1")
    work(cli)
    assert cli.json("retry", ids[0]) == {"retried": [ids[0]]}
    job = cli.json("show", ids[0])
    assert (job["status"], job["attempt"], len(job["history"])) == ("queued", 0, 1)
    assert cli.json("retry", "--all", "--task", "add", "--yes") == {"retried": []}
    assert cli.json("retry", "--all", "--yes") == {"retried": [ids[1]]}
    refused = cli.run("retry", good, "--json")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"Error: job {good} is succeeded; only a failed or cancelled job can be retried\n"
    work(cli)
    some = cli.run("retry", ids[0], good, "nope", "--json")
    assert (some.code, json.loads(some.out)) == (1, {"retried": [ids[0]]})
    assert len(some.err.splitlines()) == 2


def test_cancel(cli: CommandLine) -> None:
    waiting = submitted(cli, "add", "1")
    assert cli.json("cancel", waiting) == {"cancelled": [waiting]}
    again = cli.run("cancel", waiting)
    assert (again.code, again.out) == (1, "")
    assert "is cancelled" in again.err
    none = cli.run("cancel", "no", "nope", "--json")
    assert (none.code, none.out, len(none.err.splitlines())) == (1, "", 3)


def test_a_running_job_is_cancelled_and_workers_shows_it(cli: CommandLine) -> None:
    worker = cli.start(
        "worker",
        "--no-schedules",
        "--concurrency",
        "2",
        "--queues",
        "slow,default",
        stderr=subprocess.DEVNULL,
    )
    try:
        running = submitted(cli, "until_cancelled")
        wait_until(lambda: status_of(cli, running) == "running", what="the job to run")
        (found,) = cli.json("workers")["workers"]
        assert (found["pid"], found["alive"], found["queues"]) == (worker.pid, True, ["slow", "default"])
        assert running in [slot["job"] for slot in found["slots"]]
        assert running in cli.run("workers").out
        assert cli.json("cancel", running) == {"cancelled": [running]}
        wait_until(lambda: status_of(cli, running) == "cancelled", what="the job to stop")
    finally:
        worker.send_signal(signal.SIGTERM)
        assert cli.finish(worker).code == 0
    assert cli.json("workers") == {"workers": []}
    assert cli.run("workers").out.startswith("no worker is running")


def test_worker_logs_to_stderr_or_a_file(cli: CommandLine, tmp_path: Path) -> None:
    submitted(cli, "add", "1")
    done = cli.run("worker", "--burst", "--json")
    assert (done.code, json.loads(done.out)["exit_code"]) == (0, 0)
    assert re.search(r"add attempt 1 after .* s: succeeded", done.err)
    submitted(cli, "add", "1")
    log = tmp_path / "logs" / "worker.log"
    options = ("--lease", "20", "--grace", "1", "--max-jobs-per-child", "1", "--loglevel", "debug")
    done = cli.run("worker", "--burst", "--logfile", log, *options)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert "s: succeeded" in log.read_text("utf-8")


def test_config_show(cli: CommandLine) -> None:
    found = cli.having(REDIS_PASSWORD=HIDDEN).json("config", "show")
    assert (found["home"], found["tasks"]) == (str(cli.home), ["studio"])
    assert HIDDEN not in json.dumps(found)
    assert "processing.max_concurrent_jobs" in cli.run("config", "show").out


def test_the_embedded_server(tmp_path: Path) -> None:
    with home_with_server(tmp_path / "home") as home:
        cli = CommandLine(home, tmp_path)
        assert cli.json("server", "status", code=1)["running"] is False
        assert cli.json("server", "start")["running"] is True
        found = cli.json("server", "status")
        assert (found["kind"], found["running"], found["watcher"]) == ("embedded", True, True)
        assert cli.json("server", "stop") == {"stopped": True}
        assert cli.json("server", "stop") == {"stopped": False}
        assert cli.json("stats")["total_pending"] == 0, "a command starts it by itself"
        assert "embedded" in cli.run("server", "status").out


def test_a_jobs_keys_are_those_of_the_contract() -> None:
    assert {*Job.__dataclass_fields__} >= JOB_KEYS
