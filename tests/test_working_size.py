"""A photo is looked at in a smaller size after a lack of memory; the catalog hears of each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from PIL import Image

from junmai_jobs.catalog import Catalog
from junmai_jobs.context import RunningJob, running
from junmai_jobs.job import Claimed, Status
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from junmai_jobs.tasks.photos import evaluate_quality
from junmai_jobs.tasks.recording import open_catalog, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY: Any = Mock()  # nothing here asks the server for anything


def in_a_job(note: str, job_id: str = "a") -> running:
    return running(RunningJob(Claimed(job_id, "1764000000000000", b"", 0, note), NOBODY, 60))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path))
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "shoot" / "IMG_1.JPG"
    path.parent.mkdir()
    Image.effect_noise((2000, 1500), 60).save(path)
    return path


@pytest.fixture
def photo_id(catalog: Catalog, photo: Path) -> int:
    return catalog.photo_id(catalog.session("shoot", photo.parent), photo)


@pytest.mark.parametrize(("note", "scale"), [("", 1.0), ("memory:1", 1.0), ("memory:3", 0.25)])
def test_a_photo_is_judged_at_the_scale_of_the_run(
    photo: Path, photo_id: int, note: str, scale: float
) -> None:
    with in_a_job(note):
        found = evaluate_quality(photo_id)
    measured = evaluate(load_color(photo, round(WORKING_EDGE * scale)))
    assert measured["metrics"].items() <= found["metrics"]["quality_metrics"].items()


@pytest.mark.parametrize(("note", "status"), [("", Status.SCHEDULED), ("memory:3", Status.FAILED)])
def test_the_catalog_hears_whether_it_runs_again(
    catalog: Catalog, photo_id: int, note: str, status: Status
) -> None:
    @recorded
    def work(photo_id: int) -> None:
        raise PhotoError(f"photo {photo_id} needs more memory") from MemoryError()

    with in_a_job(note), pytest.raises(PhotoError):
        work(photo_id)
    row = catalog.job_row("a")
    assert row is not None
    assert row.status == status


def test_all_of_a_run_use_one_open_catalog(catalog: Catalog, photo_id: int) -> None:
    opened: list[Catalog] = []

    @recorded
    def work(photo_id: int) -> None:
        for _ in range(2):
            with open_catalog(None) as records:
                opened.append(records)
        assert opened[-1].photo_row(photo_id) is not None

    for number in range(2):
        with in_a_job("", f"job {number}"):
            work(photo_id)
    assert opened[0] is opened[1]
    assert opened[1] is not opened[2]
    assert [row.status for row in catalog.job_rows()] == [Status.SUCCEEDED] * 2
