"""The catalog's file: older versions of it, and what is told when it cannot be used."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from junmai_jobs.catalog import Catalog, CatalogError, PhotoRow
from junmai_jobs.migrations import MIGRATIONS
from tests.cataloged import EXIF, QUALITY, raw_query


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def version_1(path: Path, tmp_path: Path) -> Path:
    """A catalog as version 1 wrote it: two sessions share a photo, and the photo with the last id is gone."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
        for name in ("one", "two"):
            db.execute("INSERT INTO sessions VALUES (NULL, ?, ?, '2026-01-01')", (name, str(tmp_path)))
        for status, score in (("imported", None), ("completed", 4.5), ("failed", None), ("failed", None)):
            number = db.execute("SELECT count(*) FROM photos").fetchone()[0]
            db.execute(
                "INSERT INTO photos (file_path, import_time, status, camera_model, ai_score, error_message)"
                " VALUES (CAST(? AS TEXT), '2026-01-01', ?, 'EOS R5', ?, ?)",
                (
                    os.fsencode(tmp_path / f"{number} \udce9.jpg"),
                    status,
                    score,
                    "cut off" * (status == "failed"),
                ),
            )
        db.executemany("INSERT INTO session_photos VALUES (?, ?)", [(1, 1), (1, 2), (1, 3), (2, 2)])
        db.execute("DELETE FROM photos WHERE id = 4")
    return path


def test_what_made_the_files_on_photographers_disks_is_never_edited() -> None:
    digest = hashlib.sha256("\n".join(MIGRATIONS[0]).encode()).hexdigest()
    assert digest[:8] == "ad8d1e68"


def test_a_catalog_of_version_1_is_migrated_with_all_that_is_in_it(version_1: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number} \udce9.jpg" for number in range(3)]
    with Catalog(version_1) as catalog:
        rows = catalog.photos(1)
        assert rows == [
            PhotoRow(1, paths[0], "imported", None, None, None, None, None, "", "EOS R5"),
            PhotoRow(2, paths[1], "completed", None, 4.5, None, None, None, "", "EOS R5"),
            PhotoRow(3, paths[2], "failed", None, None, None, None, None, "cut off", "EOS R5"),
        ]
        assert [row.id for row in catalog.photos(2)] == [2]
        assert [row.name for row in catalog.sessions()] == ["two", "one"]
        assert catalog.groups(1) == []
        assert catalog.grouped_from(1) is None
        assert catalog.photo_id(2, tmp_path / "new.jpg") == 5, "an id that was given away stays so"
        assert catalog.photo_id(2, paths[0]) == 1


