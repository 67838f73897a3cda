"""What programs read of the log: a line for each event, with its name and fields, in a bounded file."""

from __future__ import annotations

import ast
import json
import logging
import multiprocessing
import os
import re
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import junmai_jobs
from junmai_jobs import RetryPolicy
from junmai_jobs.bridge.problems import answer_to
from junmai_jobs.job import Claimed
from junmai_jobs.logs import LogForm, log_others, start_logging
from tests.security.evil import EVIL, is_clean
from tests.servers import RedisProcess
from tests.worker import chatty_tasks
from tests.worker.harness import WorkerProcess, queue_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.command_line import CommandLine

PACKAGE = Path(junmai_jobs.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "logs.md"
WORD = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)=("(?:[^"\\]|\\.)*"|[^\s"=]+)(?: |$)')


def of_logfmt(line: str) -> dict[str, Any]:
    """By its grammar; a value in quotes is a string of JSON."""
    assert WORD.sub("", line) == "", line
    return {name: json.loads(value) if value.startswith('"') else value for name, value in WORD.findall(line)}


READ: dict[str, Callable[[str], dict[str, Any]]] = {"json": json.loads, "logfmt": of_logfmt}


@contextmanager
def logging_to(file: Path, form: LogForm, **context: Any) -> Iterator[logging.Logger]:
    logger, root = logging.getLogger("junmai_jobs"), logging.getLogger()
    before = [(each, each.handlers, each.level, each.propagate) for each in (logger, root)]
    root.handlers = []  # pytest's
    start_logging("INFO", str(file), form, **context)
    log_others()
    try:
        yield logger
    finally:
        for handler in logger.handlers:
            handler.close()
        for each, handlers, level, propagate in before:
            each.handlers, each.level, each.propagate = handlers, level, propagate


def lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


@pytest.mark.parametrize("form", READ)
def test_a_line_has_what_was_said_whatever_that_is(tmp_path: Path, form: str) -> None:
    with logging_to(tmp_path / "log", LogForm(form), always={"worker": "w"}) as logger:
        logger.warning(
            "job %s", EVIL, extra={"event": "job.lost", "job": EVIL, "seconds": 0.25, "none": None}
        )
    [line] = lines(tmp_path / "log")
    assert is_clean(line)
    told = READ[form](line)
    assert (told["message"], told["job"]) == (f"job {EVIL}", EVIL)
    assert (told["event"], told["level"], told["worker"]) == ("job.lost", "WARNING", "w")
    assert float(told["seconds"]) == 0.25
    assert "none" not in told
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["ts"])


@pytest.mark.parametrize("form", ["text", *READ])
def test_an_error_is_on_its_line(tmp_path: Path, form: str) -> None:
    with logging_to(tmp_path / "log", LogForm(form)) as logger:
        logger.error("it failed", exc_info=ValueError(EVIL), extra={"event": "hook.failed"})
    [line] = lines(tmp_path / "log")
    assert is_clean(line)
    assert "ValueError: " in (line if form == "text" else READ[form](line)["traceback"])


@pytest.mark.parametrize("form", READ)
def test_a_line_is_bounded(tmp_path: Path, form: str) -> None:
    flood = {f"field{number}": "x" * 10_000 for number in range(1000)}
    with logging_to(tmp_path / "log", LogForm(form)):
        logging.getLogger("task").warning("begin %s end", "y" * 10**6, extra={**flood, "odd name": 1})
    [line] = lines(tmp_path / "log")
    told = READ[form](line)
    assert len(line) < 16_100 + 32 * 2_100
    assert len(told) <= 32
    assert (told["message"][:8], told["message"][-5:], "odd name" in told) == ("begin yy", "y end", False)


