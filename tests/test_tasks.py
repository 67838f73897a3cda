"""The photo tasks and the chores: their results, and what each leaves in the catalog and on the disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from PIL import Image

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.demo.bursts import Burst, make_burst
from junmai_jobs.errors import Abort, RetryLater
from junmai_jobs.job import Status
from junmai_jobs.photo.errors import ExportRefused, PhotoGone, PresetError, UnreadablePhoto
from junmai_jobs.photo.pictures import decoding
from junmai_jobs.tasks import photos
from junmai_jobs.tasks.chores import cleanup_old_results, update_system_metrics
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import analyze_exif, evaluate_quality, process_photo
from junmai_jobs.tasks.sessions import apply_preset, finish_session, group_similar_photos
from tests.command_line import CommandLine
from tests.photo.pictures.raw_files import cr2
from tests.photo.studio import portrait, texture
from tests.photographs import scenes
from tests.servers import RedisProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTINGS = {
    "photo": {"presets": [{"name": "mine", "settings": {"Exposure2012": 0.5}, "blend_amount": 50}]},
    "export": {"presets": [{"name": "Small", "format": "PNG", "max_dimension": 300}]},
}
WRITE = (
    "import os, pathlib, sys; file = pathlib.Path(sys.argv[1]); new = file.with_name(f'{os.getpid()}.new');"
    "new.write_text(sys.stdin.read(), 'utf-8');"
    "new.rename(file.with_name(file.name + os.environ['JUNMAI_EVENT']))"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, which is where the tasks look for settings and catalog."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.json").write_text(json.dumps(SETTINGS), "utf-8")
    monkeypatch.setenv("JUNMAI_HOME", str(home))
    return home


@pytest.fixture
def catalog(home: Path) -> Iterator[Catalog]:
    with Catalog(home / "catalog.db") as catalog:
        yield catalog


@pytest.fixture
def burst(tmp_path: Path) -> Burst:
    return make_burst(scenes()[0], tmp_path / "shoot", start=datetime.fromisoformat("2026-05-01T12:00"))


@pytest.fixture
def ids(catalog: Catalog, burst: Burst) -> dict[Path, int]:
    return catalog.photo_ids(catalog.session("shoot", burst.sharp.parent), burst.frames)


@pytest.fixture
def raw(catalog: Catalog, burst: Burst, ids: dict[Path, int]) -> Path:
    """A RAW file in the session."""
    path = cr2(burst.sharp.parent / "IMG_9999.CR2")
    ids |= catalog.photo_ids(1, [path])
    return path


def test_process_photo(catalog: Catalog, burst: Burst, ids: dict[Path, int]) -> None:
    found = process_photo(ids[burst.sharp])
    assert found.keys() == {
        "photo_id", "path", "sha256", "bytes", "fingerprint", "exif", "quality", "context", "preset",
        "processing_time",
    }  # fmt: skip
    assert found["sha256"] == hashlib.sha256(burst.sharp.read_bytes()).hexdigest()
    row = catalog.photo_row(ids[burst.sharp])
    assert row is not None
    assert (row.status, row.ai_score, row.fingerprint, row.context_tag, row.selected_preset) == (
        "completed", found["quality"]["overall_score"], found["fingerprint"],
        found["context"]["context"], found["context"]["recommended_preset"],
    )  # fmt: skip
    assert process_photo(ids[burst.sharp], config={"preset": "mine"})["preset"] == "mine"
    with pytest.raises(Abort, match="no photo 999"):
        process_photo(999)


def test_what_is_found_of_a_photo_is_not_recorded_of_another_that_has_its_number_now(
    catalog: Catalog, burst: Burst, ids: dict[Path, int], tmp_path: Path
) -> None:
    other = ids[next(path for path in ids if path != burst.sharp)]
    (broken := burst.sharp.with_name("broken.jpg")).write_bytes(b"")
    assert process_photo(other, burst.sharp)["path"] == burst.sharp
    with pytest.raises(UnreadablePhoto):
        process_photo(other, broken)
    assert catalog.photo_row(other).status == "imported"  # type: ignore[union-attr]
    (link := tmp_path / "link").symlink_to(burst.sharp.parent)
    process_photo(ids[burst.sharp], link / burst.sharp.name)
    assert catalog.photo_row(ids[burst.sharp]).status == "completed"  # type: ignore[union-attr]


def test_the_users_contexts_replace_the_shipped_ones(home: Path, burst: Burst, ids: dict[Path, int]) -> None:
    default = {"description": "Any", "recommended_preset": "mine", "preset_blend": 10}
    (home / "context_rules.json").write_text(json.dumps({"default": default, "contexts": {}}), "utf-8")
    with pytest.raises(PresetError, match=r"context_rules.json"):
        process_photo(ids[burst.sharp])
    rule = {"field": "quality.overall_score", "operator": ">", "value": 0, "weight": 1}
    mine = default | {"rules": [rule]}
    (home / "context_rules.json").write_text(
        json.dumps({"default": default, "contexts": {"all": mine}}), "utf-8"
    )
    found = process_photo(ids[burst.sharp])
    assert (found["context"]["context"], found["preset"]) == ("all", "mine")


def test_analyze_exif(burst: Burst, ids: dict[Path, int]) -> None:
    found = analyze_exif(ids[burst.sharp])
    assert found.keys() == {"camera", "settings", "location", "datetime", "context_hints"}
    assert found["camera"]["make"] is not None
    assert found["datetime"]["capture_time"].startswith("2026-05-01T12:00:")


def test_evaluate_quality(burst: Burst, ids: dict[Path, int]) -> None:
    """The original called a method that was not there, and read its scores from the wrong place."""
    found = evaluate_quality(ids[burst.sharp])
    assert found.keys() == {
        "overall_score", "quality", "exif", "context", "recommendation", "tags", "metrics",
    }  # fmt: skip
    scores = [found["quality"][name] for name in ("focus_score", "exposure_score", "composition_score")]
    assert all(1 <= score <= 5 for score in scores)
    assert found["quality"]["faces_detected"] == 0
    assert found["recommendation"] == "approve"
    assert found["context"] in found["tags"]
    assert found["metrics"].keys() == {"quality_metrics", "exif_hints"}


def test_faces_are_told_and_recorded(home: Path, catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "party" / "IMG_1.JPG"
    path.parent.mkdir()
    picture = texture(1500, 1000).convert("RGB")
    for left in (200, 900):
        picture.paste(portrait(400), (left, 300))
    picture.save(path)
    photo_id = catalog.photo_id(catalog.session("party", path.parent), path)
    assert evaluate_quality(photo_id)["quality"]["faces_detected"] == 2
    assert process_photo(photo_id)["quality"]["quality"]["faces_detected"] == 2
    with closing(sqlite3.connect(home / "catalog.db")) as db:
        assert db.execute("SELECT detected_faces FROM photos").fetchall() == [(2,)]


def test_how_a_companion_ends_counts_in_what_is_kept(
    burst: Burst, ids: dict[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By that it is told whether it is a RAW file."""
    parts: list[Any] = []

    def look_each_time(given: Any, look: Callable[[], Any], **_: object) -> Any:
        parts.append(given)
        return look()

    monkeypatch.setattr(photos, "seen_before", look_each_time)
    for suffix in (".jpg", ".JPG", ".nef"):
        beside = burst.sharp.with_name(f"beside{suffix}")
        beside.write_bytes(burst.sharp.read_bytes())
        process_photo(ids[burst.sharp], companion=beside)
    process_photo(ids[burst.sharp])
    jpeg, in_capitals, raw, alone = parts
    assert jpeg == in_capitals
    assert len({str(each) for each in (jpeg, raw, alone)}) == 3


