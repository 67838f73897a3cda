"""What there is on Linux, macOS and Windows, by the stubs of the standard library that mypy comes with."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SYSTEMS = frozenset({"linux", "darwin", "win32"})
POSIX = SYSTEMS - {"win32"}
_OLDEST = (3, 11)  # the Python that all of this must run on
_WITH_DIR_FD = ("open", "stat", "unlink", "rename", "mkdir")  # of ``os``


def stub_of(module: str) -> Path | None:
    """The stub of a module of the standard library, or of one that has a distribution of stubs."""
    mypy = importlib.util.find_spec("mypy")
    assert mypy is not None
    assert mypy.origin is not None
    first, *rest = module.split(".")
    here = Path(mypy.origin).parent
    for place in (here / "typeshed" / "stdlib" / first, here.parent / f"{first}-stubs"):
        found = place.joinpath(*rest)
        for file in (found / "__init__.pyi", found.with_suffix(".pyi")):
            if file.exists():
                return file
    return None


@cache
def names_in(module: str, system: str) -> frozenset[str]:
    """What can be had of a module of the standard library on this system; nothing if that is not known."""
    stub = stub_of(module)
    return frozenset() if stub is None else frozenset(_names(ast.parse(stub.read_text()).body, system))


def _names(statements: Iterable[ast.stmt], system: str) -> Iterator[str]:
    for node in statements:
        match node:
            case ast.If():
                yield from _names(node.body if is_true(node.test, system) else node.orelse, system)
            case (
                ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name))
            ):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case ast.ImportFrom(names=aliases):  # a stub hands on what it names twice
                yield from (alias.name for alias in aliases if alias.asname == alias.name)


def lacking(module: str, system: str) -> frozenset[str]:
    """Names that a module has on another system, but not on this one."""
    return frozenset().union(*(names_in(module, each) for each in SYSTEMS)) - names_in(module, system)


def systems_with(module: str, name: str | None = None) -> frozenset[str]:
    """The systems that have a module, or a name of it; all three where the stubs do not know it."""
    having = {
        each for each in SYSTEMS if (names := names_in(module, each)) and (name is None or name in names)
    }
    return frozenset(having) or SYSTEMS


def is_true(test: ast.expr, system: str) -> bool | None:
    """Whether a condition holds on this system; None if that does not depend on the system alone."""
    match test:
        case ast.BoolOp(op=op, values=values):
            decisive = isinstance(op, ast.Or)
            parts = [is_true(value, system) for value in values]
            return decisive if decisive in parts else None if None in parts else not decisive
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return None if (known := is_true(operand, system)) is None else not known
        case ast.Call(func=ast.Name(id="hasattr"), args=[ast.Name(id=module), ast.Constant(value=str(name))]):
            return False if system not in systems_with(module, name) else None
    try:
        return bool(eval(ast.unparse(test), {"__builtins__": {}}, _world(system)))  # noqa: S307 - our own code's
    except Exception:  # noqa: BLE001 - it asks for something else
        return None


def _world(system: str) -> dict[str, object]:
    """What conditions ask for the system; ``_WINDOWS`` is a constant of ours."""
    windows = system == "win32"
    with_dir_fd = () if windows else _WITH_DIR_FD
    return {
        "sys": SimpleNamespace(platform=system, version_info=_OLDEST),
        "os": SimpleNamespace(
            name="nt" if windows else "posix",
            supports_dir_fd=with_dir_fd,
            **{name: name for name in _WITH_DIR_FD},
        ),
        "psutil": SimpleNamespace(
            LINUX=system == "linux", MACOS=system == "darwin", WINDOWS=windows, POSIX=not windows
        ),
        "_WINDOWS": windows,
    }
