"""Which jobs a session needs. The id of each follows from what it is to do: a second run finds the first's.

    process_photo (one a photo) -> group_similar_photos -> apply_preset (one a photo)
        and export_photo (one a photo, where wanted) -> finish_session

All are submitted in one go. Who is a pick is known only when the groups are, so presets and exports are
planned for every photo, and those of the others end at once.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from junmai_jobs.catalog import Catalog, PlannedJob
from junmai_jobs.config import Config, ExportPreset
from junmai_jobs.errors import ConfigError
from junmai_jobs.photo.develop.presets import Preset, preset_named
from junmai_jobs.photo.errors import PhotoError, PresetError, shown
from junmai_jobs.photo.export.file_names import alike, distinct
from junmai_jobs.photo.pictures.files import Photo
from junmai_jobs.room import Writes
from junmai_jobs.tasks.exports import export_photo, export_preset_named
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE, own_presets, own_rules
from junmai_jobs.tasks.sessions import apply_preset, finish_session, group_similar_photos, picks_now
from junmai_jobs.tasks.sizes import IN_CATALOG, export_size, settings_size, size_of

if TYPE_CHECKING:
    from junmai_jobs.task import Task

TASKS = (process_photo, group_similar_photos, apply_preset, export_photo, finish_session)
QUEUES = tuple(dict.fromkeys(task.options.queue for task in TASKS))
MOST_PHOTOS = 10_000
"""In a session: its last job waits for two jobs a photo."""
_NO_PATHS = {  # ``Path.resolve`` tells the first by what depends on the version of Python
    errno.ELOOP: "is a link that leads to itself: name the folder that it should lead to",
    errno.ENAMETOOLONG: "is longer than a name may be: check how it is spelt",
}


def resolved(folder: Path) -> Path:
    """The folder's own path, through all links.

    Raises:
        PhotoError: there is a link that leads to itself, or no system has so long a name.
    """
    try:
        folder.stat()
    except OSError as error:
        if error.errno in _NO_PATHS:
            raise PhotoError(f"{shown(folder)} {_NO_PATHS[error.errno]}") from error
    return folder.resolve()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is wanted of a session beside its picks."""

    session: str | None = None
    """Its name in the catalog; None: the folder's path."""
    preset: str | None = None
    """For every pick, instead of the one chosen by its context."""
    replace_edits: bool = False
    """Replace develop settings that a sidecar has already, and keep it as it was beside it."""
    write_into_files: bool = False
    """Write develop settings into a JPEG, TIFF or DNG, and keep it as it was beside it."""
    export: Path | None = None
    """The folder to which the picks are exported, by the first enabled of ``export.presets``."""
    group: bool = True
    """Group them, and all that follows; else they are only judged, and a later run does the rest."""

    def checked(self, config: Config) -> Wishes:
        """The same with a path to export to that is whole.

        Raises:
            PresetError: there is no such preset.
            PhotoError: the folder to export to is a file.
            ConfigError: a preset of the user's is wrong.
        """
        presets = _presets(config)
        if self.preset is not None:
            preset_named(self.preset, presets)
        if self.export is None:
            return self
        folder = resolved(self.export)
        if folder.is_file():
            raise PhotoError(f"{self.export} is a file: name a folder to export to")
        return replace(self, export=folder)

    def digest(self, config: Config) -> str:
        """All that picks and their presets depend on beside the photos."""
        presets = hashlib.sha256(repr(_presets(config)).encode("utf-8", "surrogatepass")).hexdigest()
        wishes = (self.preset, self.replace_edits, self.write_into_files)
        return repr((*wishes, config.rate_picks, config.selection_threshold, presets))


NO_WISHES = Wishes()


def _presets(config: Config) -> dict[str, Preset]:
    try:
        presets, rules = own_presets(config), own_rules(config)
        for context in (rules.default, *rules.contexts):
            preset_named(context.recommended_preset, presets)
    except PresetError as error:
        where = f"{config.file or 'the configuration'}: " if str(error).startswith("photo.presets") else ""
        raise ConfigError(f"{where}{error}") from None
    return presets