@pytest.mark.parametrize("name", ["photo.jpg", "beside.jpg"])
def test_a_file_that_is_written_to_while_it_is_looked_at(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What was seen might not be what its digest is of."""
    raw, beside, photo = (tmp_path / each for each in ("photo.cr3", "beside.jpg", "photo.jpg"))
    raw.write_bytes(b"\0\0\0\x18ftypcrx " + bytes(1000))
    for path in (beside, photo):
        path.write_bytes(scenes()[0].read_bytes())
    written = tmp_path / name
    path, companion = (photo, None) if name == "photo.jpg" else (raw, beside)
    photo_id = catalog.photo_id(session := catalog.session("s", tmp_path), path)
    load_color = decoding.load_color

    def while_written(*arguments: Any) -> Image.Image:
        written.write_bytes(scenes()[1].read_bytes())
        return load_color(*arguments)

    with monkeypatch.context() as now:
        now.setattr(decoding, "load_color", while_written)
        with pytest.raises(PhotoGone, match=r"was changed while it was looked at"):
            process_photo(photo_id, path, companion)
    assert (catalog.results(session), catalog.has_look(hashlib.sha256(path.read_bytes()).hexdigest())) == (
        [],
        False,
    )
    found = process_photo(photo_id, path, companion)
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert catalog.results(session) != []


def test_group_similar_photos(catalog: Catalog, burst: Burst, ids: dict[Path, int]) -> None:
    """What the original returned was no JSON."""
    assert group_similar_photos(1) == {"groups": [], "total_photos": 0, "group_count": 0, "picks": 0}
    for photo_id in ids.values():
        process_photo(photo_id)
    found = group_similar_photos(1)
    assert json.loads(json.dumps(found)) == found
    (group,) = found["groups"]
    assert (set(group["photos"]), group["pick"]) == (set(ids.values()), ids[burst.sharp])
    assert (found["total_photos"], found["group_count"], found["picks"]) == (5, 1, 1)
    assert group_similar_photos(1) == found
    assert [row.path for row in catalog.photos(1) if row.is_pick] == [burst.sharp]
    assert catalog.grouped_from(1) == catalog.results_digest(1)


def test_apply_preset_writes_beside_a_raw(catalog: Catalog, raw: Path, ids: dict[Path, int]) -> None:
    """The original asked for a preset by the wrong key, and for a function that was not there."""
    before = hashlib.sha256(raw.read_bytes()).hexdigest()
    found = apply_preset(ids[raw], "mine")
    assert found.keys() == {
        "photo_id", "preset_name", "blend_amount", "status", "config", "job_id",
    }  # fmt: skip
    assert (found["preset_name"], found["blend_amount"], found["status"]) == ("mine", 50, "written")
    assert 'Exposure2012="+0.25"' in raw.with_suffix(".xmp").read_text("utf-8")
    assert found["config"]["version"] == "1.0"
    assert found["config"]["pipeline"] == [{"stage": "base", "settings": {"Exposure2012": 0.25}}]
    assert apply_preset(ids[raw], "mine")["status"] == "unchanged"
    assert apply_preset(ids[raw], "mine", 100)["status"] == "written"
    process_photo(ids[raw])
    row = catalog.photo_row(ids[raw])
    assert row is not None
    assert apply_preset(ids[raw])["preset_name"] == row.selected_preset
    assert hashlib.sha256(raw.read_bytes()).hexdigest() == before
    with pytest.raises(PresetError, match=r"no preset nothing: there are .*mine"):
        apply_preset(ids[raw], "nothing")


@pytest.mark.parametrize(("learned", "stars"), [(2.0, "3"), (4.0, "4"), (5.7, "5")])
def test_stars_follow_the_score_that_the_picks_were_chosen_by(
    catalog: Catalog, raw: Path, ids: dict[Path, int], learned: float, stars: str
) -> None:
    process_photo(photo_id := ids[raw])
    catalog.record_groups(1, [], [photo_id], "", {photo_id: learned})
    assert apply_preset(photo_id, session_id=1)["status"] == "written"
    assert f'xmp:Rating="{stars}"' in raw.with_suffix(".xmp").read_text("utf-8")


def test_of_all_that_are_no_picks_the_rejected_alone_lose_their_stars(
    catalog: Catalog, raw: Path, ids: dict[Path, int]
) -> None:
    catalog.record_groups(1, [], [photo_id := ids[raw]], "")
    apply_preset(photo_id, session_id=1)
    catalog.record_groups(1, [], [], "")
    for is_rejected in (False, True):
        if is_rejected:
            catalog.reject([photo_id])
        assert apply_preset(photo_id, session_id=1) == {"photo_id": photo_id, "status": "not_a_pick"}
        assert ("Green" in raw.with_suffix(".xmp").read_text("utf-8")) != is_rejected


def test_apply_preset_never_writes_to_a_jpeg(burst: Burst, ids: dict[Path, int]) -> None:
    before = {path: path.read_bytes() for path in burst.sharp.parent.iterdir()}
    found = apply_preset(ids[burst.sharp], "mine")
    assert (found["status"], found["config"]["target"]["identifier"]) == ("no_sidecar", str(burst.sharp))
    assert {path: path.read_bytes() for path in burst.sharp.parent.iterdir()} == before


def test_only_picks_are_worked_on_where_a_session_is_named(
    tmp_path: Path, burst: Burst, ids: dict[Path, int]
) -> None:
    other = next(path for path in burst.frames if path != burst.sharp)
    for task in (apply_preset, export_photo):
        with pytest.raises(RetryLater, match="not grouped yet"):
            task(ids[other], session_id=1)
    for photo_id in ids.values():
        process_photo(photo_id)
    group_similar_photos(1)
    final = tmp_path / "out" / "photo"
    for photo, status in ((other, "not_a_pick"), (burst.sharp, "completed")):
        assert export_photo(ids[photo], destination=final, session_id=1)["status"] == status
        assert final.with_suffix(".png").exists() == (status == "completed")
    assert apply_preset(ids[other], session_id=1) == {"photo_id": ids[other], "status": "not_a_pick"}


def test_export_photo(tmp_path: Path, burst: Burst, ids: dict[Path, int]) -> None:
    """In the original it did nothing, and said it had."""
    found = export_photo(ids[burst.sharp], destination=tmp_path / "out" / "v1.2")
    assert found.keys() == {
        "photo_id", "export_preset", "status", "path", "format", "width", "height", "bytes", "color_space",
    }  # fmt: skip
    assert (found["export_preset"], found["status"]) == ("Small", "completed")
    assert found["path"] == tmp_path / "out" / "v1.2.png"
    with Image.open(found["path"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (found["width"], found["height"]))
        assert max(picture.size) == 300
    assert export_photo(ids[burst.sharp], "Web", tmp_path / "web")["format"] == "JPEG"
    with pytest.raises(ExportRefused, match="no export preset Huge: there are Small, Web"):
        export_photo(ids[burst.sharp], "Huge", tmp_path / "out")
    with pytest.raises(ExportRefused, match="Small has no destination"):
        export_photo(ids[burst.sharp])


def test_finish_session_tells(home: Path, burst: Burst, ids: dict[Path, int]) -> None:
    told = home / "told-session_finished"
    command = [sys.executable, "-c", WRITE, str(home / "told-")]
    (home / "config.json").write_text(json.dumps({"notify": {"command": command}}), "utf-8")
    for photo_id in ids.values():
        process_photo(photo_id)
    group_similar_photos(1)
    found = finish_session(1)
    assert (found["photos"], found["succeeded"], found["failed"], found["picks"]) == (5, 5, 0, 1)
    wait_until(told.exists, what="the command")
    notice = json.loads(told.read_text("utf-8"))
    assert (notice["event"], notice["details"]) == ("session_finished", found)
    assert notice["message"] == "shoot: 1 of 5 photos picked, 0 failed"
    with pytest.raises(Abort, match="no session 2"):
        finish_session(2)


def test_finish_session_tells_what_else_somebody_is_to_hear(
    home: Path, catalog: Catalog, burst: Burst, ids: dict[Path, int]
) -> None:
    command = [sys.executable, "-c", WRITE, str(home / "told-")]
    events = {"exports_finished": ["command"], "approval_required": ["command"], "session_finished": []}
    (home / "config.json").write_text(json.dumps({"notify": {"command": command, "events": events}}), "utf-8")
    for photo_id in ids.values():
        process_photo(photo_id)
    group_similar_photos(1)
    for path, photo_id in ids.items():  # all were exported; of those the pick counts
        catalog.begin_job(f"export-{path.stem}", "export_photo", 1, photo_id=photo_id, session_id=1)
        catalog.end_job(f"export-{path.stem}", Status.SUCCEEDED)
    about = {"session_id": 1, "name": "shoot", "folder": str(burst.sharp.parent), "picks": 1}
    finish_session(1)
    exported, waiting = home / "told-exports_finished", home / "told-approval_required"
    wait_until(lambda: exported.exists() and waiting.exists(), what="both notices")
    found = [json.loads(told.read_text("utf-8")) for told in (exported, waiting)]
    assert [notice["message"] for notice in found] == [
        "shoot: 1 of 1 picks exported",
        "shoot: 1 of 1 picks wait for your verdict",
    ]
    assert [notice["details"] for notice in found] == [about | {"exported": 1}, about | {"waiting": 1}]
    assert not (home / "told-session_finished").exists()
    for told in (exported, waiting):
        told.unlink()
    catalog.approve([ids[burst.sharp]])
    finish_session(1)
    wait_until(exported.exists, what="the notice of the exports")
    assert not waiting.exists()


def test_update_system_metrics() -> None:
    found = update_system_metrics()
    assert found.keys() >= {"cpu_percent", "memory_percent", "memory_available_mb", "timestamp"}
    assert 0 <= found["cpu_percent"] <= 100
    assert found["memory_available_mb"] <= psutil.virtual_memory().total // 2**20
    assert ("gpu_load" in found) == ("gpu_temperature" in found)


def test_cleanup_old_results(home: Path, catalog: Catalog) -> None:
    (home / "config.json").write_text(json.dumps({"retention": {"failed": {"days": 0}}}), "utf-8")
    for job_id, status in (("good", Status.SUCCEEDED), ("bad", Status.FAILED)):
        catalog.begin_job(job_id, "noop", 1)
        catalog.end_job(job_id, status)
    assert cleanup_old_results() == {"status": "completed", "removed_jobs": 1}
    assert [row.id for row in catalog.job_rows()] == ["good"]


def test_every_task_goes_through_the_queue_to_where_the_seed_sends_it(
    tmp_path: Path, home: Path, burst: Burst, ids: dict[Path, int], raw: Path
) -> None:
    server = RedisProcess(tmp_path).start()
    try:
        with closing(JobQueue(server.url, config=load_config())) as jobs:
            out = tmp_path / "out" / "photo"
            handles: dict[str, Any] = {
                "process_photo": jobs.submit(process_photo, ids[burst.sharp]),
                "analyze_exif": jobs.submit(analyze_exif, ids[burst.sharp]),
                "evaluate_quality": jobs.submit(evaluate_quality, ids[burst.sharp]),
                "group_similar_photos": jobs.submit(group_similar_photos, 1),
                "apply_preset": jobs.submit(apply_preset, ids[raw], "mine"),
                "export_photo": jobs.submit(export_photo, ids[burst.sharp], destination=out),
                "cleanup_old_results": jobs.submit(cleanup_old_results),
                "update_system_metrics": jobs.submit(update_system_metrics),
            }
            cli = CommandLine(home, tmp_path / "cwd", {"JUNMAI_REDIS_URL": server.url})
            assert cli.run("worker", "--burst").code == 0
            found = {name: handle.job() for name, handle in handles.items()}
    finally:
        server.stop()
    assert {name: job.status for name, job in found.items()} == dict.fromkeys(found, "succeeded")
    high, medium = {"analyze_exif", "apply_preset"}, {"process_photo", "evaluate_quality"}
    for name, job in found.items():
        level = "high" if name in high else "medium" if name in medium else "low"
        assert job.queue == f"{level}_priority"
    with Catalog(home / "catalog.db") as catalog:
        rows = {row.task: row for row in catalog.job_rows()}
    assert rows.keys() == found.keys() - {"cleanup_old_results", "update_system_metrics"}
    assert {row.status for row in rows.values()} == {"succeeded"}
