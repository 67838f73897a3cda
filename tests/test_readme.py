"""The README and the pages in docs keep their word: examples are run, commands typed as they stand."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import urllib.request
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import tasks
from junmai_jobs.config import Config, load_config
from junmai_jobs.options import Options
from junmai_jobs.photo.develop.contexts import load_rules
from junmai_jobs.photo.develop.presets import load_presets
from junmai_jobs.task import find_task
from tests.command_line import home_with_server
from tests.desk import Desk, a_desk, blocks, running
from tests.embedded_servers import ROOT
from tests.reader import Reader
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


README = (ROOT / "README.md").read_text("utf-8")
FIRST_TASK = README.partition("\n## A task of your own\n")[2].partition("\n## ")[0]
PYTHON, CONSOLE = blocks(README, "python"), blocks(README.replace(FIRST_TASK, ""), "console")
PAGES = {name: (ROOT / "docs" / name).read_text("utf-8") for name in ("tasks.md", "configuration.md")}
EXAMPLES = ("contact_sheet.py",)
HOST = "flask_host.py"
NOT_TYPED_HERE = ("make ", "python ", "curl ", "junmai-jobs serve", "junmai-jobs top")
"""``make`` runs this; the hosts, what asks them, and what fills a terminal have tests of their own."""


def typed(block: str) -> list[str]:
    """The commands of a console block, without their remarks."""
    return [line[2:].partition("  #")[0].strip() for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with home_with_server(tmp_path_factory.mktemp("readme") / "home") as home:
        yield home


@pytest.fixture
def desk(home: Path, tmp_path: Path) -> Desk:
    desk = a_desk(home, tmp_path)
    for name in EXAMPLES:
        (desk.folder / name).write_text((ROOT / "examples" / name).read_text("utf-8"), "utf-8")
    (desk.folder / HOST).write_text(host(), "utf-8")
    return desk


def host() -> str:
    """The program that is a host to the bridge."""
    (found,) = [text for text in PYTHON if "create_blueprint" in text]
    return found


# ---- Python ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_quoted_as_it_is(name: str) -> None:
    assert (ROOT / "examples" / name).read_text("utf-8") in PYTHON


def test_the_library_example_makes_a_contact_sheet(desk: Desk) -> None:
    done = desk.type("python contact_sheet.py ~/Pictures/wedding/church")
    sheet = desk.shoot / "church-sheet.jpg"
    assert (done.code, done.out) == (0, f"{sheet}\n"), done
    assert sorted(path.name for path in desk.shoot.iterdir()) == ["church", "church-sheet.jpg", "garden"]


def test_the_other_block_runs_as_a_script(desk: Desk) -> None:
    quoted = {host(), *((ROOT / "examples" / name).read_text("utf-8") for name in EXAMPLES)}
    (block,) = [text for text in PYTHON if text not in quoted]
    (desk.folder / "block.py").write_text(block, "utf-8")
    done = desk.type("python block.py")
    assert (done.code, done.out, done.err) == (0, "", "")
    jobs = desk.json("list")["jobs"]
    assert sorted((job["status"], job["priority"]) for job in jobs) == [
        ("queued", 5), ("queued", 5), ("scheduled", 9),
    ]  # fmt: skip


def test_a_user_may_check_the_types_of_the_examples_strictly(desk: Desk) -> None:
    cache = ROOT / ".cache" / "mypy-examples"
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), *EXAMPLES, HOST]
    done = subprocess.run(
        command, cwd=desk.folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout


# ---- the command line ------------------------------------------------------------------------------


def test_the_table_of_the_main_job_is_what_it_prints(desk: Desk) -> None:
    (block,) = [text for text in CONSOLE if "SCORE" in text]
    (line,) = typed(block)
    done = desk.type(line)
    assert (done.code, done.err) == (1, "")
    assert _words(done.out) == _words(block.partition("\n")[2])


def _words(table: str) -> list[list[str]]:
    """The words of each line; a score differs a little from one version of the libraries to the next.

    Where the contact sheet is depends on whose home it is.
    """
    lines = (line for line in table.splitlines() if not line.startswith("contact sheet:"))
    return [re.sub(r"^\d\.\d\d", "SCORE", line).split() for line in lines]


def test_every_command_does_what_it_says(desk: Desk) -> None:
    """In the order of the README, as somebody would who reads it for the first time."""
    for line in itertools.chain.from_iterable(map(typed, CONSOLE)):
        if line.startswith(NOT_TYPED_HERE):
            continue
        if " worker " in line:
            _see_it_work(desk, line)
            continue
        if " ID" in line:
            line = line.replace("ID", desk.json("failed")["jobs"][0]["id"])  # noqa: PLW2901 - what is typed
        done = desk.type(line)
        assert done.code == (1 if " process " in line else 0), (line, done)  # one photo is cut off
        assert "Traceback" not in done.err
    exported = {path.name for path in desk.shoot.parent.glob("picks/*/*.jpg")}
    assert exported == {"IMG_0005.jpg", "IMG_0008.jpg", "IMG_0021.jpg", "IMG_0031.jpg"}
    assert desk.json("stats")["queues"]["low_priority"]["paused"] is True


@pytest.mark.timeout(300)
def test_a_first_task_is_written_tested_run_broken_mended_and_tried_again(desk: Desk) -> None:
    reader = Reader(desk, FIRST_TASK)
    with reader.left:
        for block in blocks(FIRST_TASK, "console"):
            reader.read(block)
        job = wait_until(
            lambda: (found := desk.json("show", reader.seen))["status"] == "succeeded" and found, 30
        )
    assert [run["event"] for run in job["history"]] == ["failed", "succeeded"]
    written = (desk.shoot / "garden" / "SHA256SUMS").read_text("utf-8").splitlines()
    assert job["result"] == len(written) == len(list(desk.shoot.glob("garden/*.JPG")))


def _see_it_work(desk: Desk, line: str) -> None:
    with running(desk, line, signal.SIGTERM):
        (job,) = desk.json("list", "--task", "make_contact_sheet")["jobs"]
        wait_until(
            lambda: desk.json("show", job["id"])["status"] == "succeeded", 30, what="the contact sheet"
        )
        (worker,) = desk.json("workers")["workers"]
        assert (len(worker["slots"]), worker["queues"]) == (3, ["high_priority", "low_priority"])
    assert (desk.shoot / "church-sheet.jpg").exists()


def test_an_error_is_one_line_and_behind_the_usage_where_the_call_is_wrong(desk: Desk) -> None:
    usage, other = desk.type("junmai-jobs stats --no-such-option"), desk.type("junmai-jobs show nothing")
    assert (usage.code, other.code) == (2, 1)
    assert usage.err.startswith("Usage: ")
    assert [done.err.splitlines()[-1].startswith("Error: ") for done in (usage, other)] == [True, True]
    assert other.err.count("\n") == 1


# ---- the host --------------------------------------------------------------------------------------


def ask(port: int, path: str) -> str:
    """What the host answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read(), "utf-8")


