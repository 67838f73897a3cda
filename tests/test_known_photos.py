"""Photos that were looked at before need no job: whoever processes their folder records them at once."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.cache import Bounds
from junmai_jobs.catalog import Catalog
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.known_photos import record_known
from junmai_jobs.photo.pictures.files import find_photos
from junmai_jobs.plan import QUEUES, Wishes, make_plan
from junmai_jobs.process import begin, process
from junmai_jobs.tasks.photos import content_of
from junmai_jobs.tasks.recording import CATALOG_FILE, CONTEXTS_FILE
from tests.contexts import EVERYTHING
from tests.photographs import scenes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from junmai_jobs import JobQueue
    from junmai_jobs.photo.pictures.opening import OpenPhoto
    from junmai_jobs.plan import Plan, Work
    from junmai_jobs.report import Report
    from junmai_jobs.tasks.photos import Content

JUDGED = Wishes(group=False)
"""With nothing to do for a photo but what ``process_photo`` does."""
_requests = itertools.count()


class Desk:
    """A card whose photos were looked at, and a copy of it in another place."""

    def __init__(self, jobs: JobQueue, folder: Path) -> None:
        self.jobs, self.card, self.copy = jobs, folder / "card", folder / "copy"
        self.card.mkdir()
        for scene in scenes()[:2]:
            shutil.copy(scene, self.card)
        begin(jobs, self.card, find_photos(self.card), JUDGED)
        self.work()
        shutil.copytree(self.card, self.copy)

    def work(self) -> int:
        """Run what waits as a worker would; how many jobs."""
        count = 0
        while (claimed := self.jobs.broker.claim("w/0", f"1.{next(_requests)}", QUEUES)) is not None:
            assignment = prepare(claimed)
            assert isinstance(assignment, Assignment)
            ending = execute(assignment, self.jobs.broker, kept=Bounds())
            assert ending is not None
            self.jobs.broker.end(claimed, ending)
            self.jobs.broker.resolve()
            count += 1
        return count

    def catalog(self) -> Catalog:
        return Catalog(self.jobs.config.home / CATALOG_FILE)

    def process(self) -> Report:
        """Process the copy; a job would wait for ever, as nobody works."""
        return process(self.jobs, self.copy, JUDGED, sheet=False)

    def results(self, folder: Path) -> list[dict[str, Any]]:
        """All that the catalog has of the photos there, but for where they are."""
        with self.catalog() as catalog:
            rows = catalog.photos(catalog.session(str(folder), folder))
        return [asdict(replace(row, id=0, path=folder.with_name(row.path.name))) for row in rows]

    def plan(self, catalog: Catalog) -> tuple[Plan, list[Work]]:
        photos = find_photos(self.copy)
        plan = make_plan(self.jobs.config, catalog, self.copy, photos, JUDGED, dry_run=False)
        return plan, [plan.photo_work(photo) for photo in photos]

    def known(self) -> int:
        """How many photos of the copy need no job."""
        with self.catalog() as catalog:
            plan, works = self.plan(catalog)
            return len(record_known(self.jobs, catalog, plan.session_id, works, lambda *_: None))

    @property
    def uses(self) -> tuple[int, int]:
        """Jobs there are, and how often a value was used."""
        return len(self.jobs.jobs()), self.jobs.stats()["cache"]["hits"]


@pytest.fixture
def desk(jobs: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("JUNMAI_HOME", str(jobs.config.home))
    return Desk(jobs, tmp_path)


def test_a_copy_is_recorded_without_a_job_and_once(desk: Desk) -> None:
    assert desk.uses == (2, 0)
    shown: list[Sequence[object]] = []
    first = process(desk.jobs, desk.copy, JUDGED, sheet=False, progress=lambda *step: shown.append(step))
    assert (first.photos, first.succeeded, first.failed, first.started) == (2, 2, 0, 2)
    assert desk.results(desk.copy) == desk.results(desk.card)
    assert shown[0] == ("Photos", 2, 2)
    assert desk.uses == (2, 2)
    again = desk.process()
    assert (again, desk.uses) == (replace(first, started=0), (2, 2))


def test_what_follows_waits_for_those_alone_that_have_jobs(desk: Desk) -> None:
    shutil.copy(scenes()[2], desk.copy)
    assert desk.known() == 2
    with desk.catalog() as catalog:
        plan, works = desk.plan(catalog)
        answered = catalog.answered_jobs(plan.session_id)
        marked = [replace(work, is_answered=work.id in answered) for work in works]
        before, after = plan.group_work(works), plan.group_work(marked)
    [missing] = [work.id for work in works if work.id not in answered]
    assert [each.id for each in after.task.options.after] == [missing]
    assert before.id != after.id, "its body is another one"
    begin(desk.jobs, desk.copy, find_photos(desk.copy))
    assert desk.work() == 1 + 1 + 3 + 1, "the third photo, the groups, a preset each, and the end"
    [group] = desk.jobs.jobs(task="group_similar_photos")
    assert (group.status, group.result["total_photos"]) == ("succeeded", 3)
    assert {job.status for job in desk.jobs.jobs()} == {"succeeded"}


def test_whoever_dies_in_the_middle_leaves_nothing_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Catalog, "add_answered", die)
        with pytest.raises(KeyboardInterrupt):
            desk.process()
    report = desk.process()
    assert (report.succeeded, report.started, desk.uses) == (2, 2, (2, 4))
    assert desk.results(desk.copy) == desk.results(desk.card)


def test_another_content_of_the_same_size_is_for_a_job(desk: Desk) -> None:
    photo = next(desk.copy.iterdir())
    data = photo.read_bytes()
    photo.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert desk.known() == 1


def test_what_has_no_look_is_for_a_job(desk: Desk) -> None:
    with desk.catalog() as catalog, catalog._writing() as db:
        db.execute("UPDATE looks SET sha256 = 'other' WHERE sha256 = (SELECT min(sha256) FROM looks)")
    assert desk.known() == 1


def test_other_settings_or_none_kept_are_for_jobs(desk: Desk) -> None:
    config = desk.jobs.config
    desk.jobs.config = replace(config, cache_entries=0)
    assert desk.known() == 0
    desk.jobs.config = config
    (config.home / CONTEXTS_FILE).write_text(EVERYTHING, "utf-8")
    assert desk.known() == 0
    (config.home / CONTEXTS_FILE).unlink()
    assert (desk.known(), desk.uses) == (2, (2, 2))


def test_what_was_lost_since_is_recorded_again(desk: Desk) -> None:
    desk.process()
    with desk.catalog() as catalog:
        session_id = catalog.session(str(desk.copy), desk.copy)
        assert len(catalog.answered_jobs(session_id)) == 2
        catalog.record_failure(catalog.photos(session_id)[0].id, "cannot be read")
        assert len(catalog.answered_jobs(session_id)) == 1
    assert (desk.process().succeeded, desk.uses) == (2, (2, 3))


def test_only_files_of_a_known_size_are_read_and_not_many_in_vain(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("junmai_jobs.known_photos._PAGE", 2)
    read: list[Path] = []

    def noted(photo: OpenPhoto, *rest: Any) -> Content:
        read.append(photo.path)
        return content_of(photo, *rest)

    monkeypatch.setattr("junmai_jobs.known_photos.content_of", noted)
    size = next(desk.card.iterdir()).stat().st_size
    for number in range(5):
        (desk.copy / f"0{number}.jpg").write_bytes(bytes([number]) * size)
    (desk.copy / "00 longer.jpg").write_bytes(bytes(size + 1))
    assert desk.known() == 0
    assert sorted(path.name for path in read) == ["00.jpg", "01.jpg"]
