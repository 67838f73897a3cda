"""``schedule``: list, add, remove, pause, resume, run."""

from __future__ import annotations

import pytest

from tests.command_line import CommandLine


def test_add_and_list(cli: CommandLine) -> None:
    given = ("--cron", "0 3 * * *", "--tz", "Europe/Berlin", "--catch-up", "ALL", "--queue", "night")
    row = cli.json(
        "schedule", "add", "nightly", "add", "1", *given, "--priority", "low", "--kwargs", '{"b": 2}'
    )
    assert row.pop("next_at").endswith(":00:00.000Z")
    assert row == {
        "name": "nightly", "task": "add", "args": [1], "kwargs": {"b": 2}, "queue": "night", "priority": 1,
        "every": None, "cron": "0 3 * * *", "tz": "Europe/Berlin", "catch_up": "all", "in_code": False,
        "paused": False,
    }  # fmt: skip
    cli.json("schedule", "add", "hourly", "add", "1", "--every", "1h")
    rows = cli.json("schedule", "list")["schedules"]
    assert [(row["name"], row["every"], row["catch_up"]) for row in rows] == [
        ("hourly", 3600, "once"),
        ("nightly", None, "all"),
    ]
    shown = cli.run("schedule", "list").out
    assert "0 3 * * * Europe/Berlin" in shown
    assert "every 3600 s" in shown


def test_an_empty_list(cli: CommandLine) -> None:
    assert cli.json("schedule", "list") == {"schedules": []}
    assert cli.run("schedule", "list").out.startswith("there are no schedules")


def test_add_tells_a_person_when_it_is_due(cli: CommandLine) -> None:
    done = cli.run("schedule", "add", "hourly", "add", "1", "--every", "1h")
    assert done.code == 0
    assert done.out.startswith("hourly is due next at 20")


def test_run_submits_now(cli: CommandLine) -> None:
    cli.json("schedule", "add", "hourly", "add", "40", "2", "--every", "1h")
    job = cli.json("schedule", "run", "hourly")
    assert job["status"] == "queued"
    assert cli.run("worker", "--burst").code == 0
    assert cli.json("show", job["id"])["result"] == 42
    assert cli.run("schedule", "run", "hourly").out.strip() != job["id"]


def test_remove(cli: CommandLine) -> None:
    cli.json("schedule", "add", "hourly", "add", "1", "--every", "1h")
    assert cli.json("schedule", "remove", "hourly") == {"removed": "hourly"}
    assert cli.json("schedule", "list") == {"schedules": []}


def test_pause_and_resume(cli: CommandLine) -> None:
    cli.json("schedule", "add", "hourly", "add", "1", "--every", "1h")
    assert cli.json("schedule", "pause", "hourly") == {"paused": "hourly"}
    row = cli.json("schedule", "list")["schedules"][0]
    assert (row["paused"], row["next_at"]) == (True, None)
    assert "paused" in cli.run("schedule", "list").out
    assert cli.json("schedule", "resume", "hourly") == {"resumed": "hourly"}
    assert cli.json("schedule", "list")["schedules"][0]["next_at"] is not None


@pytest.mark.parametrize("command", ["remove", "run", "pause", "resume"])
def test_one_that_is_not_there(cli: CommandLine, command: str) -> None:
    done = cli.run("schedule", command, "nothing")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: no schedule nothing: `junmai-jobs schedule list` shows those there are\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("s", "add", "1"), "give every or cron"),
        (("s", "add", "1", "--every", "1h", "--cron", "0 3 * * *"), "give every or cron"),
        (("s", "add", "1", "--every", "soon"), "every is 'soon'"),
        (("s", "add", "1", "--cron", "0 25 * * *"), "bad hour"),
        (("s", "add", "1", "--cron", "0 3 * * *", "--tz", "Mars"), "knows no time zone 'Mars'"),
        (("s", "add", "1", "--every", "1h", "--catch-up", "twice"), "'twice' is not one of"),
        (("s", "add", "1", "--every", "1h", "--priority", "11"), "priority is 11"),
        (("s", "add", "--every", "1h"), "missing a required argument: 'a'"),
        (("s", "add", "1", "--every", "1h", "--kwargs", "[]"), "--kwargs must be a JSON object"),
        (("s", "subtract", "1", "--every", "1h"), "no task 'subtract'"),
        (("Nightly Job", "add", "1", "--every", "1h"), "schedule 'Nightly Job' is not a name"),
        (("a:b", "add", "1", "--every", "1h"), "schedule 'a:b' is not a name"),
    ],
)
def test_what_is_wrong_is_named(cli: CommandLine, arguments: tuple[str, ...], complaint: str) -> None:
    done = cli.run("schedule", "add", *arguments)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err