def test_scores_that_were_only_facts_get_columns(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in itertools.chain.from_iterable(MIGRATIONS[:5]):
            db.execute(statement)
        db.execute("PRAGMA user_version = 5")
        db.execute("INSERT INTO sessions (name, import_folder, created_at) VALUES ('s', '/s', '2026-01-01')")
        for number, status in enumerate(("completed", "failed", "completed"), 1):
            facts = '{"noise_score": 2.5, "compression_score": 4.5}' if number < 3 else "{}"
            db.execute(
                "INSERT INTO photos (file_path, import_time, status, detected_faces, traits)"
                " VALUES (?, '2026-01-01', ?, 2, ?)",
                (f"/s/{number}.jpg", status, facts),
            )
            db.execute("INSERT INTO session_photos (session_id, photo_id) VALUES (1, ?)", (number,))
    with Catalog(path) as catalog:
        found = [(row.noise_score, row.compression_score, row.detected_faces) for row in catalog.photos(1)]
    assert found == [(2.5, 4.5, 2), (None, None, 2), (None, None, 2)]


def test_references_hold_in_a_migrated_catalog(version_1: Path) -> None:
    with Catalog(version_1) as catalog:
        with catalog._writing() as db:
            db.execute("DELETE FROM photos WHERE id = 2")
        assert [row.id for row in catalog.photos(1)] == [1, 3]
        with pytest.raises(CatalogError, match="does not have the photo or session"):
            catalog.begin_job("a", "process_photo", 1, photo_id=2)
    assert raw_query(version_1, "PRAGMA integrity_check") == [("ok",)]
    assert raw_query(version_1, "PRAGMA foreign_key_check") == []


def test_a_migrated_catalog_has_the_tables_of_a_new_one(version_1: Path, tmp_path: Path) -> None:
    Catalog(version_1).close()
    Catalog(tmp_path / "new.db").close()
    statement = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    assert raw_query(version_1, statement) == raw_query(tmp_path / "new.db", statement)


def open_once(path: Path) -> int:
    """Run in a process of its own."""
    with Catalog(path) as catalog:
        return len(catalog.photos(1))


def test_many_processes_may_migrate_at_once(version_1: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(open_once, [version_1] * 3)) == [3] * 3
    assert raw_query(version_1, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_photo_may_have_the_states_that_work_has(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        photo = catalog.photo_id(catalog.session("s", tmp_path), tmp_path / "a.jpg")
        for status in ("imported", "processing", "completed", "failed"):
            with catalog._writing() as db:
                db.execute("UPDATE photos SET status = ? WHERE id = ?", (status, photo))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"), catalog._writing() as db:
            db.execute("UPDATE photos SET status = 'rejected' WHERE id = ?", (photo,))


def test_a_full_disk_is_told_and_nothing_is_half_written(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        (pages,) = catalog._db.execute("PRAGMA page_count").fetchone()
        catalog._db.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(CatalogError, match=r"cannot be written just now .* is full: free some space"):
            catalog.photo_ids(session, [tmp_path / f"{number}.jpg" for number in range(2000)])

        assert catalog.photos(session) == []
        catalog._db.execute(f"PRAGMA max_page_count = {pages * 100}")
        assert len(catalog.photo_ids(session, [tmp_path / "a.jpg"])) == 1


@pytest.fixture
def nothing_more_is_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As of a full or failing drive: no file of this process can grow."""
    resource = pytest.importorskip("resource", reason="limits are of POSIX alone")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("free", "advice"),
    [(0, "the drive of JUNMAI_HOME is full: free some space"), (2**30, "check the drive of JUNMAI_HOME")],
)
def test_nobody_is_told_to_move_a_good_catalog_away(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, free: int, advice: str
) -> None:
    Catalog(path).close()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    request.getfixturevalue("nothing_more_is_written")

    with pytest.raises(CatalogError, match=rf"cannot be read or written just now \(disk .*\): {advice}"):
        Catalog(path)


def test_a_catalog_that_must_not_be_written_is_read_all_the_same(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        photo = catalog.photo_id(session := catalog.session("s", tmp_path), tmp_path / "a.jpg")
        catalog._db.execute("PRAGMA query_only = ON")

        with pytest.raises(CatalogError, match=r"cannot be written just now .* check its permissions"):
            catalog.record_result(photo, exif=EXIF, quality=QUALITY)
        assert [row.status for row in catalog.photos(session)] == ["imported"]


@pytest.fixture
def ordinary_user(path: Path, tmp_path: Path) -> Iterator[None]:
    """Whom permissions hold for."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    opened = [folder for folder in (tmp_path, *tmp_path.parents) if not folder.stat().st_mode & 0o001]
    for folder in opened:
        folder.chmod(folder.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_file_of_an_older_version_says_so(version_1: Path, ordinary_user: None) -> None:
    if hasattr(os, "geteuid") and os.geteuid() != 65534:
        version_1.chmod(0o400)
    with pytest.raises(CatalogError, match=r"catalog\.db cannot be .*: check its permissions"):
        Catalog(version_1)


def test_a_damaged_file_is_told_whatever_is_asked(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        catalog.photo_ids(session, [tmp_path / f"{number}.jpg" for number in range(500)])
    pages = raw_query(path, "SELECT rootpage FROM sqlite_master WHERE tbl_name LIKE '%photos'")
    with path.open("r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
    with Catalog(path) as catalog:
        for ask in (catalog.photos, catalog.groups, catalog.results_digest):
            with pytest.raises(CatalogError, match=r"cannot be read just now .* the file damaged"):
                ask(session)
        with pytest.raises(CatalogError, match=r"cannot be written just now .* the file damaged"):
            catalog.photo_id(session, tmp_path / "new.jpg")