@dataclass(frozen=True, slots=True)
class Work:
    """One job of a session; ``photo_id`` is None for those on all photos."""

    task: Task[..., Any]
    """With the job's id and its parents."""
    arguments: dict[str, Any]
    photo_id: int | None = None
    writes: Writes = field(default_factory=dict)
    """About how many bytes it writes, by folder, if its photo is a pick."""
    is_answered: bool = False
    """Whether there is no job, as what it would find out is recorded already: see known_photos.py."""

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.task.options.id)

    def planned(self, session_id: int) -> PlannedJob:
        """It as the catalog has it."""
        return PlannedJob(self.id, self.task.name, self.photo_id, session_id, self.task.options.priority)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A session and what is wanted of it."""

    session: str
    session_id: int
    folder: Path
    photos: Sequence[Photo]
    ids: dict[Path, int]
    """The catalog's, by path."""
    catalog: Path
    wishes: Wishes
    turn: int
    """How often a run wished for other settings than the one before: all is to be set again then."""
    gone: Sequence[int]
    """Photos of the session that are not in the folder any more, and compete for no place among the picks."""
    export_preset: ExportPreset

    def photo_work(self, photo: Photo, salt: str = "") -> Work:
        """The job on a photo. Its id stands for session, file, size, time of change, task and options.

        With another ``salt`` it is the same job with another id.
        """
        arguments: dict[str, Any] = {
            "photo_id": self.ids[photo.path],
            "path": photo.path,
            "catalog": self.catalog,
        }
        if photo.companion is not None:
            arguments["companion"] = photo.companion
        try:
            found = photo.path.stat()
            state = f"{found.st_size}|{found.st_mtime_ns}"
        except OSError:
            state = "gone"
        writes = {self.catalog.parent: IN_CATALOG}
        return self._work("photo", process_photo, arguments, state, *filter(None, [salt]), writes=writes)

    def group_work(self, photo_works: Sequence[Work], salt: str = "") -> Work:
        """The job that groups the photos; with another ``salt``, the same with another id."""
        parents = [work.id for work in photo_works if not work.is_answered]
        told = (str(self.turn), salt, *(work.id + "=" * work.is_answered for work in photo_works))
        options: dict[str, Any] = {"after": parents, "after_policy": "continue"}
        arguments = self._of_session() | ({"left_out": list(self.gone)} if self.gone else {})
        return self._work("group", group_similar_photos, arguments, *told, **options)

    def _of_session(self) -> dict[str, Any]:
        return {"session_id": self.session_id, "catalog": self.catalog}

    def later_works(self, photo_works: Sequence[Work], salt: str = "") -> list[Work]:
        """The jobs that follow those on the photos; with another ``salt``, the same with other ids."""
        if not photo_works or not self.wishes.group:
            return []
        common, group = self._of_session(), self.group_work(photo_works, salt)
        applied = [self._apply_work(photo, group, common) for photo in self.photos]
        exported = list(self._export_works(group, common)) if self.wishes.export else []
        last = [work.id for work in (*applied, *exported)]
        finish = self._work("session", finish_session, common, *last, after=last, after_policy="continue")
        return [group, *applied, *exported, finish]

    def _apply_work(self, photo: Photo, group: Work, common: dict[str, Any]) -> Work:
        arguments = common | {"photo_id": self.ids[photo.path], "preset_name": self.wishes.preset}
        if self.wishes.replace_edits:
            arguments["replace_edits"] = True
        if self.wishes.write_into_files:
            arguments["write_into_files"] = True
        into_file = self.wishes.write_into_files
        size = settings_size(photo.path, size_of(photo.path) if into_file else None, into_file=into_file)
        writes = {photo.path.parent: size}
        return self._work("preset", apply_preset, arguments, group.id, writes=writes, after=[group.id])

    def _export_works(self, group: Work, common: dict[str, Any]) -> Iterator[Work]:
        assert self.wishes.export is not None
        for photo, name in zip(self.photos, self._export_names(), strict=True):
            arguments = common | {
                "photo_id": self.ids[photo.path],
                "export_preset": self.export_preset.name,
                "destination": self.wishes.export / name,
            }
            if photo.companion is not None:
                arguments["companion"] = photo.companion
            told = (group.id, repr(self.export_preset))
            size = export_size(self.export_preset, photo.path, size_of(photo.path))
            writes = {self.wishes.export: size}
            yield self._work("export", export_photo, arguments, *told, writes=writes, after=[group.id])

    def _export_names(self) -> list[Path]:
        """Where each photo goes: as it lies in the session's folder; where names clash, with its suffix."""
        relative = [photo.path.relative_to(self.folder) for photo in self.photos]
        stems = [alike(str(path.with_suffix(""))) for path in relative]
        found = Counter(stems)
        wanted = [
            path.with_suffix("") if found[stem] == 1 else path.with_name(path.name.replace(".", "-"))
            for path, stem in zip(relative, stems, strict=True)
        ]
        return [Path(name) for name in distinct(map(str, wanted))]

    def _work(
        self,
        kind: str,
        task: Task[..., Any],
        arguments: dict[str, Any],
        *told: str,
        writes: Writes = MappingProxyType({}),
        **options: Any,
    ) -> Work:
        digest = hashlib.sha256(os.fsencode("|".join((self.session, *told, ""))))
        made = task.with_options()
        made.disk = None  # what the task itself would say of each is less exact, and takes longer
        digest.update(made.new_job((), arguments).body)
        made = made.with_options(id=f"{kind}:{digest.hexdigest()[:32]}", **options)
        return Work(made, arguments, arguments.get("photo_id"), writes)


