"""What the photographer said, kept in the catalog, and what is learned from it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import schema
from junmai_jobs.catalog import Catalog, CatalogError
from junmai_jobs.manager import JobQueueManager
from junmai_jobs.migrations import MIGRATIONS
from junmai_jobs.photo.taste.traits import NEUTRAL
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.cataloged import raw_query, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import JobQueue

PHOTOS = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(path: Path, tmp_path: Path) -> Iterator[Catalog]:
    """Ids from 1 on; every third photo has a face on it."""
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        ids = catalog.photo_ids(session, [tmp_path / f"{number:02}.jpg" for number in range(1, PHOTOS + 1)])
        assert list(ids.values()) == list(range(1, PHOTOS + 1))
        for photo_id in ids.values():
            record(catalog, photo_id, faces=photo_id % 3 == 0)
        yield catalog


def points(catalog: Catalog) -> list[float]:
    return [each.points for each in catalog.leanings(range(1, PHOTOS + 1)).values()]


def said(catalog: Catalog) -> dict[int, str]:
    return {each.photo_id: each.verdict for each in catalog.verdicts()}


def test_without_verdicts_every_score_is_as_it_was(catalog: Catalog) -> None:
    assert catalog.leanings([1, 2, 999]) == {1: NEUTRAL, 2: NEUTRAL, 999: NEUTRAL}
    assert catalog.learned_scores({1: 3.1, 2: 4.0}) == {1: 3.1, 2: 4.0}
    assert not catalog.has_verdicts()


def test_verdicts_move_scores_and_withdrawn_they_never_were(catalog: Catalog) -> None:
    none = points(catalog)
    catalog.approve([3, 6, 9, 12])
    approved = points(catalog)
    catalog.reject([1, 2, 4, 5], "no people on it")
    both = points(catalog)

    assert both[29] > 0 > both[28]  # of which nothing was said: with a face, and without
    assert none != approved != both
    assert [each.verdict for each in catalog.withdraw()] == ["rejected"] * 4
    assert points(catalog) == approved
    assert [each.photo_id for each in catalog.withdraw()] == [3, 6, 9, 12]
    assert points(catalog) == none
    assert catalog.withdraw() == []
    catalog.reject([5, 4, 2, 1])
    catalog.approve([3, 6, 9, 12])
    assert points(catalog) == both  # whatever was said in between
    assert len(catalog.withdraw_all()) == 8
    assert (points(catalog), catalog.verdicts()) == (none, [])
    assert catalog.has_verdicts()


def test_the_last_verdict_counts_and_all_are_kept(catalog: Catalog, path: Path) -> None:
    catalog.approve([3, 6])
    catalog.reject([3], "blinked")
    assert said(catalog) == {6: "approved", 3: "rejected"}
    assert raw_query(path, "SELECT photo_id, verdict, reason FROM verdicts ORDER BY id") == [
        (3, "approved", None), (6, "approved", None), (3, "rejected", "blinked"),
    ]  # fmt: skip
    (withdrawn,) = catalog.withdraw([3])
    assert (withdrawn.verdict, withdrawn.reason, withdrawn.path.name) == ("rejected", "blinked", "03.jpg")
    assert said(catalog) == {3: "approved", 6: "approved"}
    assert [each.verdict for each in catalog.withdraw([3])] == ["approved"]
    assert said(catalog) == {6: "approved"}
    catalog.withdraw_all()
    assert raw_query(path, "SELECT count(*), count(withdrawn_at) FROM verdicts") == [(3, 3)]


def test_a_photo_that_there_is_not(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="no photo 99 in the catalog"):
        catalog.approve([1, 99])
    assert catalog.verdicts() == []


def test_a_verdict_given_twice_is_one(catalog: Catalog) -> None:
    catalog.approve([3, 3])
    catalog.approve([3])
    assert len(catalog.verdicts()) == 1


def test_the_photographer_has_the_last_word_on_picks(catalog: Catalog) -> None:
    catalog.approve([1])
    catalog.reject([2])
    assert catalog.decided({2, 3}, [1, 2, 3, 4]) == {1, 3}
    assert str(catalog.leanings([1])[1]) == "You approved it."


def test_the_taste_orders_the_work(jobs: JobQueue, tmp_path: Path) -> None:
    with Catalog(jobs.config.home / CATALOG_FILE) as catalog:
        session = catalog.session("s", tmp_path)
        for photo_id in catalog.photo_ids(
            session, [tmp_path / f"{number}" for number in range(1, 61)]
        ).values():
            record(catalog, photo_id, faces=photo_id % 3 == 0, score=4.3)
    manager = JobQueueManager(jobs)

    def priorities() -> list[int]:
        return [jobs.job(job_id).priority for job_id in (with_face, without)]

    with_face, without = manager.submit_photo_processing(60), manager.submit_photo_processing(59)
    assert priorities() == [5, 5]
    with Catalog(jobs.config.home / CATALOG_FILE) as catalog:
        catalog.approve([photo_id for photo_id in range(1, 51) if photo_id % 3 == 0])
        catalog.reject([photo_id for photo_id in range(1, 51) if photo_id % 3])
    with_face, without = manager.submit_photo_processing(60), manager.submit_photo_processing(59)
    assert priorities() == [9, 1]
    in_session = manager.submit_session_processing(session)
    assert in_session["photo_count"] == 20  # the others are below what is worth it now
    with Catalog(jobs.config.home / CATALOG_FILE) as catalog:
        catalog.withdraw_all()
    manager.rebalance_priorities()
    assert priorities() == [9, 5]  # whoever is at 9 stays there: a person may have asked for it


def test_a_photo_that_was_never_looked_at(catalog: Catalog, tmp_path: Path) -> None:
    new = catalog.photo_id(1, tmp_path / "new.jpg")
    catalog.approve([new, 3, 6])
    assert catalog.leanings([new])[new].points == 0
    record(catalog, new, faces=True)
    assert catalog.leanings([new])[new].points > 0


def test_a_photo_is_found_by_its_path(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.find_photo(tmp_path / "x" / ".." / "07.jpg") == 7
    assert catalog.find_photo(tmp_path / "70.jpg") is None
    (tmp_path / "link").symlink_to(tmp_path)
    assert catalog.find_photo(tmp_path / "link" / "07.jpg") == 7


def test_an_older_catalog_knows_facts_of_what_was_judged(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = next(number for number, each in enumerate(MIGRATIONS) if "verdicts" in "".join(each))
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", MIGRATIONS[:added])
        with Catalog(path) as catalog:
            catalog.photo_ids(catalog.session("s", tmp_path), [tmp_path / "a.jpg", tmp_path / "b.jpg"])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE photos SET status = 'completed', ai_score = 4.5, iso = 800 WHERE id = 1")
    with Catalog(path) as catalog:
        catalog.approve([1, 2])
        assert len(catalog.leanings([1, 2])) == 2
    ((facts,), (unknown,)) = raw_query(path, "SELECT facts FROM photos ORDER BY id")
    assert (json.loads(facts)["iso"], json.loads(facts)["overall_score"], unknown) == (800, 4.5, None)
