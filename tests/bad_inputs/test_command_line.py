"""Command lines that are wrong, and servers that refuse: the right code, and one line that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command_line import REACHING
from tests.in_process import typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import RedisProcess

OURS = "tests.worker.tasks"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["worker", "--concurrency", "-1"], "concurrency is -1; give a whole number from 1 to 1000"),
        (["worker", "--concurrency", "1000000000"], "concurrency is 1000000000"),
        (["worker", "--concurrency", "1e9"], "'1e9' is not a valid integer"),
        (["worker", "--concurrency", "abc"], "'abc' is not a valid integer"),
        (["worker", "--concurrency", ""], "'' is not a valid integer"),
        (["worker", "--lease", "inf"], "inf is not a number of seconds"),
        (["worker", "--lease", "0.5"], "0.5 is not a number of seconds from 1"),
        (["worker", "--grace", "1e9"], "is not a number of seconds from 0 to 86400"),
        (["worker", "--max-jobs-per-child", "99999999999"], "Invalid value for '--max-jobs-per-child'"),
        (["worker", "--offer", "gpu"], "is no list as in"),
        (["worker", "--queues", "{junmai}:q"], "is not a name"),
        (["list", "--limit", "-1"], "limit is -1"),
        (["stat"], "No such command 'stat'"),
        (["submit", "quick", "1", "--delay", "inf"], "delay is inf"),
        (["submit", "quick", "1", "--priority", "9" * 5000], "priority is"),
        (["submit", "quick", "1", "--unique", "x" * 129], "is not an id"),
        (["submit", "quick", "--kwargs", "[" * 100_000], "--kwargs is not JSON: it is nested too deeply"),
        (["submit", "quick", "[" * 65 + "]" * 65], "is nested more than 64 deep"),
        (["submit", "os.system", "id"], "no task 'os.system'"),
        (["schedule", "add", "s", "quick", "--every", "nan"], "every is 'nan'"),
        (["schedule", "add", "s", "quick", "--cron", "* * * * 9 9 9 9"], "cron is"),
        (
            ["schedule", "add", "s", "quick", "--cron", "0 3 * * *", "--tz", "../../etc/passwd"],
            "no time zone",
        ),
        (["schedule", "add", "A b", "quick", "--every", "60"], "schedule 'A b' is not a name"),
        (["--namespace", "{x}", "stats"], "namespace must be"),
        (["--namespace", "", "stats"], "namespace must be"),
        (["--redis", "", "stats"], "The server's address must be"),
    ],
)
def test_wrong_usage(redis_server: RedisProcess, tmp_path: Path, arguments: list[str], said: str) -> None:
    done = typed(tmp_path, "--tasks", OURS, *arguments, JUNMAI_REDIS_URL=redis_server.url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    with redis_server.client() as admin:
        assert admin.dbsize() == 0


@pytest.fixture(params=["a wrong password", "no rights"])
def closed(request: pytest.FixtureRequest, redis_server: RedisProcess) -> Iterator[str]:
    """The address of a server for somebody it does not let in."""
    rules = ("reset", "on", ">other") if request.param == "a wrong password" else ("reset", "on", ">pw")
    with redis_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "guest", *rules)
        yield f"redis://guest:pw@127.0.0.1:{redis_server.port}/0"
        admin.execute_command("ACL", "DELUSER", "guest")


@pytest.mark.parametrize("command", REACHING, ids=" ".join)
def test_a_server_that_does_not_let_us_in(closed: str, tmp_path: Path, command: list[str]) -> None:
    words = ["quick" if word == "add" else word for word in command]
    done = typed(tmp_path, "--tasks", OURS, *words, JUNMAI_REDIS_URL=closed)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (69, "", 1)
    assert done.stderr.startswith(f"Error: the server {closed.replace(':pw@', ':***@')} ")


BYTES = "\udcff"
"""How Python gives an argument that is no text in the user's encoding."""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", BYTES], 1), (["cancel", BYTES], 1), (["retry", BYTES], 1), (["batch", BYTES], 2),
        (["undo", BYTES], 1),
        (["submit", "quick", BYTES], 2), (["submit", BYTES], 2), (["list", "--task", BYTES], 2),
        (["purge", BYTES], 2),
        (["schedule", "run", BYTES], 2), (["pause", BYTES], 2), (["--redis", BYTES, "stats"], 2),
        ([BYTES], 2),
        (["submit", "quick", "1", "--unique", BYTES], 2), (["submit", "quick", "--kwargs", BYTES], 2),
        (["process", BYTES], 1), (["worker", "--queues", BYTES], 2), (["stats", "--config", BYTES], 2),
    ],
    ids=lambda case: " ".join(case).replace(BYTES, "BYTES") if isinstance(case, list) else "",
)  # fmt: skip
def test_an_argument_that_is_no_text(
    redis_server: RedisProcess, tmp_path: Path, arguments: list[str], code: int
) -> None:
    done = typed(tmp_path, "--tasks", OURS, *arguments, JUNMAI_REDIS_URL=redis_server.url)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize("width", ["1", "20"])
def test_a_narrow_terminal(redis_server: RedisProcess, tmp_path: Path, width: str) -> None:
    given = {"JUNMAI_REDIS_URL": redis_server.url, "COLUMNS": width, "FORCE_COLOR": "1", "TERM": "xterm"}
    job_id = typed(tmp_path, "--tasks", OURS, "submit", "quick", "1", **given).stdout.strip()
    for command in (
        ["list"],
        ["stats"],
        ["workers"],
        ["show", job_id],
        ["schedule", "list"],
        ["--help"],
        ["list", "--help"],
    ):
        assert typed(tmp_path, *command, **given).exit_code == 0
    assert typed(tmp_path, "list", "--json", **given).stdout.count("\n") == 1
