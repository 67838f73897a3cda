"""The code that a process runs, as digests: of a task's module, of packages, of all that is installed.

They are made of files, which may be replaced under a process that runs on. So it notes when it began, before
it loads what tasks are made of; of what has changed since then nobody can tell which of both it runs.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from junmai_jobs.errors import OptionError

log = logging.getLogger("junmai_jobs.worker")


class Beginning(NamedTuple):
    """When a process began, in nanoseconds since 1970, and what was installed then, by folder."""

    at: int
    installed: dict[Path, list[str]]


class Version(NamedTuple):
    """A digest of code, and whether that is sure to be the code which runs."""

    digest: str
    """16 hex digits. If it is not sure: such as no other program comes by."""
    is_sure: bool


@functools.cache
def beginning() -> Beginning:
    """As of the first call: let it come first. A fork has that of the process it was made of."""
    return Beginning(time.time_ns(), _installed(sys.path))


@functools.cache
def code_version(module: str) -> Version:
    """Of what a task runs by: the source of its module, Python, and what is installed."""
    source = getattr(sys.modules.get(module), "__file__", None)  # None: it was typed in
    files = [("", Path(source))] if source else []
    before, installed = beginning().installed, _installed(sys.path)  # to which a module may have added
    is_sure = all(installed.get(folder, names) == names for folder, names in before.items())
    words = [sys.version, *sorted(chain(*installed.values()))]
    return _version(module, files, words, is_sure=is_sure)


@functools.cache
def source_digest(name: str) -> Version:
    """Of all files of a package, those of its own packages among them, or of the source of a module.

    Raises:
        OptionError: there is no such module.
    """
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(name)
    if spec is None:
        raise OptionError(f"code names {name!r}, which cannot be imported; give a module's full name")
    return _version(name, sorted(_files_of(spec)))


def _version(
    name: str, files: Iterable[tuple[str, Path]], words: Iterable[str] = (), *, is_sure: bool = True
) -> Version:
    """Of what these files hold, each with its place, and of these words."""
    began, texts = beginning().at, list(words)
    for place, named in files:
        file = next(
            (each for each in (named, *named.parents) if each.is_file()), named
        )  # the archive it is in
        with suppress(OSError):  # it was built in
            texts.append(f"{place} {hashlib.sha256(file.read_bytes()).hexdigest()}")
            is_sure &= file.stat().st_mtime_ns <= began
    if not is_sure:
        text = "%s, or a library, was replaced: start the worker again to have results looked up"
        log.warning(text, name, extra={"event": "code.replaced", "code": name})
        texts.append(str(began))
    return Version(hashlib.sha256("\n".join(texts).encode(errors="replace")).hexdigest()[:16], is_sure)


def _files_of(spec: ModuleSpec) -> Iterator[tuple[str, Path]]:
    """Each with its place in the package."""
    if spec.submodule_search_locations is None:
        yield "", Path(spec.origin or "")
    for folder in map(Path, spec.submodule_search_locations or ()):
        for file in folder.rglob("*"):
            place = file.relative_to(folder)
            if "__pycache__" not in place.parts and file.is_file():
                yield place.as_posix(), file


def _installed(folders: Iterable[str | Path]) -> dict[Path, list[str]]:
    """Names and versions, as the folders of distributions have them.

    ``importlib.metadata`` takes a hundred times as long, since it reads a file in each.
    """
    found = {}
    for folder in map(Path, folders):
        with suppress(OSError):  # it is not there, is an archive, or may not be read
            names = (each.name for each in folder.iterdir() if each.suffix in {".dist-info", ".egg-info"})
            found[folder.absolute()] = sorted(names)
    return found
