from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs import schema
from junmai_jobs.catalog import Catalog, CatalogError, PhotoRow
from junmai_jobs.migrations import MIGRATIONS
from tests.cataloged import EXIF, QUALITY, raw_query


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "catalog.sqlite3"


def test_a_session_keeps_its_id(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        first = catalog.session("Wedding", tmp_path)
        other = catalog.session("Portraits", tmp_path)
        again = catalog.session("Wedding", tmp_path / "moved")

    assert first == again != other
    with Catalog(path) as catalog:
        assert catalog.session("Wedding", tmp_path) == first


def test_a_path_keeps_its_id_whatever_the_session(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        one, two = catalog.session("one", tmp_path), catalog.session("two", tmp_path)
        photo = catalog.photo_id(one, tmp_path / "a.jpg")

        assert catalog.photo_id(one, tmp_path / "a.jpg") == photo
        assert catalog.photo_id(two, tmp_path / "a.jpg") == photo
        assert catalog.photo_id(one, tmp_path / "b.jpg") != photo
        assert [row.id for row in catalog.photos(two)] == [photo]


def test_many_photos_at_once(path: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number:04}.jpg" for number in range(5000)]
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        known = catalog.photo_id(session, paths[7])

        ids = catalog.photo_ids(session, paths)

        assert list(ids) == paths
        assert len(set(ids.values())) == 5000
        assert ids[paths[7]] == known
        assert catalog.photo_ids(session, paths) == ids
        assert [row.path for row in catalog.photos(session)] == paths


def test_all_photos_are_added_or_none(path: Path, tmp_path: Path) -> None:
    def paths() -> Any:
        yield tmp_path / "a.jpg"
        raise RuntimeError("the list breaks off")

    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        with pytest.raises(RuntimeError, match="breaks off"):
            catalog.photo_ids(session, paths())

        assert catalog.photos(session) == []
        catalog.photo_id(session, tmp_path / "b.jpg")


def test_relative_and_roundabout_paths_are_the_same_photo(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)

        ids = catalog.photo_ids(session, [Path("a.jpg"), tmp_path / "x" / ".." / "a.jpg", tmp_path / "a.jpg"])

        assert len(set(ids.values())) == 1
        assert [row.path for row in catalog.photos(session)] == [tmp_path / "a.jpg"]


@pytest.mark.parametrize("name", ["with space.jpg", "Größe.jpg", "写真 001.jpg", "quote ' \".jpg"])
def test_names_in_any_script(path: Path, tmp_path: Path, name: str) -> None:
    with Catalog(path) as catalog:
        session = catalog.session(name, tmp_path)
        catalog.photo_id(session, tmp_path / name)

        assert [row.path for row in catalog.photos(session)] == [tmp_path / name]
    assert raw_query(path, "SELECT file_path, typeof(file_path) FROM photos") == [
        (str(tmp_path / name), "text")
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="paths are Unicode there")
def test_a_path_that_is_no_text_is_kept_byte_for_byte(path: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with Catalog(path) as catalog:
        session = catalog.session(str(odd), odd)
        photo = catalog.photo_id(session, odd / "a.jpg")
        catalog.record_failure(photo, f"{odd} is odd")

        assert catalog.session(str(odd), odd) == session
        assert catalog.photo_id(session, odd / "a.jpg") == photo
        assert os.fsencode(catalog.photos(session)[0].path) == os.fsencode(odd / "a.jpg")


def test_a_photo_begins_as_imported(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        photo = catalog.photo_id(session, tmp_path / "a.jpg")

        assert catalog.photos(session) == [
            PhotoRow(photo, tmp_path / "a.jpg", "imported", None, None, None, None, None, None)
        ]


def test_a_result_is_recorded_once_or_twice_the_same(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        photo = catalog.photo_id(session, tmp_path / "a.jpg")

        for _ in range(2):
            catalog.record_result(photo, exif=EXIF, quality=QUALITY)

            assert catalog.photos(session) == [
                PhotoRow(
                    photo,
                    tmp_path / "a.jpg",
                    "completed",
                    "2024-05-01T12:00:00",
                    4.2,
                    4.5,
                    5.0,
                    3.0,
                    error=None,
                    camera_model="EOS R5",
                )
            ]
    columns = "camera_make, camera_model, lens, focal_length, aperture, shutter_speed, iso, gps_lat, gps_lon"
    assert raw_query(path, f"SELECT {columns}, subject_type FROM photos") == [  # noqa: S608 -- our own words
        ("Canon", "EOS R5", "RF 50mm", 50.0, 1.8, "1/250", 100, 35.0, 139.0, "standard")
    ]


def test_the_last_record_counts(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        photo = catalog.photo_id(session, tmp_path / "a.jpg")
        catalog.record_result(photo, exif=EXIF, quality=QUALITY)

        catalog.record_failure(photo, "a.jpg is empty (0 bytes)")
        failed = catalog.photos(session)[0]
        catalog.record_result(photo, exif=EXIF, quality=QUALITY)
        completed = catalog.photos(session)[0]

    assert (failed.status, failed.ai_score, failed.error) == ("failed", None, "a.jpg is empty (0 bytes)")
    assert (completed.status, completed.ai_score, completed.error) == ("completed", 4.2, None)


def test_what_is_not_there_is_told(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        with pytest.raises(CatalogError, match="there is no photo 7"):
            catalog.record_failure(7, "x")
        with pytest.raises(CatalogError, match="there is no session 7"):
            catalog.photo_id(7, tmp_path / "a.jpg")


def test_the_file_is_set_up_for_many_processes(path: Path) -> None:
    with Catalog(path) as catalog:
        db = catalog._db
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert db.execute("PRAGMA busy_timeout").fetchone() == (10_000,)
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_catalog_of_an_older_version_is_migrated(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        catalog.photo_id(session, tmp_path / "a.jpg")
    added = ("ALTER TABLE photos ADD COLUMN mood TEXT", "UPDATE photos SET mood = 'new'")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, added))

    with Catalog(path) as catalog:
        assert len(catalog.photos(session)) == 1

    assert raw_query(path, "SELECT mood FROM photos") == [("new",)]


def test_a_migration_that_fails_leaves_the_catalog_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Catalog(path).close()
    broken = ("CREATE TABLE half (id INTEGER)", "CREATE TABLE half (id INTEGER)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, broken))

    with pytest.raises(CatalogError, match="already exists"):
        Catalog(path)

    assert raw_query(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert raw_query(path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []


def test_a_catalog_of_a_newer_version_is_left_alone(path: Path) -> None:
    Catalog(path).close()
    raw_query(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(CatalogError, match="is of a newer Junmai Jobs: update this one"):
        Catalog(path)


def test_what_is_no_catalog_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but a text of some length" * 100)

    with pytest.raises(CatalogError, match=r"cannot be used as catalog .*: move it away"):
        Catalog(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_writer_that_gets_no_turn_says_so(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "PATIENCE", 0.05)
    with Catalog(path) as slow, Catalog(path) as waiting:
        session = waiting.session("s", tmp_path)
        with slow._writing():
            with pytest.raises(CatalogError, match="cannot be written just now"):
                waiting.photo_id(session, tmp_path / "a.jpg")
            assert waiting.photos(session) == []  # readers never wait
        waiting.photo_id(session, tmp_path / "a.jpg")


def test_the_catalog_needs_nothing_to_look_at_pictures_with() -> None:
    code = "import sys, junmai_jobs.catalog; print(*{'cv2', 'numpy', 'PIL', 'exifread'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b""


def write_much(path: Path, folder: Path, worker: int) -> dict[Path, int]:
    """Run in a process of its own: open, add shared and own photos, record results."""
    ids: dict[Path, int] = {}
    for round_ in range(10):
        with Catalog(path) as catalog:
            session = catalog.session("shared", folder)
            names = [f"shared-{round_}.jpg", f"{worker}-{round_}.jpg"]
            ids |= catalog.photo_ids(session, [folder / name for name in names])
            for photo in ids.values():
                catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    return ids


def test_four_processes_write_at_once_from_the_first_moment_on(path: Path, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as pool:
        found = list(pool.map(write_much, [path] * 4, [tmp_path] * 4, range(4)))

    merged = {photo: number for ids in found for photo, number in ids.items()}
    assert all(merged[photo] == number for ids in found for photo, number in ids.items())
    assert len(merged) == len(set(merged.values())) == 10 + 4 * 10
    with Catalog(path) as catalog:
        rows = catalog.photos(catalog.session("shared", tmp_path))
    assert {row.path: row.id for row in rows} == merged
    assert {row.status for row in rows} == {"completed"}


KILLED_IN_MID_WRITE = """
import sys
from pathlib import Path
from junmai_jobs.catalog import Catalog

folder = Path(sys.argv[2])
with Catalog(Path(sys.argv[1])) as catalog:
    session = catalog.session("s", folder)
    catalog.photo_id(session, folder / "whole.jpg")

    def paths():
        for number in range(2000):
            yield folder / f"{number}.jpg"
        print("in mid-write", flush=True)
        sys.stdin.read()

    catalog.photo_ids(session, paths())
"""


def test_a_process_killed_in_mid_write_leaves_all_before_and_nothing_half(path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_IN_MID_WRITE, str(path), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline().strip() == b"in mid-write"
        writer.kill()

    with Catalog(path) as catalog:
        session = catalog.session("s", tmp_path)
        assert [row.path.name for row in catalog.photos(session)] == ["whole.jpg"]
        catalog.photo_id(session, tmp_path / "next.jpg")  # its lock has gone with it
    assert raw_query(path, "PRAGMA integrity_check") == [("ok",)]
    assert raw_query(path, "PRAGMA foreign_key_check") == []


def test_who_opens_it_twice_keeps_the_lock_of_the_first(path: Path, tmp_path: Path) -> None:
    """Else the next process that closes it takes itself for the last, and the log from under the first."""
    look = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT 1 FROM photos')"
    with Catalog(path) as first:
        first.session("s", tmp_path)
        with Catalog(path):
            pass
        subprocess.run([sys.executable, "-c", f"{look}; db.close()", str(path)], check=True, timeout=60)
        assert path.with_name(f"{path.name}-wal").exists()
        first.session("another", tmp_path)
    assert raw_query(path, "SELECT count(*) FROM sessions") == [(2,)]
