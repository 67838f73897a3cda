"""What the command says when something is wrong, and that it says it in one line and with the right code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.command_line import REACHING, CommandLine, Done, black_hole
from tests.conftest import StartServer
from tests.forks import Forks
from tests.servers import free_port

LONGEST_WAIT = 10.0  # s


def refused(done: Done, code: int) -> str:
    """The one line that a refused command says, on stderr alone."""
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in done.err
    line = done.err.splitlines()[-1]
    assert line.startswith("Error: ")
    assert code == 2 or done.err.count("\n") == 1, done.err
    return line


@pytest.mark.parametrize("command", [*REACHING, ["stats", "--json"], ["worker", "--json"]], ids=" ".join)
def test_a_server_that_refuses(cli: CommandLine, command: list[str]) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    begin = time.monotonic()
    line = refused(cli.run(*command, "--redis", url), 69)
    assert time.monotonic() - begin < LONGEST_WAIT
    assert url in line


@pytest.mark.parametrize(
    "command", [["stats"], ["submit", "add", "1"], ["worker"], ["server", "status"]], ids=" ".join
)
def test_a_black_hole(cli: CommandLine, command: list[str]) -> None:
    with black_hole() as port:
        begin = time.monotonic()
        line = refused(cli.run(*command, "--redis", f"redis://127.0.0.1:{port}"), 69)
        assert time.monotonic() - begin < LONGEST_WAIT
        assert f":{port}" in line


def test_a_server_that_never_answers(cli: CommandLine, redis_process: StartServer) -> None:
    server = redis_process()
    server.pause()
    begin = time.monotonic()
    assert server.url in refused(cli.run("stats", "--redis", server.url), 69)
    assert time.monotonic() - begin < LONGEST_WAIT


def test_a_black_hole_in_the_environment_and_the_main_job(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    (tmp_path / "shoot" / "a.jpg").write_bytes(b"")
    with black_hole() as port:
        begin = time.monotonic()
        refused(
            cli.having(REDIS_HOST="127.0.0.1", REDIS_PORT=str(port)).run("process", tmp_path / "shoot"), 69
        )
        assert time.monotonic() - begin < LONGEST_WAIT


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["stats", "--nope"], "No such option"),
        (["submit"], "Missing argument 'TASK'"),
        (["submit", "ad", "1"], "did you mean 'add'?"),
        (["submit", "add"], "missing a required argument: 'a'"),
        (["submit", "add", "1", "2", "3"], "too many positional arguments"),
        (["submit", "add", "--kwargs", '{"a": 1, "c": 2}'], "unexpected keyword argument 'c'"),
        (["submit", "add", "--kwargs", "[1]"], "--kwargs must be a JSON object"),
        (["submit", "add", "--kwargs", "{"], "--kwargs is not JSON"),
        (["submit", "add", "1", "--queue", "Not A Queue"], "queue 'Not A Queue' is not a name"),
        (["submit", "add", "1", "--priority", "11"], "priority is 11"),
        (["submit", "add", "1", "--priority", "-1"], "priority is '-1'"),
        (["submit", "add", "1", "--priority", "2.5"], "priority is '2.5'"),
        (["submit", "add", "1", "--priority", "urgent"], "priority is 'urgent'"),
        (["submit", "add", "1", "--delay", "-1"], "delay is -1.0"),
        (["submit", "add", "1", "--delay", "nan"], "delay is nan"),
        (["submit", "add", "1", "--delay", "1e12"], "to ten years"),
        (["submit", "add", "1", "--delay", "soon"], "Invalid value for '--delay'"),
        (["submit", "add", "1", "--unique", "a key"], "a unique key 'a key' is not an id"),
        (["submit", "add", str(2**64)], "args[0] is an integer of more than 64 bits"),
        (["submit", "add", '{"mask": ["\\ud800"]}'], "args[0].mask[0] has a lone surrogate"),
        (["submit", "add", "1", "--stdin"], "with --stdin the arguments stand in its lines"),
        (["list", "--status", "done"], "Invalid value for '--status'"),
        (["list", "--limit", "0"], "limit is 0"),
        (["pause", "Not A Queue"], "queue 'Not A Queue' is not a name"),
        (["purge", "Not A Queue", "--yes"], "queue 'Not A Queue' is not a name"),
        (["purge", "--status", "running"], "Invalid value for '--status'"),
        (["retry"], "name the jobs by their ids, or give --all"),
        (["retry", "x", "--all"], "name the jobs by their ids, or give --all"),
        (["retry", "x", "--task", "add"], "--task goes with --all"),
        (["cancel"], "Missing argument"),
        (["show"], "Missing argument"),
        (["stats", "--watch", "--json"], "--watch is for a person"),
        (["worker", "--concurrency", "0"], "concurrency is 0"),
        (["worker", "--offer", "gpu=1,gpu=2"], "names something twice"),
        (["list", "--limit", "99999999999999999999"], "limit is 99999999999999999999"),
        (["worker", "--queues", "A B"], "queue 'A B' is not a name"),
        (["worker", "--queues", ""], "queue '' is not a name"),
        (["worker", "--lease", "nan"], "nan is not a number of seconds from 1 to 86400"),
        (["worker", "--grace", "-1"], "-1 is not a number of seconds from 0 to 86400"),
        (["worker", "--max-jobs-per-child", "0"], "Invalid value for '--max-jobs-per-child'"),
        (["worker", "--loglevel", "LOUD"], "Invalid value for '--loglevel'"),
        (["worker", "--autoscale", "6"], "'6' is no MIN,MAX as in 1,6"),
        (["worker", "--autoscale", "0,2"], "give the fewest and the most processes"),
        (["worker", "--autoscale", "1,2", "--concurrency", "2"], "give concurrency or autoscale"),
        (["worker", "--max-memory-per-child", "nan"], "max_memory_per_child is nan"),
        (["worker", "--prefetch", "4"], "No such option"),
        (["stats", "--namespace", "A B"], "namespace must be"),
        (["stats", "--config", "missing.json"], "missing.json cannot be read"),
        (["submit", "--tasks", "not a module", "add", "1"], "must be the name of a Python module"),
        (["process"], "Missing argument 'FOLDER'"),
    ],
)  # fmt: skip
def test_wrong_usage(cli: CommandLine, arguments: list[str], said: str) -> None:
    assert said in refused(cli.run(*arguments), 2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", """it must be a JSON object, as in {"args": ["a.jpg"]}"""),
        ("{'a': 1}", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"args": {"a": 1}}', '"args" must be a list'),
        ('{"kwargs": [1]}', '"args" must be a list in [brackets], and "kwargs" an object'),
        ('{"task": "nope"}', "no task 'nope'"),
        ('{"task": 7}', '"task" must be the name of a task'),
        ('{"args": [1], "countdown": 5}', "no option 'countdown'; write delay"),
        ('{"args": [1], "id": "a b"}', "id 'a b' is not an id"),
        ('{"args": [1], "priority": true}', "priority is True"),
        ('{"args": [1], "timeout": 0}', "timeout is 0"),
        ('{"args": [1], "tags": "x"}', "tags is 'x'"),
        ('{"args": [NaN]}', "NaN is not JSON"),
        ('{"args": [1e999]}', "it is not JSON: 1e999 is too large a number"),
        ('{"columns": 4}', "no option 'columns'; there are args, kwargs, task, after, after_policy"),
        (json.dumps({"args": ["x" * 300_000]}), "the limit is 262,144"),
        ('{"args": [1], "eta": 5}', "eta is 5; give a time as in 2030-01-31T03:00:00Z"),
        ('{"args": [1], "retry": 5}', "retry is 5; give an object with any of max_retries, base"),
        ('{"args": [1], "retry": {"max": true}}', 'retry is {"max": true}; give an object with any of max'),
        ('{"args": [1], "unique": 5}', "unique is 5; give a key, as a text"),
        ('{"args": [1], "concurrency": {"limit": 1}}', 'concurrency is {"limit": 1}; give a whole number'),
        ('{"args": [1], "rate": "5/s"}', "rate cannot be given here: say it where the task is"),
    ],
)  # fmt: skip
def test_a_wrong_line(cli: CommandLine, line: str, said: str) -> None:
    message = refused(cli.run("submit", "add", "--stdin", stdin=f'{{"args": [1]}}\n{line}\n'), 2)
    assert message.startswith("Error: line 2: ")
    assert said in message


def test_a_line_may_say_of_an_option_that_there_is_none(cli: CommandLine) -> None:
    line = {"args": [1], "eta": None, "retry": None, "unique": None, "concurrency": None, "rate": None}
    assert cli.run("submit", "add", "--stdin", stdin=json.dumps(line)).code == 0


def test_lines_of_a_stdin_that_is_closed(cli: CommandLine) -> None:
    done = cli.finish(cli.start("submit", "add", "--stdin", preexec_fn=lambda: os.close(0)))
    assert "there is nothing to read with --stdin: it is closed" in refused(done, 2)
    done = cli.finish(cli.start("submit", "add", "1", "--plan", preexec_fn=lambda: os.close(0)))
    assert done.code == 0, done.err
    done = cli.finish(cli.start("import", "-", preexec_fn=lambda: os.close(0)))
    assert "- cannot be read (there is no standard input): name another file" in refused(done, 1)


def test_what_is_not_there_or_not_possible_is_1(cli: CommandLine, tmp_path: Path) -> None:
    first, other = '{"args": [1], "id": "mine"}', '{"args": [2], "id": "mine"}'
    assert cli.json("submit", "add", "--stdin", stdin=first)
    assert "other content" in refused(cli.run("submit", "add", "--stdin", stdin=other), 1)
    assert "no job nope" in refused(cli.run("cancel", "nope", "--json"), 1)
    log = tmp_path / "folder"
    log.mkdir()
    assert "cannot be written" in refused(cli.run("worker", "--logfile", log), 1)
    address = f"redis://127.0.0.1:{free_port()}"
    assert "is not ours to start and stop" in refused(cli.run("server", "stop", "--redis", address), 1)


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("missing", None, "there is no tasks module 'missing'"),
        ("broken", "def f(:\n", "the tasks module 'broken' cannot be imported: SyntaxError: "),
        ("needs", "import gone\n", "ModuleNotFoundError: No module named 'gone' (needs.py, line 1)"),
        ("leaves", "import sys\nsys.exit('bye')\n", "SystemExit: bye (leaves.py, line 2)"),
        ("twice", "import junmai_jobs as j\n@j.task\ndef add():\n  pass\n", "two functions want the task"),
    ],
)  # fmt: skip
def test_a_tasks_module_that_cannot_be_imported(
    cli: CommandLine, module: str, text: str | None, said: str
) -> None:
    if text is not None:
        (cli.folder / f"{module}.py").write_text(text, "utf-8")
    for command in (["submit", "add", "1"], ["worker", "--burst"]):
        assert said in refused(cli.run(*command, "--tasks", "studio", "--tasks", module), 2)
    assert cli.run("stats", "--tasks", module).code == 0, "what needs no tasks imports none"


def test_shared_options_stand_before_or_after_the_commands_name(cli: CommandLine) -> None:
    cli = cli.having(JUNMAI_NAMESPACE="")
    (cli.folder / "here.json").write_text('{"namespace": "from-file"}', "utf-8")
    for options in (["--json", "--namespace", "given"], ["--config", "here.json", "--json"]):
        before, after = cli.run(*options, "stats"), cli.run("stats", *options)
        wanted = "given" if "given" in options else "from-file"
        assert json.loads(before.out)["namespace"] == json.loads(after.out)["namespace"] == wanted
    for place in (
        ["--json", "server", "status"],
        ["server", "--json", "status"],
        ["server", "status", "--json"],
    ):
        assert json.loads(cli.run(*place).out)["running"]
    tasks = cli.having(JUNMAI_TASKS="")
    assert tasks.run("--tasks", "studio", "submit", "add", "1").code == 0
    assert tasks.run("submit", "add", "1", "--tasks=studio").code == 0
    assert tasks.run("submit", "add", "1").code == 2


@pytest.mark.parametrize("group", [(), ("schedule",), ("server",)], ids=str)
def test_a_group_without_a_command_shows_its_help(cli: CommandLine, group: tuple[str, ...]) -> None:
    done = cli.run(*group)
    assert (done.code, "\\n" in done.err) == (2, False)
    assert re.search(r"^Commands:$", done.err, re.MULTILINE)


@pytest.mark.parametrize("words", [("serve",), ("serve", "--code")], ids=" ".join)
def test_without_its_extra_a_command_says_what_to_install(
    cli: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "flask.py").write_text("raise ModuleNotFoundError(\"No module named 'flask'\", name='flask')")
    done = cli.having(PYTHONPATH=str(tmp_path)).run(*words)
    assert (done.code, done.err) == (1, 'Error: flask is missing: pip install "junmai-jobs[bridge]"\n')


def test_what_is_in_the_data_steers_no_terminal(cli: CommandLine) -> None:
    evil = "\x1b[31mred\x07\r[bold]x[/bold]\u202e\u3000写真"
    job_id = cli.json("submit", "explode", evil)["id"]
    cli.json("submit", "add", evil, '"b"')
    assert cli.run("worker", "--burst").code == 0
    safe = r"\x1b[31mred\x07\r[bold]x[/bold]\u202e" + "\u3000写真"
    for command in (["list"], ["failed"], ["show", job_id]):
        out = cli.run(*command).out
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(out)
        assert command == ["show", job_id] or safe in out
    assert cli.json("show", job_id)["error"]["message"] == evil
    odd = cli.run("show", "\x1b[31m")
    assert odd.err.startswith(r"Error: no job \x1b[31m: ")


def test_a_terminal_without_the_characters_gets_escapes(cli: CommandLine) -> None:
    cli.json("submit", "explode", "写真")
    assert cli.run("worker", "--burst").code == 0
    done = cli.having(PYTHONIOENCODING="ascii").run("failed")
    assert done.code == 0
    assert r"\u5199\u771f" in done.out


def test_no_color(cli: CommandLine) -> None:
    for command in (["stats"], ["list"], ["workers"], ["config", "show"]):
        code, shown = cli.having(NO_COLOR="1", TERM="xterm-256color").in_terminal(*command)
        assert code == 0
        assert "\x1b" not in shown


def test_a_bug_shows_its_traceback(cli: CommandLine) -> None:
    bug = "from junmai_jobs import JobQueue, cli; JobQueue.stats = lambda self: 1 / 0; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", bug, "stats"],
        env=cli.variables, cwd=cli.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_the_shell_completes(cli: CommandLine) -> None:
    def completed(*words: str) -> str:
        asked = {"_JUNMAI_JOBS_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("junmai-jobs", *words))}
        return cli.having(**asked, COMP_CWORD=str(len(words))).run().out

    assert "plain,stats" in completed("st")
    assert "plain,--status" in completed("list", "--st")
    assert "plain,succeeded" in completed("list", "--status", "suc")
    assert "plain,--namespace" in completed("list", "--na")
    assert "complete" in cli.having(_JUNMAI_JOBS_COMPLETE="bash_source").run().out


def test_help_is_quick_and_imports_no_picture_library(cli: CommandLine) -> None:
    code = (
        "import atexit, gc, sys;"
        "atexit.register(lambda: print('\\n', 'FROZEN' * bool(gc.get_freeze_count()), *sys.modules));"
        "from junmai_jobs import cli; cli.main()"
    )
    for command in (["--help"], ["stats", "--json"], ["submit", "add", "1"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            env=cli.variables, cwd=cli.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        loaded = set(done.stdout.split())
        assert not loaded & {"rich", "PIL", "cv2", "numpy", "exifread"}
        assert "FROZEN" in loaded, "what is left at the end is looked through for cycles"
    assert min(_seconds_of_help(cli) for _ in range(3)) < 1.0


def _seconds_of_help(cli: CommandLine) -> float:
    begin = time.monotonic()
    assert cli.finish(cli.start("--help")).code == 0
    return time.monotonic() - begin


def test_a_command_that_the_tests_give_up_answers_for_no_other(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Forks()) as forks:
        cli = replace(cli, forks=forks)
        with monkeypatch.context() as patched:
            patched.setattr("tests.forks.select.select", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                cli.run("nope")
        assert cli.run("--version").code == 0


def test_version(cli: CommandLine) -> None:
    assert cli.run("--version").out.startswith("junmai-jobs, version ")
