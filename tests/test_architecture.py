"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import junmai_jobs
from junmai_jobs.scripts import VERBS
from tests import acl

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(junmai_jobs.__file__).parent
TESTS = Path(__file__).parent
ROOT = TESTS.parent
FLOORS = (
    "errors", "wording", "ahead", "hints", "causes", "files", "address", "checks", "codec", "lanes",
    "template", "job", "keys",
    "config_file", "config", "limits", "retry", "room",
    "edges", "options", "schedule", "hooks", "workflow", "shape", "task", "submission",
    "scripts", "route", "server_errors", "connection", "endings", "replies", "disk", "archive",
    "archive_reader", "libraries",
    "broker_base", "broker_steering", "broker_upkeep", "broker_keeping", "broker_values", "broker",
    "record", "inspector", "estimates", "shortest", "laws", "keeping", "waiting", "events", "history",
    "idempotency",
    "logs", "host", "awake", "background", "embedded", "watcher", "server",
    "sources", "quarantine", "cache", "reuse", "ladder", "context", "timelimit", "interrupt", "executor",
    "debugger", "replay", "timeline", "notify",
    "machines", "sensors", "hardware", "resources", "scheduler", "settings", "survey", "guest",
    "why", "outlook",
    "board", "child_process", "learning", "child", "preload", "forked", "forkserver", "slot", "guard",
    "pool", "worker",
    "startup", "hosting",
    "handle", "batch",
    "jobqueue_base", "worker_settings",
    "jobqueue_schedules", "jobqueue_workflows", "jobqueue_workers", "jobqueue_keeping", "jobqueue_outlook",
    "jobqueue",
    "__init__", "testing",
    "photo.__init__", "photo.errors", "photo.pictures", "photo.exif", "photo.quality", "photo.groups",
    "photo.taste", "photo.develop", "photo.xmp", "photo.export",
    "migrations", "schema", "looks", "verdicts", "ledger", "groupings", "exports", "catalog", "tasks",
    "plan", "known_photos", "time_left", "session_wait", "session_outlook", "report", "contact_sheet",
    "process",
    "folder_watch", "demo", "priorities", "attention",
    "manager", "labels", "tally", "metrics", "tracing", "doctor", "bridge", "commands", "cli",
    "__main__",
)  # fmt: skip
"""From the ground up. A module imports only what stands on floors below, or in its own package."""
PHOTO_HALF = FLOORS[FLOORS.index("photo.__init__") :]
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
LUA = sorted(PACKAGE.glob("lua/**/*.lua"))
POPS = {"zpopmin", "zpopmax", "lpop", "rpop", "spop", "lmove", "rpoplpush"}
UNBOUNDED = {"smembers", "keys", "scan", "hgetall", "hkeys", "hvals"}


def floor_of(name: str) -> str:
    """Of a module or path inside the package: its first name; of ``photo`` its room: ``photo.exif``."""
    first, *rest = re.split(r"[./]", name)
    return f"photo.{rest[0]}" if first == "photo" and rest else first


def running_code(path: Path) -> Iterator[ast.AST]:
    """What there is in a module but for what only a type checker sees: a handle may name who made it."""
    tree = ast.parse((PACKAGE / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return ast.walk(tree)


def imports(path: Path) -> Iterator[str]:
    """What a module imports of the package, wherever in it, without the package's name."""
    for node in running_code(path):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "junmai_jobs":
                first = rest.split(".")[0]
                is_module = (PACKAGE / f"{first}.py").exists() or (PACKAGE / first / "__init__.py").exists()
                yield rest if first and is_module else "__init__"


def texts(path: Path) -> Iterator[str]:
    """Every piece of text that a module's code has, without its docstrings."""
    tree = ast.parse((PACKAGE / path).read_text())
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, bytes):
                yield node.value.decode(errors="replace")
            elif isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_only_from_lower_floors(path: Path) -> None:
    own = floor_of(path.as_posix().removesuffix(".py"))
    assert own in FLOORS, f"on which floor does {path} stand?"
    below = FLOORS[: FLOORS.index(own) + 1]
    assert {name for name in imports(path) if floor_of(name) not in below} == set()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_the_queue_could_be_published_without_the_photo_half(path: Path) -> None:
    if floor_of(path.as_posix().removesuffix(".py")) not in PHOTO_HALF:
        assert {floor_of(name) for name in imports(path)}.isdisjoint(PHOTO_HALF)


def test_no_file_shadows_the_standard_library() -> None:
    assert {path.stem for path in MODULES if path.parent == Path()}.isdisjoint({"queue", "inspect"})


def test_importing_the_library_loads_nothing_that_it_can_do_without() -> None:
    loaded_now = "*{name.split('.')[0] for name in sys.modules}, *sys.modules"
    code = f"import sys; from junmai_jobs import *; print({loaded_now})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    photo = {"PIL", "cv2", "numpy", "exifread", "sqlite3"}
    web = {"flask", "werkzeug", "waitress", "http.server", "prometheus_client", "opentelemetry"}
    tests = {"fakeredis", "lupa", "pytest", "hypothesis"}
    assert loaded.isdisjoint(photo | web | tests | {"click", "rich"})
    ours = {floor_of(name.removeprefix("junmai_jobs.")) for name in loaded if name.startswith("junmai_jobs.")}
    assert ours.isdisjoint(PHOTO_HALF)


def test_one_word_for_a_verb_in_lua_in_the_registry_and_in_the_tests() -> None:
    assert {path.stem for path in PACKAGE.glob("lua/*.lua")} == set(VERBS)
    tested = {path.stem.removeprefix("test_") for path in TESTS.glob("verbs/test_*.py")}
    assert set(VERBS) - tested == {"resume"}, "resume is tested with pause"


def test_no_module_of_tests_is_imported() -> None:
    """What several use stands in a module beside them, whose name says what it is."""
    importing = re.compile(r"^ *(?:from|import) +(tests\.(?:\w+\.)*test_\w+)", re.MULTILINE)
    paths = [path for folder in ("tests", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")]
    assert TESTS / "conftest.py" in paths
    assert {path: found for path in paths if (found := importing.findall(path.read_text("utf-8")))} == {}


# ---- key names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_key_names_are_written_in_one_module(path: Path) -> None:
    # The watcher looks at the queues of all namespaces there are.
    if path not in {Path("keys.py"), Path("watcher.py")}:
        kinds = "ready|scheduled|retrying|leases|blocked|bell"
        written = [text for text in texts(path) if re.search(rf"\}}:(\w|$)|^:?q:|:({kinds})$", text)]
        assert written == []


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_key_names_are_made_in_one_lua_file(path: Path) -> None:
    text = path.read_text()
    if path.name != "queue_keys.lua":
        assert not re.search(r"\bprefix\b", text)
    assert re.findall(r"redis\.call\('\w+', *['\"]", text) == [], "a key is written out"


# ---- what the scripts may do ---------------------------------------------------------------------


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_a_script_never_pops_nor_reads_without_a_bound(path: Path) -> None:
    commands = {command.lower() for command in re.findall(r"redis\.call\('(\w+)'", path.read_text())}
    assert commands <= set(acl.IN_SCRIPTS)
    assert commands.isdisjoint(POPS | UNBOUNDED)
    assert "redis.pcall" not in path.read_text()


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_the_clock_is_read_in_one_place(path: Path) -> None:
    reads = len(re.findall(r"redis\.call\('TIME'\)|os\.time|os\.clock", path.read_text()))
    assert reads == (1 if path.name in {"now.lua", "now_moved.lua"} else 0)
