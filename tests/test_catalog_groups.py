"""What a session's grouping is made from, and that it is kept whole."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.catalog import Catalog, CatalogError, GroupRow, SessionRow
from junmai_jobs.photo.groups.grouping import Group
from tests.cataloged import EXIF, QUALITY, raw_query

if TYPE_CHECKING:
    from collections.abc import Iterator

SHA = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    with closing(Catalog(path)) as catalog:
        yield catalog


@pytest.fixture
def session(catalog: Catalog, tmp_path: Path) -> int:
    """With the photos 1.jpg to 6.jpg, whose ids are 1 to 6."""
    session = catalog.session("s", tmp_path)
    catalog.photo_ids(session, files(tmp_path, 1, 2, 3, 4, 5, 6))
    return session


def files(folder: Path, *numbers: int) -> tuple[Path, ...]:
    return tuple(folder / f"{number}.jpg" for number in numbers)


def record(catalog: Catalog, photo: int, **changed: Any) -> None:
    found: dict[str, Any] = {
        "context": "wedding",
        "preset": "Soft",
        "fingerprint": "8f0f" * 4,
        "sha256": SHA,
        "file_size": 7,
    }
    catalog.record_result(photo, exif=EXIF, quality=QUALITY, **found | changed)


def test_a_result_is_kept_whole(catalog: Catalog, session: int, path: Path) -> None:
    faces = {**QUALITY, "quality": {**QUALITY["quality"], "faces_detected": 2}}
    catalog.record_result(
        1,
        exif=EXIF,
        quality=faces,
        context="wedding",
        preset="Soft",
        fingerprint="8f",
        sha256=SHA,
        file_size=7,
    )
    row = catalog.photo_row(1)
    assert row is not None
    assert (row.context_tag, row.selected_preset, row.fingerprint, row.sha256) == (
        "wedding",
        "Soft",
        "8f",
        SHA,
    )
    assert (row.camera_model, row.status, row.ai_score) == ("EOS R5", "completed", 4.2)
    assert raw_query(path, "SELECT file_size, detected_faces FROM photos WHERE id = 1") == [(7, 2)]


def test_of_a_photo_that_fails_no_result_is_left(catalog: Catalog, session: int, path: Path) -> None:
    record(catalog, 1)
    catalog.record_failure(1, "is cut off")
    row = catalog.photo_row(1)
    assert row is not None
    assert (row.status, row.error) == ("failed", "is cut off")
    found = (
        "context_tag, selected_preset, phash, sha256, file_size, detected_faces, ai_score, noise_score,"
        " compression_score"
    )
    assert set(raw_query(path, f"SELECT {found} FROM photos WHERE id = 1")[0]) == {None}  # noqa: S608


def test_a_result_that_says_less_leaves_nothing_of_the_last(catalog: Catalog, session: int) -> None:
    record(catalog, 1)
    catalog.record_result(1, exif=EXIF, quality=QUALITY)
    row = catalog.photo_row(1)
    assert row is not None
    assert (row.context_tag, row.selected_preset, row.fingerprint, row.sha256) == (None,) * 4


def test_results_are_of_the_completed_photos(catalog: Catalog, session: int) -> None:
    for photo in (5, 2):
        record(catalog, photo)
    catalog.record_failure(3, "is cut off")
    assert [row.id for row in catalog.results(session)] == [2, 5]


def test_the_digest_tells_whether_results_have_changed(catalog: Catalog, session: int) -> None:
    seen = [catalog.results_digest(session)]
    changes: list[dict[str, Any]] = [
        {"sha256": "cd" * 32},
        {"fingerprint": "0000" * 4},
        {"fingerprint": None},
    ]
    for photo, changed in ((1, {}), (2, {}), *((2, change) for change in changes)):
        record(catalog, photo, **changed)
        seen.append(catalog.results_digest(session))
    for part in ("focus_score", "exposure_score", "composition_score"):
        quality = {**QUALITY, "quality": {**QUALITY["quality"], part: 1.25}}
        catalog.record_result(2, exif=EXIF, quality=quality)
        seen.append(catalog.results_digest(session))
    catalog.record_result(2, exif=EXIF, quality={**QUALITY, "overall_score": 2.0})
    seen.append(catalog.results_digest(session))
    catalog.record_failure(2, "is cut off")
    assert len(set(seen)) == len(seen)
    assert catalog.results_digest(session) == seen[1]


def test_the_digest_does_not_change_by_itself(catalog: Catalog, session: int, path: Path) -> None:
    for photo in (3, 1):
        record(catalog, photo)
    before = catalog.results_digest(session)
    for photo in (1, 3):
        record(catalog, photo, context="portrait", preset="Hard")
    catalog.record_groups(session, [Group((1, 3), 1, "First of 2.")], [1], before)
    with Catalog(path) as again:
        assert again.results_digest(session) == before == again.grouped_from(session)


def test_groups_are_given_by_path_or_by_id(catalog: Catalog, session: int, tmp_path: Path) -> None:
    last = GroupRow(files(tmp_path, 3, 5), tmp_path / "5.jpg", "Sharpest of 2.")
    first = GroupRow(files(tmp_path, 1, 6), tmp_path / "1.jpg", "First of 2.")
    for groups in ([last, first], [Group((5, 3), 5, last.reason), Group((1, 6), 1, first.reason)]):
        catalog.record_groups(session, groups, [2, 5], "digest")
        assert catalog.groups(session) == [first, last]
    rows = {row.id: row for row in catalog.photos(session)}
    assert [row.id for row in rows.values() if row.is_pick] == [2, 5]
    assert [(row.id, row.pick_reason) for row in rows.values() if row.pick_reason] == [
        (1, "First of 2."),
        (5, "Sharpest of 2."),
    ]
    assert rows[3].group_id == rows[5].group_id != rows[1].group_id == rows[6].group_id
    assert rows[2].group_id is rows[4].group_id is None
    assert rows[5].is_pick is True


def test_new_groups_replace_the_old_ones(catalog: Catalog, session: int, tmp_path: Path, path: Path) -> None:
    assert (catalog.groups(session), catalog.grouped_from(session)) == ([], None)
    catalog.record_groups(session, [Group((1, 2, 3), 2, "Sharpest of 3.")], [2, 4], "old")
    catalog.record_groups(session, [Group((3, 4), 4, "Sharpest of 2.")], [4], "new")
    assert catalog.groups(session) == [GroupRow(files(tmp_path, 3, 4), tmp_path / "4.jpg", "Sharpest of 2.")]
    assert [row.id for row in catalog.photos(session) if row.is_pick] == [4]
    assert catalog.grouped_from(session) == "new"
    catalog.record_groups(session, [], [], "none")
    assert catalog.groups(session) == []
    assert raw_query(path, "SELECT count(*) FROM photo_groups") == [(0,)]


def test_a_photo_is_in_other_groups_in_another_session(
    catalog: Catalog, session: int, tmp_path: Path
) -> None:
    other = catalog.session("other", tmp_path)
    catalog.photo_ids(other, files(tmp_path, 1, 2))
    catalog.record_groups(session, [Group((1, 2, 3), 3, "Sharpest of 3.")], [3], "a")
    catalog.record_groups(other, [Group((1, 2), 1, "Sharpest of 2.")], [1], "b")
    assert [group.pick for group in catalog.groups(session)] == [tmp_path / "3.jpg"]
    assert [group.pick for group in catalog.groups(other)] == [tmp_path / "1.jpg"]
    assert [row.is_pick for row in catalog.photos(session)][:3] == [False, False, True]
    row = catalog.photo_row(1)
    assert row is not None
    assert (row.is_pick, row.pick_reason) == (True, "Sharpest of 2."), "as in the session made last"
    assert [getattr(catalog.photo_row(1, each), "is_pick", None) for each in (session, other, 99)] == [
        False, True, None
    ]  # fmt: skip
    assert [catalog.session_of_photo(photo) for photo in (1, 3, 77)] == [other, session, None]


def test_a_group_of_strangers_changes_nothing(catalog: Catalog, session: int, tmp_path: Path) -> None:
    catalog.record_groups(session, [Group((1, 2), 1, "First of 2.")], [1], "old")
    before, rows = catalog.groups(session), catalog.photos(session)
    stranger = GroupRow(files(tmp_path, 1, 99), tmp_path / "1.jpg", "First of 2.")
    with pytest.raises(CatalogError, match=r"99\.jpg is no photo of the session: add it"):
        catalog.record_groups(session, [stranger], [], "new")
    with pytest.raises(CatalogError, match="there is no photo 99 in session"):
        catalog.record_groups(session, [Group((1, 99), 1, "First of 2.")], [], "new")
    with pytest.raises(CatalogError, match="there is no photo 98 in session"):
        catalog.record_groups(session, [], [98, 1], "new")
    with pytest.raises(CatalogError, match="there is no session 99"):
        catalog.record_groups(99, [], [], "new")
    assert (catalog.groups(session), catalog.photos(session)) == (before, rows)
    assert catalog.grouped_from(session) == "old"


def test_a_session_tells_how_far_it_is(catalog: Catalog, session: int, tmp_path: Path) -> None:
    empty = catalog.session("leer \udce9" if os.name == "posix" else "leer", tmp_path / "夕日")
    for photo in range(1, 6):
        record(catalog, photo)
    row = catalog.session_row(session)
    assert row is not None
    assert (row.name, row.import_folder, row.status) == ("s", tmp_path, "processing")
    assert (row.total_photos, row.processed_photos) == (6, 5)
    catalog.record_failure(6, "is cut off")
    last, first = catalog.sessions()
    assert first == SessionRow(session, "s", tmp_path, row.created_at, 6, 6)
    assert (first.status, last.status) == ("completed", "importing")
    assert (last.id, last.name[:4], last.import_folder) == (empty, "leer", tmp_path / "夕日")
    assert catalog.session_row(99) is None
    assert catalog.photo_row(99) is None
    assert catalog.grouped_from(99) is None


def test_five_thousand_photos_are_grouped_in_no_time(catalog: Catalog, tmp_path: Path) -> None:
    session = catalog.session("s", tmp_path)
    ids = list(catalog.photo_ids(session, files(tmp_path, *range(5000))).values())
    groups = [Group((one, other), one, "First of 2.") for one, other in zip(ids[::2], ids[1::2], strict=True)]
    for _ in range(2):
        start = time.process_time()
        catalog.record_groups(session, groups, ids[::2], "digest")
        assert time.process_time() - start < 1.0
    assert len(catalog.groups(session)) == 2500


def group_again_and_again(path: Path, session: int, size: int) -> None:
    """Run in a process of its own."""
    with Catalog(path) as catalog:
        for _ in range(20):
            groups = [Group(tuple(range(1, size + 1)), size, f"Best of {size}.")]
            catalog.record_groups(session, groups, range(1, size + 1), str(size))
            seen, digest = catalog.groups(session), catalog.grouped_from(session)
            assert len(seen) == 1
            assert digest in {"2", "3", "4"}


def assert_whole(catalog: Catalog, session: int) -> None:
    (group,) = catalog.groups(session)
    size = int(catalog.grouped_from(session) or 0)
    assert (len(group.photos), group.pick.name, group.reason) == (size, f"{size}.jpg", f"Best of {size}.")
    assert sum(row.is_pick for row in catalog.photos(session)) == size


def test_processes_that_group_at_once_leave_the_groups_of_one(
    catalog: Catalog, session: int, path: Path
) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(group_again_and_again, [path] * 3, [session] * 3, (2, 3, 4)))
    assert_whole(catalog, session)


GROUPS_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from junmai_jobs.catalog import Catalog
from junmai_jobs.photo.groups.grouping import Group

with Catalog(Path(sys.argv[1])) as catalog:
    for size in itertools.cycle((2, 5, 3, 6)):
        groups = [Group(tuple(range(1, size + 1)), size, f"Best of {size}.")]
        catalog.record_groups(int(sys.argv[2]), groups, range(1, size + 1), str(size))
        print(size, flush=True)
"""


def test_a_process_killed_while_it_groups_leaves_whole_groups(
    catalog: Catalog, session: int, path: Path
) -> None:
    for rounds in (1, 4, 9):
        command = [sys.executable, "-c", GROUPS_UNTIL_KILLED, str(path), str(session)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert [writer.stdout.readline() for _ in range(rounds)][-1]
            writer.kill()
        assert_whole(catalog, session)
    assert raw_query(path, "PRAGMA integrity_check") == [("ok",)]
    assert raw_query(path, "PRAGMA foreign_key_check") == []