def answers(port: int) -> bool:
    try:
        return bool(ask(port, "/"))
    except OSError:
        return False


def test_the_flask_host_has_a_worker_and_the_bridge_beside_its_page(desk: Desk) -> None:
    church = str(desk.shoot / "church")
    job = desk.json("submit", "--tasks", "contact_sheet", "make_contact_sheet", church)
    port = free_port()
    with running(desk, f"python {HOST} {port}", signal.SIGINT):
        wait_until(lambda: answers(port), 30, what="the host")
        assert ask(port, "/").endswith("jobs wait")
        (asked,) = [each for text in CONSOLE for each in typed(text) if "/junmai/" in each]
        stats = json.loads(ask(port, asked.partition("5100")[2]))
        assert stats["jobs_by_status"]["pending"] == stats["total_pending"]
        assert json.loads(ask(port, f"/junmai/queue/jobs/{job['id']}"))["task"] == "make_contact_sheet"


# ---- the pages in docs -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", [text for page in PAGES.values() for text in blocks(page, "json")])
def test_a_file_that_is_shown_would_be_accepted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.json"
    file.write_text(text, "utf-8")
    if "contexts" in json.loads(text):
        assert load_rules(file).contexts
    else:
        config = load_config(file, {"JUNMAI_HOME": str(tmp_path)})
        assert config.unused == ()
        assert load_presets(config.photo_presets)


def test_every_setting_is_told_of() -> None:
    """By its key, or as ``.key`` beside another of its section."""
    described = Config(home=Path("home")).describe()
    settings = {key: value for key, value in described.items() if key not in {"home", "file", "unused"}}
    for section, value in settings.items():
        for key in value if isinstance(value, dict) else [""]:
            named = f"`{section}.{key}`" if key else f"`{section}`"
            assert named in PAGES["configuration.md"] or f"`.{key}`" in PAGES["configuration.md"], named


def test_every_option_is_told_of() -> None:
    cells = re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "options.md").read_text("utf-8"), re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(cells)))
    of_the_task = {"name", "hooks", "input", "opener", "alike", "disk", "every", "cron", "tz", "catch_up"}
    assert named == {each.name for each in fields(Options)} | {"eta"} | of_the_task


def test_the_table_of_tasks_has_their_queues_and_priorities() -> None:
    assert tasks.register_photo_tasks()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\d+) \|", PAGES["tasks.md"], re.MULTILINE)
    assert len(rows) == 9
    for name, queue, priority in rows:
        options = find_task(name).options
        assert (options.queue, options.priority) == (queue, int(priority)), name
        assert f"`{name}`" in (ROOT / "CHANGELOG.md").read_text("utf-8")
