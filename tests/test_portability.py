"""No name is used where a system does not have it: each module is read as it would run on each of the three.

Where a line runs is what the conditions around it and the early returns before it say of ``sys.platform`` and
``os.name``; that ``hasattr`` was asked, or ``getattr`` used, will do as well.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.systems import POSIX, SYSTEMS, is_true, systems_with

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = Path(__file__).parents[1] / "junmai_jobs"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
NEVER_ON_WINDOWS = {
    "watcher": "`python -m` runs it, for an embedded server; nothing imports it",
    **dict.fromkeys(
        (
            "embedded.Embedded._send",
            "embedded.Embedded._start_watcher",
            "embedded.Embedded.locked",
            "embedded.Embedded.stop",
            "embedded._make_private",
        ),
        "`Embedded.prepare` comes before, and refuses Windows",
    ),
    "timelimit.SignalLimit": "`time_limit` makes one only where `signal` has `setitimer`",
    "timelimit._strike": "the handler that `SignalLimit` sets",
}
"""Modules, or functions and classes in them, and why no line of them runs on Windows."""
POSIX_ARGUMENTS = {"dir_fd", "src_dir_fd", "dst_dir_fd", "pass_fds", "preexec_fn"}
POSIX_METHODS = {"add_signal_handler", "remove_signal_handler"}


def never_goes_on(block: list[ast.stmt]) -> bool:
    return isinstance(block[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


class Reader:
    """Goes through a module with the systems on which each line runs, and notes what they do not have."""

    def __init__(self, module: str, never_on_windows: Iterable[str] = ()) -> None:
        self.findings: list[str] = []
        self._scope, self._never_on_windows = [module], never_on_windows
        self._imported: dict[str, str] = {}

    def read(self, tree: ast.Module) -> list[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._imported |= {alias.asname or alias.name: alias.name for alias in node.names}
        self._block(tree.body, POSIX if self._is_posix_only() else SYSTEMS)
        return self.findings

    def _is_posix_only(self) -> bool:
        return ".".join(self._scope) in self._never_on_windows

    def _block(self, statements: list[ast.stmt], systems: frozenset[str]) -> None:
        for node in statements:
            self._node(node, systems)
            systems = self._after(node, systems)

    @staticmethod
    def _after(node: ast.stmt, systems: frozenset[str]) -> frozenset[str]:
        """Those on which the next statement runs."""
        if isinstance(node, ast.If):
            if never_goes_on(node.body):
                systems = frozenset(each for each in systems if is_true(node.test, each) is not True)
            if node.orelse and never_goes_on(node.orelse):
                systems = frozenset(each for each in systems if is_true(node.test, each) is not False)
        elif isinstance(node, ast.Assert):
            systems = frozenset(each for each in systems if is_true(node.test, each) is not False)
        return systems

    def _node(self, node: ast.AST, systems: frozenset[str]) -> None:
        match node:
            case ast.If(test=test) | ast.IfExp(test=test):
                self._node(test, systems)
                for branch, otherwise in ((node.body, False), (node.orelse, True)):
                    inside = frozenset(each for each in systems if is_true(test, each) is not otherwise)
                    self._any(branch, inside)
            case ast.BoolOp(op=op, values=values):
                for value in values:
                    self._node(value, systems)
                    ends = isinstance(op, ast.Or)
                    systems = frozenset(each for each in systems if is_true(value, each) is not ends)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._scope.append(name)
                self._inside(node, systems & POSIX if self._is_posix_only() else systems)
                self._scope.pop()
            case _:
                self._look(node, systems)
                self._inside(node, systems)

    def _inside(self, node: ast.AST, systems: frozenset[str]) -> None:
        for _, value in ast.iter_fields(node):
            self._any(value, systems)

    def _any(self, found: object, systems: frozenset[str]) -> None:
        if isinstance(found, ast.AST):
            self._node(found, systems)
        elif isinstance(found, list) and found and isinstance(found[0], ast.stmt):
            self._block(found, systems)
        elif isinstance(found, list):
            for each in found:
                self._any(each, systems)

    def _look(self, node: ast.AST, systems: frozenset[str]) -> None:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    self._note(node, alias.name, systems - systems_with(alias.name))
            case ast.ImportFrom(module=str(module), names=aliases):
                for alias in aliases:
                    having = systems_with(module) & systems_with(module, alias.name)
                    self._note(node, f"{module}.{alias.name}", systems - having)
            case ast.Attribute(value=ast.Name(id=base), attr=name) if base in self._imported:
                module = self._imported[base]
                self._note(node, f"{module}.{name}", systems - systems_with(module, name))
            case ast.Attribute(attr=name) if name in POSIX_METHODS:
                self._note(node, name, systems - POSIX)
            case ast.Call(keywords=keywords):
                for each in keywords:
                    if each.arg in POSIX_ARGUMENTS:
                        self._note(each.value, f"{each.arg}=", systems - POSIX)

    def _note(self, node: ast.stmt | ast.expr, name: str, lacking: frozenset[str]) -> None:
        if lacking:
            self.findings.append(
                f"{self._scope[0]}:{node.lineno}: {name} is not on {', '.join(sorted(lacking))}"
            )


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text("utf-8"))


def read(path: Path, never_on_windows: Iterable[str] = NEVER_ON_WINDOWS) -> list[str]:
    module = ".".join(path.with_suffix("").parts)
    return Reader(module, never_on_windows).read(tree_of(path))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_name_is_there_wherever_its_line_runs(path: Path) -> None:
    assert read(path) == []


@pytest.mark.parametrize("entry", NEVER_ON_WINDOWS)
def test_what_never_runs_on_windows_would_not_run_there(entry: str) -> None:
    """Else it need not be named."""
    module = Path(entry.partition(".")[0]).with_suffix(".py")
    assert read(module, set(NEVER_ON_WINDOWS) - {entry}) != []


def test_nothing_imports_a_module_that_windows_never_runs() -> None:
    modules = {entry for entry in NEVER_ON_WINDOWS if "." not in entry}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                named = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert named.isdisjoint(f"junmai_jobs.{module}" for module in modules), path


# ---- the check bites -------------------------------------------------------------------------------

BAD = {
    "import fcntl": "fcntl is not on win32",
    "from pwd import getpwnam": "pwd.getpwnam is not on win32",
    "import msvcrt": "msvcrt is not on darwin, linux",
    "import os\nos.fork()": "os.fork is not on win32",
    "import os as system\nsystem.killpg(1, 9)": "os.killpg is not on win32",
    "from signal import SIGKILL": "signal.SIGKILL is not on win32",
    "import signal\nsignal.SIGBREAK": "signal.SIGBREAK is not on darwin, linux",
    "import socket\nsocket.socket(socket.AF_UNIX)": "socket.AF_UNIX is not on win32",
    "import ctypes\nctypes.windll.kernel32": "ctypes.windll is not on darwin, linux",
    "import os\nos.open('a', os.O_RDONLY | os.O_NOFOLLOW)": "os.O_NOFOLLOW is not on win32",
    "import os\nos.O_PATH": "os.O_PATH is not on darwin, win32",
    "import os\nos.stat('a', dir_fd=3)": "dir_fd= is not on win32",
    "import psutil\npsutil.BELOW_NORMAL_PRIORITY_CLASS": "is not on darwin, linux",
    "loop.add_signal_handler(15, stop)": "add_signal_handler is not on win32",
    # On the wrong side of a condition, or of one that says nothing.
    "import os\nif os.name == 'nt':\n    os.setsid()": "os.setsid is not on win32",
    "import os, sys\nif sys.platform == 'linux':\n    pass\nelse:\n    os.setsid()": "os.setsid",
    "import os\nif os.path.exists('a'):\n    os.setsid()": "os.setsid is not on win32",
    "import os\nif os.name == 'nt':\n    print()\nos.getuid()": "os.getuid is not on win32",
    "import os\nos.name == 'posix' or os.getuid()": "os.getuid is not on win32",
    "import os\ndef a():\n    if os.name == 'nt':\n        return\ndef b():\n    os.getuid()": "os.getuid",
    "import os\nif hasattr(os, 'getuid'):\n    os.fork()\nelse:\n    os.getuid()": "os.getuid",
}
GOOD = [
    "import os\nif os.name == 'posix':\n    os.fork()",
    "import os\nuser = os.getuid() if os.name == 'posix' else 0",
    "import os\nmine = os.name == 'nt' or os.getuid() == 0",
    "import sys\nif sys.platform != 'win32':\n    import fcntl",
    "import os, sys\ndef a():\n    if sys.platform == 'win32':\n        return\n    os.killpg(1, 9)",
    "import os\nif os.open in os.supports_dir_fd:\n    os.open('a', 0, dir_fd=3)",
    "import signal\nif hasattr(signal, 'setitimer') and enough():\n    signal.setitimer(0, 1)",
    "import os\nflags = os.O_RDONLY | getattr(os, 'O_NOFOLLOW', 0)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "import sys, signal\nif sys.platform == 'win32':\n    signal.SIGBREAK",
    "import os, sys\nassert sys.platform != 'win32'\nos.getuid()",
    "import redis\nredis.Redis()",
]


@pytest.mark.parametrize("text", BAD)
def test_what_a_system_lacks_is_found(text: str) -> None:
    (finding,) = Reader("snippet").read(ast.parse(text))
    assert BAD[text] in finding


@pytest.mark.parametrize("text", GOOD)
def test_what_runs_where_it_is_passes(text: str) -> None:
    assert Reader("snippet").read(ast.parse(text)) == []