def make_plan(
    config: Config, catalog: Catalog, folder: Path, photos: Sequence[Photo], wishes: Wishes, *, dry_run: bool
) -> Plan:
    """Plan a session, which the catalog has then; a dry run only looks at what it has already.

    Raises:
        PhotoError: it has more than ``MOST_PHOTOS``, or would be exported into its own folder.
    """
    _check(folder, photos, wishes)
    name, turn = wishes.session or str(folder), 0
    gone: list[int] = []
    if dry_run:
        session_id, known = catalog.known_session(name)
        ids = {photo.path: known.get(photo.path, 0) for photo in photos}
    else:
        session_id = catalog.session(name, folder)
        ids = catalog.photo_ids(session_id, [photo.path for photo in photos])
    if session_id:
        gone = _gone(catalog, session_id, folder, ids.values())
        wish = wishes.digest(config) + (f" without {gone}" if gone else "")
        picks = _changed_picks(catalog, session_id, config, set(gone))
        next_one = catalog.next_turn(session_id, wish, picks)[0]
        turn = next_one if dry_run else catalog.turn(session_id, wish, picks)
    return Plan(
        session=name,
        session_id=session_id,
        folder=folder,
        photos=photos,
        catalog=config.home / CATALOG_FILE,
        ids=ids,
        wishes=wishes,
        turn=turn,
        gone=gone,
        export_preset=export_preset_named(config, None),
    )


def _check(folder: Path, photos: Sequence[Photo], wishes: Wishes) -> None:
    """Refuse what cannot be done, before anything is noted of it."""
    if len(photos) > MOST_PHOTOS:
        raise PhotoError(
            f"{folder} holds {len(photos):,} photos and a session at most {MOST_PHOTOS:,}: "
            "process the folders in it one by one"
        )
    if wishes.export is not None and wishes.export.is_relative_to(folder):
        # There an export may have the name of a camera's JPEG, and would be a photo to the next run.
        raise PhotoError(f"{wishes.export} is in the folder of the photos: export to a folder outside it")


def _gone(catalog: Catalog, session_id: int, folder: Path, found: Collection[int]) -> list[int]:
    """The photos in a folder of which a session has results, and whose files are not there any more."""
    there = set(found)
    others = [row for row in catalog.results(session_id) if row.id not in there]
    return [row.id for row in others if row.path.is_relative_to(folder) and _is_gone(row.path)]


def _is_gone(path: Path) -> bool:
    """One in a folder that may not be read just now is not."""
    try:
        path.stat()
    except OSError as error:
        return not isinstance(error, PermissionError)
    return False


def _changed_picks(catalog: Catalog, session_id: int, config: Config, gone: set[int]) -> str | None:
    """Stand for what verdicts have changed about the picks since they were chosen; None: nothing."""
    if not catalog.has_verdicts() or not is_grouped(catalog, session_id):
        return None
    were = {row.id for row in catalog.photos(session_id) if row.is_pick} - gone
    picks = picks_now(catalog, session_id, config.selection_threshold) - gone
    change = (catalog.grouped_from(session_id), sorted(were), sorted(picks))
    return None if picks == were else hashlib.sha256(repr(change).encode()).hexdigest()


def is_grouped(catalog: Catalog, session_id: int) -> bool:
    """Whether the groups of a session were made from the results that it has."""
    return catalog.grouped_from(session_id) == catalog.results_digest(session_id)
