"""The photo that somebody looks at comes first: which jobs are its own, and what if it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.attention import Attention
from junmai_jobs.catalog import Catalog
from junmai_jobs.errors import InvalidState, JobNotFound
from junmai_jobs.photo.pictures.files import find_photos
from junmai_jobs.priorities import NotInCatalog
from junmai_jobs.process import begin
from junmai_jobs.tasks.photos import process_photo
from tests.command_line import CommandLine
from tests.photographs import copy_to

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs.catalog import PhotoRow
    from tests.forks import Forks
    from tests.servers import RedisProcess

MEDIUM = "medium_priority"


class Desk:
    """A session whose photos have all their jobs, and somebody who looks at one after another."""

    def __init__(self, jobs: JobQueue, folder: Path) -> None:
        self.jobs, self.folder = jobs, folder
        self.attention = Attention(jobs)
        copy_to(folder)
        self.session, _, _ = begin(jobs, folder, find_photos(folder))

    def catalog(self) -> Catalog:
        return Catalog(self.jobs.config.home / "catalog.db")

    def photos(self) -> list[PhotoRow]:
        with self.catalog() as catalog:
            return catalog.photos(self.session)

    def jobs_of(self, photo_id: int) -> dict[str, str]:
        """By task the job of a photo."""
        with self.catalog() as catalog:
            return {row.task: row.id for row in catalog.job_rows(photo_id=photo_id)}

    def next_photos(self, count: int) -> list[int]:
        """Whose photos a worker would look at next."""
        broker = self.jobs.broker
        claimed = [broker.claim(f"w/{number}", "1.1", [MEDIUM]) for number in range(count)]
        loaded = {job.id: job for job in self.jobs.inspector.load([each.id for each in claimed if each])}
        return [loaded[each.id].kwargs["photo_id"] for each in claimed if each]


@pytest.fixture
def desk(jobs: JobQueue, tmp_path: Path) -> Desk:
    return Desk(jobs, tmp_path / "shoot")


def test_all_jobs_of_the_photo_come_first_in_their_order(desk: Desk) -> None:
    first, second, *_, last = desk.photos()
    own = desk.jobs_of(last.id)
    found = desk.attention.look_at(last.id)
    assert found == {"boosted": [own["process_photo"], own["apply_preset"]], "submitted": []}
    assert [desk.jobs.job(each).priority for each in found["boosted"]] == [10, 10]
    assert desk.jobs.job(own["apply_preset"]).status == "blocked", "when it may run stays as it is"
    assert desk.attention.look_at(last.id) == found
    assert desk.next_photos(3) == [last.id, first.id, second.id]


def test_the_photo_looked_at_last_is_first_and_those_before_stay_ahead_of_the_rest(desk: Desk) -> None:
    first, *others = desk.photos()
    seen = [others[-1].id, others[1].id, others[2].id]
    for photo_id in seen:
        desk.attention.look_at(photo_id)
    assert desk.next_photos(4) == [*reversed(seen), first.id]


def test_what_runs_or_has_ended_is_left_alone(desk: Desk) -> None:
    photo = desk.photos()[-1]
    own = desk.jobs_of(photo.id)
    desk.attention.look_at(photo.id)
    assert desk.next_photos(1) == [photo.id]
    assert desk.attention.look_at(photo.id)["boosted"] == [own["apply_preset"]]
    desk.jobs.cancel(own["apply_preset"])
    assert desk.attention.look_at(photo.id) == {"boosted": [], "submitted": []}


def test_a_photo_that_never_had_a_job_gets_one_and_only_one(desk: Desk) -> None:
    with desk.catalog() as catalog:
        new = catalog.photo_id(desk.session, desk.folder / "new.jpg")
    (job_id,) = desk.attention.look_at(new)["submitted"]
    assert desk.attention.look_at(new) == {"boosted": [job_id], "submitted": []}
    assert desk.next_photos(1) == [new]
    with desk.catalog() as catalog:
        rows = catalog.job_rows(photo_id=new)
    assert [(row.id, row.task, row.priority) for row in rows] == [(job_id, "process_photo", 10)]


def test_of_a_catalog_that_has_begun_anew_it_gets_another_job(desk: Desk) -> None:
    names = [desk.folder / "new.jpg", desk.folder / "newer.jpg"]
    with desk.catalog() as catalog:
        photo_ids = [catalog.photo_id(desk.session, name) for name in names]
    (old,) = desk.attention.look_at(photo_ids[1])["submitted"]
    (desk.jobs.config.home / "catalog.db").rename(desk.jobs.config.home / "damaged.db")
    with desk.catalog() as catalog:
        again = catalog.photo_id(catalog.session("shoot", desk.folder), names[1])
    assert again != photo_ids[1]
    (new,) = desk.attention.look_at(again)["submitted"]
    assert new != old
    assert desk.jobs.job(new).kwargs["photo_id"] == again


def test_a_file_that_is_new_joins_the_session_of_its_folder(desk: Desk, tmp_path: Path) -> None:
    known = desk.photos()[0]
    assert set(desk.attention.look_at_file(known.path)["boosted"]) == {*desk.jobs_of(known.id).values()}
    new = desk.folder / "evening" / "1.jpg"
    new.parent.mkdir()
    new.write_bytes(known.path.read_bytes())
    (job_id,) = desk.attention.look_at_file(new)["submitted"]
    assert desk.jobs.job(job_id).kwargs["path"] == new
    assert new in [each.path for each in desk.photos()]
    elsewhere = tmp_path / "elsewhere.jpg"
    elsewhere.write_bytes(known.path.read_bytes())
    for path in (elsewhere, desk.folder / "nobody.jpg", desk.folder):
        with pytest.raises(NotInCatalog, match="process its folder first"):
            desk.attention.look_at_file(path)


@pytest.mark.parametrize("photo_id", [0, -1, 999, 2**63])
def test_a_photo_that_is_not_there(desk: Desk, photo_id: int) -> None:
    with pytest.raises(NotInCatalog, match=f"there is no photo {photo_id} in the catalog"):
        desk.attention.look_at(photo_id)


def test_one_job_of_any_task(jobs: JobQueue) -> None:
    before, handle = (jobs.submit(process_photo.with_options(priority=10), number) for number in (1, 2))
    assert jobs.boost(handle.id)
    assert jobs.broker.claim("w/1", "1.1", [MEDIUM])
    assert (handle.status, before.status) == ("running", "queued")
    assert not jobs.boost(handle.id)
    jobs.cancel(before.id)
    with pytest.raises(InvalidState, match="is cancelled; only a job that has not finished can be boosted"):
        jobs.boost(before.id)
    with pytest.raises(JobNotFound, match="no job nobody"):
        jobs.boost("nobody")


def test_the_command_takes_paths_numbers_and_ids_and_the_first_named_is_first(
    desk: Desk, server: RedisProcess, forks: Forks, tmp_path: Path
) -> None:
    cli = CommandLine(desk.jobs.config.home, tmp_path / "cwd", {"JUNMAI_REDIS_URL": server.url}, forks)
    first, second, third, *_, last = desk.photos()
    judged = {each.id: desk.jobs_of(each.id)["process_photo"] for each in desk.photos()}
    found = cli.json("boost", third.path, judged[last.id], str(second.id))
    assert [job_id for job_id in found["boosted"] if job_id in judged.values()] == [
        judged[photo.id] for photo in (third, last, second)
    ]
    assert found["submitted"] == []
    assert desk.next_photos(4) == [third.id, last.id, second.id, first.id]
    some = cli.run("boost", "nobody", judged[second.id], third.path)
    assert (some.code, some.out) == (1, "1 job first in line\n")
    assert "Error: nobody is no photo of the catalog and no job: process its folder first" in some.err
    assert str(tmp_path / "cwd") in some.err
    below = third.path.name  # as `process` prints it
    assert cli.json("approve", below)["approved"] == [third.id]
    assert cli.run("boost", below).code == 0
    assert cli.run("boost", "nobody").code == 1
    done = cli.run("boost", judged[third.id])
    assert (done.code, done.out) == (0, "nothing waits there: it runs already, or is done\n")