def test_a_line_for_people_is_bounded_too(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", LogForm()) as logger:
        logger.error("begin %s", "y" * 10**6, exc_info=ValueError("z" * 10**6 + " end"))
    [line] = lines(tmp_path / "log")
    assert ("begin yy" in line, line[-4:], len(line) < 16_100) == (True, " end", True)


class Unreadable:
    def __str__(self) -> str:
        raise RuntimeError


class UnreadableNumber(Unreadable, int):
    def __abs__(self) -> int:
        raise RuntimeError

    __int__ = __index__ = __repr__ = __abs__  # type: ignore[assignment]


@pytest.mark.parametrize("form", ["text", *READ])
@pytest.mark.parametrize(
    ("text", "arguments"),
    [("%d photos", ("many",)), ("%s", (Unreadable(),)), (Unreadable(), ())],
    ids=["format", "argument", "message"],
)
def test_what_a_task_says_wrongly_is_told_all_the_same(
    tmp_path: Path, form: str, text: Any, arguments: tuple[Any, ...]
) -> None:
    with logging_to(tmp_path / "log", LogForm(form)):
        logging.getLogger("task").warning(
            text, *arguments, extra={"thing": Unreadable(), "number": UnreadableNumber(7)}
        )
    [line] = lines(tmp_path / "log")
    assert "WARNING" in line
    assert form == "text" or READ[form](line)["number"] in {7, "7"}


def test_what_a_program_has_set_up_is_left_alone(tmp_path: Path) -> None:
    own = logging.NullHandler()
    with logging_to(tmp_path / "log", LogForm("json")):
        logging.getLogger().handlers = [own]
        log_others()
        assert logging.getLogger().handlers == [own]


# ---- the file ------------------------------------------------------------------------------------


def write_many(file: str, writer: int, count: int, form: LogForm) -> None:
    start_logging("INFO", file, form)
    log = logging.getLogger("junmai_jobs.worker")
    for number in range(count):
        log.info("line", extra={"event": "job.ended", "writer": writer, "number": number})


def test_processes_share_a_file_that_is_moved_aside_and_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    file, writers, count = tmp_path / "log", 4, 1500
    form = LogForm("json", max_mb=0.02, keep=1000)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=write_many, args=(str(file), writer, count, form)) for writer in range(writers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    files = sorted(tmp_path.iterdir(), key=lambda each: -int(each.suffix[1:] or 0))
    assert len(files) > 20
    told = [json.loads(line) for each in files for line in lines(each)]
    for writer in range(writers):
        assert [each["number"] for each in told if each["writer"] == writer] == list(range(count))
    assert max(each.stat().st_size for each in files) < 0.02 * 2**20 + 40 * 300
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_so_many_are_kept(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", LogForm(max_mb=0.001, keep=2)) as logger:
        for number in range(100):
            logger.info("number %d of many", number)
    assert {each.name for each in tmp_path.iterdir()} - {"log"} == {"log.1", "log.2"}
    assert lines(tmp_path / "log.1")[-1] > lines(tmp_path / "log.2")[-1]


def test_never_means_never(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", LogForm(max_mb=0)) as logger:
        for number in range(1000):
            logger.info("number %d of many", number)
    assert [each.name for each in tmp_path.iterdir()] == ["log"]


def break_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


def break_by_a_folder(folder: Path) -> None:
    (folder / "log").unlink()
    (folder / "log").mkdir()


@pytest.mark.parametrize("damage", [break_by_a_file, break_by_a_folder])
def test_a_file_that_cannot_be_opened_again_disturbs_nobody(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "logs"
    with logging_to(folder / "log", LogForm()) as logger:
        logger.info("before")
        damage(folder)
        logger.info("lost")
        (shutil.rmtree if folder.is_dir() else os.unlink)(folder)
        logger.info("after")
    [line] = lines(folder / "log")
    assert line.endswith("after")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# ---- a worker ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", READ)
def test_the_log_of_a_worker(server: RedisProcess, tmp_path: Path, form: str) -> None:
    with server.client() as admin:
        admin.flushall()
    jobs = queue_on(server, tmp_path / "home")
    told_by = jobs.submit(chatty_tasks.speak, EVIL)
    failing = jobs.submit(chatty_tasks.stumble.with_options(retry=RetryPolicy(max_retries=0)))
    arguments = (
        "--concurrency",
        "1",
        "--burst",
        "--no-schedules",
        "--loglevel",
        "DEBUG",
        "--logformat",
        form,
    )
    worker = WorkerProcess(
        server, tmp_path / "w", ("--tasks", "tests.worker.chatty_tasks", *arguments)
    ).start()
    assert worker.wait(60) == 0
    told = [READ[form](line) for line in worker.log().splitlines()]
    jobs.close()

    events = [each["event"] for each in told]
    assert (events[0], events[-1]) == ("worker.started", "worker.stopped")
    assert {each["worker"] for each in told} == {told[0]["worker"]}
    of_job = [each for each in told if each.get("job") == told_by.id]
    assert [each["event"] for each in of_job] == ["job.started", "log", "log", "job.ended"]
    assert {(each["task"], each["queue"], str(each["attempt"])) for each in of_job} == {
        ("speak", "default", "1")
    }
    assert len({(each["token"], each["slot"]) for each in of_job}) == 1
    own, other_thread = of_job[1], of_job[2]
    assert (own["message"], own["photo"], own["logger"]) == (f"hello {EVIL}", EVIL, "studio")
    assert other_thread["message"] == "from another thread"
    [ended] = [each for each in told if each["event"] == "job.ended" and each["job"] == failing.id]
    assert (ended["outcome"], float(ended["duration_s"]) >= 0) == ("failed", True)
    assert "secret detail" not in worker.log()


def test_options_and_settings(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "log"
    told = ("worker", "--burst", "--no-schedules", "--log-file", file)  # the other spelling
    assert cli.having(JUNMAI_LOGFORMAT="json").run(*told).code == 0
    assert all(json.loads(line) for line in lines(file))
    file.unlink()
    assert cli.having(JUNMAI_LOGFORMAT="json").run(*told, "--logformat", "logfmt").code == 0
    assert all(of_logfmt(line) for line in lines(file))
    for wrong in (("--logformat", "xml"), ("--logfile-keep", "0"), ("--logfile-max-mb", "-1")):
        assert cli.run("worker", *wrong).code == 2
    done = cli.having(JUNMAI_LOGFORMAT="xml").run("worker")
    assert (done.code, "JUNMAI_LOGFORMAT" in done.err) == (2, True)


def test_the_bridge_tells_of_what_it_has_failed_at(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", LogForm("json")):
        assert answer_to(RuntimeError(EVIL)).status_code == 500
    [line] = lines(tmp_path / "log")
    told = json.loads(line)
    assert (told["event"], told["level"]) == ("request.failed", "ERROR")
    assert told["traceback"].startswith("RuntimeError: ")


# ---- what the page says of it --------------------------------------------------------------------

CLAIMED = set(Claimed("i", "1", b"").fields)
SPREAD = {
    "child: job.fields": CLAIMED,
    "executor: job.fields": CLAIMED,
    "hooks: job.fields": {*CLAIMED, "task"},
    "pool: slot.fields": {"slot", "job", "token"},
    "pool: cause_of_death(code)": {"signal", "exit_code"},
    "pool: cause": {"signal", "exit_code", "input"},
}
OF_ALL = {"worker", "event"}


def events_in_the_source() -> dict[str, set[str]]:
    """Each event with its fields: of each dict that names one, as what is logged has."""
    found: dict[str, set[str]] = {}
    for path in [each for each in PACKAGE.rglob("*.py") if "logging.getLogger(" in each.read_text()]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Dict) or not node.keys or not isinstance(node.keys[0], ast.Constant):
                continue
            name = node.values[0]
            if node.keys[0].value == "event" and isinstance(name, ast.Constant):
                fields = found.setdefault(str(name.value), set())
                for key, value in zip(node.keys, node.values, strict=True):
                    spread = f"{path.stem}: {ast.unparse(value)}"
                    fields |= {str(key.value)} if isinstance(key, ast.Constant) else SPREAD[spread]
    return {name: fields - OF_ALL for name, fields in found.items()}


def calls_without_event() -> list[str]:
    """What is logged without a name."""
    levels = {"debug", "info", "warning", "error", "exception", "log"}
    return [
        f"{path.name}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in levels
        and ast.unparse(node.func.value) in {"log", "logger"}
        and not any(each.arg == "extra" for each in node.keywords)
    ]


def test_every_event_has_a_name_and_stands_in_the_page() -> None:
    page = PAGE.read_text("utf-8").partition("## Events")[2]
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in page.splitlines() if row[:1] == "|"
    ]
    told = {
        name: set(re.findall(r"`(\w+)`", row[2])) - {"traceback"}
        for row in rows
        for name in re.findall(r"`([\w.]+)`", row[0])
    }
    assert calls_without_event() == []
    assert told == events_in_the_source()
