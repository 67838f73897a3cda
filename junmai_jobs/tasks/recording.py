"""What the photo tasks share: the catalog hears of each run, and an unplugged drive fails no photo."""

from __future__ import annotations

import functools
import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from junmai_jobs import ladder
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import Config, load_config
from junmai_jobs.context import RunningJob, current_job
from junmai_jobs.errors import Abort, InvalidState, JobCancelled, RetryLater
from junmai_jobs.job import Status
from junmai_jobs.photo.develop.contexts import Rules, load_rules
from junmai_jobs.photo.develop.presets import Preset, load_presets
from junmai_jobs.photo.errors import (
    ExportRefused,
    PhotoGone,
    PresetError,
    SidecarRefused,
    UnreadablePhoto,
    spelt,
)
from junmai_jobs.photo.pictures.opening import Roots, opened
from junmai_jobs.retry import RetryPolicy

P = ParamSpec("P")
R = TypeVar("R")
PathLike = str | Path

CATALOG_FILE = "catalog.db"
"""In ``JUNMAI_HOME``."""
RETRY = RetryPolicy(never=(UnreadablePhoto, ExportRefused, PresetError, SidecarRefused))
"""What no retry can help is not tried again."""
RULES_FILE, CONTEXTS_FILE, PRESETS_FILE = "context_rules.json", "contexts.toml", "presets.toml"
"""The user's own in ``JUNMAI_HOME``: the first instead of the shipped contexts, the others laid over."""
LOOKING = "junmai_jobs.photo"
"""The package on whose code it depends what is found in a photograph."""
VOLUME_AWAY = "volume_away"
LOOK_AGAIN = 15.0
"""Seconds after which a job whose card or drive is away looks again."""
_catalog_of_run: ContextVar[Catalog | None] = ContextVar("catalog_of_run", default=None)


@contextmanager
def open_catalog(file: PathLike | None) -> Iterator[Catalog]:
    """Open the catalog in a file; None: the one in ``JUNMAI_HOME``, and within a job no other.

    A catalog says where photos may be read from, so a job must not bring its own. Within a run that is
    ``recorded`` it is open already: whoever is the last to close it moves its log into it, and waits. A
    replay has a copy of it.

    Raises:
        Abort: the job names another one.
    """
    job, found = _running_job(), (own := load_config().home / CATALOG_FILE)
    if job is None:
        found = Path(file) if file else own
    elif file and Path(str(file)) != own and Path(str(file)).resolve() != own.resolve():
        raise Abort(f"{spelt(Path(str(file)))} is not this worker's catalog: start it with that JUNMAI_HOME")
    if (shared := _catalog_of_run.get()) is not None:
        yield shared
    else:
        with _copy_of(found) if job is not None and job.replayed else Catalog(found) as catalog:
            yield catalog


def roots_of(records: Catalog, photo_id: int) -> Roots:
    """Where a photo may be read from: the folders of its sessions, and ``photo.roots``."""
    return Roots((*records.roots(photo_id), *(folder.resolve() for folder in load_config().photo_roots)))


@contextmanager
def open_photo(file: Path, arguments: Mapping[str, Any]) -> Iterator[BinaryIO]:
    """Open a file that a task on a photo names, where that photo may be and nowhere else: a ``task.Opener``.

    Raises:
        Abort, PhotoRefused, UnreadablePhoto, PhotoGone: as the task itself.
    """
    with open_catalog(arguments.get("catalog")) as records:
        roots = roots_of(records, arguments["photo_id"])
    with opened(file, roots) as photo:
        yield photo.file


def own_rules(config: Config | None = None) -> Rules:
    """The contexts, with the user's own laid over them.

    Raises:
        PresetError: they are wrong; the message names the place.
    """
    home = (config or load_config()).home
    whole = home / RULES_FILE
    return load_rules(whole if whole.exists() else None, home / CONTEXTS_FILE)


def own_presets(config: Config) -> dict[str, Preset]:
    """The presets, with the user's own laid over them: ``presets.toml``, then ``photo.presets``.

    Raises:
        PresetError: one is wrong; the message names the place.
    """
    return load_presets(config.photo_presets, config.home / PRESETS_FILE)


def working_scale() -> float:
    """The share of its usual working size that a task should take: ``RunningJob.scale``, outside a job 1."""
    job = _running_job()
    return 1.0 if job is None else job.scale


def seen_before(parts: Any, look: Callable[[], R], *, again: bool, worth_keeping: Callable[[R], bool]) -> R:
    """What is found in a photograph, see ``RunningJob.cached``; outside a job it is looked at."""
    job = _running_job()
    if job is None:
        return look()
    return job.cached(parts, look, code=LOOKING, again=again, worth_keeping=worth_keeping)


def recorded(function: Callable[P, R]) -> Callable[P, R]:
    """Have the catalog hear of each run of a task, before the queue does; its policy is ``RETRY``.

    What a job that died could not tell, ``catalog.sync`` finds out from the queue. Outside a job nothing is
    told. The task has a ``photo_id`` or a ``session_id``, and a ``catalog``.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        job = _running_job()
        if job is None:
            return function(*args, **kwargs)
        given = signature.bind(*args, **kwargs).arguments
        what = {name: given.get(name) for name in ("photo_id", "session_id")}
        with open_catalog(given.get("catalog")) as catalog, _shared(catalog):
            catalog.begin_job(job.id, function.__name__, job.attempt, **what)
            try:
                value = function(*args, **kwargs)
            except Exception as error:
                ending = _parked(error, catalog, given)
                catalog.end_job(job.id, _status_after(ending, job), str(ending), attempt=job.attempt)
                raise ending from error
            catalog.end_job(job.id, Status.SUCCEEDED, attempt=job.attempt)
        return value

    return run


@contextmanager
def _shared(catalog: Catalog) -> Iterator[None]:
    """Let all of a run use the catalog that is open for it."""
    before = _catalog_of_run.set(catalog)
    try:
        yield
    finally:
        _catalog_of_run.reset(before)


@contextmanager
def _copy_of(file: Path) -> Iterator[Catalog]:
    """A copy of a catalog, which goes with the end."""
    with tempfile.TemporaryDirectory(prefix="junmai-catalog-") as folder:
        copy = Path(folder) / CATALOG_FILE
        with Catalog(file) as catalog:
            catalog.copy_to(copy)
        with Catalog(copy) as catalog:
            yield catalog


def _running_job() -> RunningJob | None:
    try:
        return current_job()
    except InvalidState:
        return None


def _status_after(error: Exception, job: RunningJob) -> Status:
    if isinstance(error, JobCancelled):
        return Status.CANCELLED
    if isinstance(error, RetryLater):
        return Status.SCHEDULED
    if ladder.is_want_of_memory(error):
        return Status.FAILED if job.scale == ladder.scale_of(ladder.LAST_RUNG) else Status.SCHEDULED
    return Status.FAILED if RETRY.decide(job.attempt, error) is None else Status.RETRYING


def _parked(error: Exception, catalog: Catalog, given: dict[str, Any]) -> Exception:
    """What to raise: a file that is gone together with its session's folder is only away."""
    if isinstance(error, PhotoGone) and (photo_id := given.get("photo_id")) is not None:
        session_id = catalog.session_of_photo(photo_id)
        session = None if session_id is None else catalog.session_row(session_id)
        if session is not None and _is_away(session.import_folder):
            return RetryLater(LOOK_AGAIN, VOLUME_AWAY)
    return error


def _is_away(folder: Path) -> bool:
    """Gone, or empty as the place of a drive is that is not mounted."""
    try:
        return next(folder.iterdir(), None) is None
    except OSError:
        return True
