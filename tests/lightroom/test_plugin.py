"""The Lightroom plugin against a real bridge: jobs are claimed, done in order, told once, never shared."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.job import Status
from junmai_jobs.keys import Keys
from junmai_jobs.photo.develop.lightroom import lightroom_config
from junmai_jobs.photo.develop.presets import load_presets
from junmai_jobs.tasks.lightroom import lightroom_apply
from tests.lightroom.lightroom import PLUGIN, requests

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.studio import Studio
    from tests.lightroom.conftest import StartLightroom

EXPOSURE: dict[str, Any] = {"stage": "base", "settings": {"Exposure2012": 0.5, "Contrast2012": 12}}


def config_of(studio: Studio, photo_id: int, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    target = {"scope": "selected", "identifier": str(studio.path(photo_id)), "createVirtualCopy": True}
    safety = {"snapshot": True, "dryRun": False}
    return {
        "version": "1.0",
        "target": target,
        "pipeline": list(stages or [EXPOSURE]),
        "safety": safety,
    } | more


def submit(studio: Studio, photo_id: int | None = None, *stages: dict[str, Any], **more: Any) -> str:
    photo_id = photo_id or studio.photos[0]
    config = config_of(studio, photo_id, *stages, **more)
    return studio.jobs.submit(lightroom_apply, photo_id=photo_id, config=config).id


def let_the_lease_end(studio: Studio, job_id: str) -> None:
    """As if so much time had passed."""
    leases = Keys.of(studio.jobs.namespace).queue("lightroom", "leases")
    assert studio.jobs._link.client.zadd(leases, {job_id: 1}, xx=True, ch=True) == 1


def test_a_photo_gets_its_settings_on_a_copy_with_a_snapshot_of_how_it_was(
    studio: Studio, lightroom: StartLightroom
) -> None:
    job_id, plugin = submit(studio), lightroom()
    before = plugin.photos()
    journal = plugin.run()
    name = f"Junmai Jobs {job_id[-8:]}"
    changes = plugin.calls("createVirtualCopies", "createDevelopSnapshot", "applyDevelopSettings")
    assert [change["call"] for change in changes] == [
        "createVirtualCopies", "createDevelopSnapshot", "applyDevelopSettings",
    ]  # fmt: skip
    assert (changes[0]["photo"], changes[0]["name"], changes[1]["name"]) == (1, name, f"Before {name}")
    assert changes[2]["settings"] == {"Exposure2012": 0.5, "Contrast2012": 12}
    assert plugin.photos()[: len(before)] == before, "the photo itself is as it was"
    (copy,) = plugin.copies()
    assert copy["path"] == str(studio.path(studio.photos[0]))
    assert copy["settings"] == {"Exposure2012": 0.5, "Contrast2012": 12}
    assert copy["snapshots"] == [{"name": f"Before {name}", "settings": {"Exposure2012": -1.5}}]
    assert requests(journal) == [("next", 200), ("result", 200), ("next", 404)]
    job = studio.jobs.job(job_id)
    assert (job.status, job.result) == (
        "succeeded", {"status": "success", "reason": f"2 settings applied to the virtual copy {name}"},
    )  # fmt: skip
    with studio.catalog() as catalog:
        row = catalog.job_row(job_id)
        assert row is not None
        assert (row.task, row.photo_id, row.status) == ("lightroom_apply", studio.photos[0], Status.SUCCEEDED)
    assert studio.token not in (plugin.folder / "journal.json").read_text("utf-8")


def test_what_every_shipped_preset_sets_is_known_to_the_plugin(
    studio: Studio, lightroom: StartLightroom
) -> None:
    presets = load_presets().values()
    path = str(studio.path(studio.photos[0]))
    for preset in presets:
        config = lightroom_config(preset, 100, photo_path=path)
        studio.jobs.submit(lightroom_apply, photo_id=studio.photos[0], config=config)
    plugin = lightroom()
    plugin.run()
    applied = [call["settings"] for call in plugin.calls("applyDevelopSettings")]
    assert Counter(frozenset(each) - {"ToneCurveName2012", "WhiteBalance"} for each in applied) == Counter(
        frozenset(each.settings) - {"ToneCurveName2012", "WhiteBalance"} for each in presets
    )
    assert studio.jobs.stats()["jobs_by_status"]["succeeded"] == len(presets)


def test_a_plugin_that_is_killed_loses_no_job_and_the_next_one_makes_no_second_copy(
    studio: Studio, lightroom: StartLightroom, tmp_path: Path
) -> None:
    job_id, plugin = submit(studio), lightroom()
    plugin.start(pause={"at": "applyDevelopSettings", "until": str(tmp_path / "never")})
    plugin.wait_for("applyDevelopSettings")
    plugin.close()
    assert [copy["settings"] for copy in plugin.copies()] == [{"Exposure2012": -1.5}]
    assert requests(plugin.run())[-1] == ("next", 404), "the lease stands"
    let_the_lease_end(studio, job_id)
    plugin.run()
    job = studio.jobs.job(job_id)
    assert (job.status, [entry["event"] for entry in job.history]) == ("succeeded", ["lost", "succeeded"])
    (copy,) = plugin.copies()
    assert copy["settings"] == {"Exposure2012": 0.5, "Contrast2012": 12}
    assert len(copy["snapshots"]) == 1


def test_a_result_that_comes_late_does_not_count(
    studio: Studio, lightroom: StartLightroom, tmp_path: Path
) -> None:
    job_id, slow, quick = submit(studio), lightroom(), lightroom()
    go_on = tmp_path / "go on"
    slow.start(pause={"at": "applyDevelopSettings", "until": str(go_on)}, polls=2)
    slow.wait_for("applyDevelopSettings")
    let_the_lease_end(studio, job_id)
    quick.run()
    ended = studio.jobs.job(job_id)
    assert ended.status == "succeeded"
    go_on.touch()
    journal = slow.finish()
    assert requests(journal)[:2] == [("next", 200), ("result", 409)]
    assert studio.jobs.job(job_id) == ended
    assert slow.copies()[0]["settings"]["Exposure2012"] == 0.5, "nothing is undone"
    assert any(f"{job_id}: lost" in line["text"] for line in slow.calls("log"))


def test_plugins_at_once_share_no_job(studio: Studio, lightroom: StartLightroom) -> None:
    ids = [submit(studio, studio.photos[number % len(studio.photos)]) for number in range(200)]
    plugins = [lightroom() for _ in range(4)]
    for plugin in plugins:
        plugin.start(polls=3)
    done: Counter[str] = Counter()
    for plugin in plugins:
        plugin.finish()
        done.update(call["path"].split("/")[2] for call in plugin.calls("http") if "result" in call["path"])
    assert done == Counter(ids), "each was told once"
    assert studio.jobs.stats()["jobs_by_status"]["succeeded"] == len(ids)
    assert sum(len(plugin.copies()) for plugin in plugins) == len(ids)
    assert {entry["event"] for job in studio.jobs.jobs(limit=500) for entry in job.history} == {"succeeded"}


def test_a_job_that_takes_long_keeps_its_lease_and_shows_how_far_it_is(
    studio: Studio, lightroom: StartLightroom
) -> None:
    job_id, plugin = submit(studio), lightroom()
    journal = plugin.run(takes={"createVirtualCopies": 130})
    assert requests(journal)[:8] == [("next", 200), *[("heartbeat", 200)] * 6, ("result", 200)]
    assert studio.jobs.job(job_id).progress == {"done": 0, "total": 2, "message": "Virtual copy"}


def test_a_stop_and_a_start_in_the_middle_of_a_job_leave_it_alone(
    studio: Studio, lightroom: StartLightroom
) -> None:
    first, second, plugin = submit(studio), submit(studio), lightroom()
    scripts = [str(PLUGIN / "Stop.lua"), str(PLUGIN / "Start.lua")]
    menu = {"at": "createVirtualCopies", "scripts": scripts}
    journal = plugin.run(menu=menu, takes={"createVirtualCopies": 20})
    assert requests(journal) == [("next", 200), ("result", 200)] * 2 + [("next", 404)]
    for job_id in (first, second):
        assert [entry["event"] for entry in studio.jobs.job(job_id).history] == ["succeeded"]


def test_a_stopped_plugin_does_its_job_to_the_end(studio: Studio, lightroom: StartLightroom) -> None:
    first, second, plugin = submit(studio), submit(studio), lightroom()
    journal = plugin.run(menu={"at": "progress 0", "scripts": [str(PLUGIN / "Stop.lua")]})
    assert requests(journal) == [("next", 200), ("result", 200)]
    assert [studio.jobs.job(each).status for each in (first, second)] == ["succeeded", "queued"]


def test_a_job_that_somebody_cancels_ends_before_it_changes_a_setting(
    studio: Studio, lightroom: StartLightroom, tmp_path: Path
) -> None:
    job_id, plugin, go_on = submit(studio), lightroom(), tmp_path / "go on"
    pause = {"at": "createVirtualCopies", "until": str(go_on)}
    plugin.start(pause=pause, takes={"createVirtualCopies": 90})
    plugin.wait_for("createVirtualCopies")
    studio.done("POST", f"/queue/cancel/{job_id}")
    go_on.touch()
    plugin.finish()
    assert studio.jobs.job(job_id).status == "cancelled"
    assert plugin.calls("applyDevelopSettings") == []


def test_the_photographer_cancels_and_no_more_is_asked_for(studio: Studio, lightroom: StartLightroom) -> None:
    first, second, plugin = submit(studio), submit(studio), lightroom()
    journal = plugin.run(cancel="progress 0")
    assert requests(journal) == [("next", 200), ("result", 200)]
    job = studio.jobs.job(first)
    assert (job.status, job.error and job.error["message"]) == ("failed", "cancelled by the photographer")
    assert studio.jobs.job(second).status == "queued"
    assert plugin.calls("applyDevelopSettings") == []


def test_a_dry_run_changes_nothing(studio: Studio, lightroom: StartLightroom) -> None:
    job_id = submit(studio, safety={"snapshot": True, "dryRun": True})
    plugin = lightroom()
    before = plugin.photos()
    plugin.run()
    assert plugin.photos() == before
    assert studio.jobs.job(job_id).result["reason"] == "dry run: nothing was changed"
    assert plugin.calls("createVirtualCopies", "createDevelopSnapshot", "applyDevelopSettings") == []


def test_without_a_copy_the_photo_itself_is_set_after_a_snapshot(
    studio: Studio, lightroom: StartLightroom
) -> None:
    path = str(studio.path(studio.photos[0]))
    submit(studio, target={"scope": "selected", "identifier": path, "createVirtualCopy": False})
    plugin = lightroom()
    plugin.run()
    assert plugin.copies() == []
    photo = plugin.photos()[0]
    assert photo["settings"] == {"Exposure2012": 0.5, "Contrast2012": 12}
    assert [each["settings"] for each in photo["snapshots"]] == [{"Exposure2012": -1.5}]


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ({"stage": "base", "settings": {"Glow": 1}}, "Glow is no setting known here"),
        (
            {"stage": "base", "settings": {"Exposure2012": 9}},
            "Exposure2012 is 9: Lightroom has it from -5 to 5",
        ),
        ({"stage": "base", "settings": {"Exposure2012": "bright"}}, "Exposure2012 is bright: Lightroom"),
        ({"stage": "base", "settings": {"WhiteBalance": "Moon"}}, "WhiteBalance is Moon, which Lightroom"),
        ({"stage": "base"}, "base has no settings"),
        ({"stage": "HSL", "hue": {"pink": 4}}, "HSL.hue.pink is no setting known here"),
        ({"stage": "HSL", "gamma": {}}, "HSL.gamma is no setting known here"),
        ({"stage": "toneCurve", "rgb": [[0, 0]]}, "ToneCurvePV2012 is no list of points"),
        ({"stage": "toneCurve", "rgb": [[0, 0], [255, 999]]}, "ToneCurvePV2012 is no list of points"),
        ({"stage": "local", "brushes": []}, "the stage local is not one that this plugin can do"),
    ],
)
def test_what_the_plugin_does_not_know_is_refused_whole(
    studio: Studio, lightroom: StartLightroom, stage: dict[str, Any], reason: str
) -> None:
    job_id, plugin = submit(studio, None, EXPOSURE, stage), lightroom()
    plugin.run()
    job = studio.jobs.job(job_id)
    assert job.status == "failed"
    assert job.error is not None
    assert reason in job.error["message"]
    assert plugin.calls("createVirtualCopies", "applyDevelopSettings") == []


def test_a_photo_that_is_not_in_the_catalog_of_lightroom_is_told_with_its_path(
    studio: Studio, lightroom: StartLightroom
) -> None:
    job_id, plugin = submit(studio), lightroom()
    plugin.import_photos([studio.path(photo) for photo in studio.photos[1:]])
    plugin.run()
    job = studio.jobs.job(job_id)
    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert (
        f"{studio.path(studio.photos[0])} is not in the catalog that Lightroom has open"
        in job.error["message"]
    )
    with studio.catalog() as catalog:
        row = catalog.job_row(job_id)
        assert row is not None
        assert (row.status, row.error) == (Status.FAILED, job.error["message"])


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        ({"busy": 1}, "Lightroom was busy with another change"),
        ({"stuck": True}, "the photo cannot be selected in Lightroom: is a filter on?"),
        ({"copiesNothing": True}, "no copies just now"),
    ],
)
def test_what_may_pass_is_tried_again_later(
    studio: Studio, lightroom: StartLightroom, scene: dict[str, Any], reason: str
) -> None:
    job_id, plugin = submit(studio), lightroom()
    plugin.run(**scene)
    job = studio.jobs.job(job_id)
    assert (job.status, job.error and job.error["message"]) == ("retrying", reason)
    (end,) = plugin.calls("end")
    assert (end["selected"], end["sources"]) == ([len(studio.photos)], ["a folder"])
    key = Keys.of(studio.jobs.namespace).queue("lightroom", "retrying")
    assert studio.jobs._link.client.zadd(key, {job_id: 1}, xx=True, ch=True) == 1  # its time has come
    plugin.run()
    assert studio.jobs.job(job_id).status == "succeeded"
    assert len(plugin.copies()) == 1


def test_a_photo_behind_a_filter_is_found_and_the_selection_comes_back(
    studio: Studio, lightroom: StartLightroom
) -> None:
    job_id, plugin = submit(studio), lightroom()
    plugin.run(hidden=True)
    assert studio.jobs.job(job_id).status == "succeeded"
    assert len(plugin.copies()) == 1
    (end,) = plugin.calls("end")
    assert (end["selected"], end["sources"]) == ([len(studio.photos)], ["a folder"])


@pytest.mark.parametrize(
    ("deaf", "status", "told"),
    [
        (["Contrast2012"], "succeeded", "1 of 2 settings applied to the virtual copy"),
        (["Contrast2012", "Exposure2012"], "failed", "Lightroom took none of the settings"),
    ],
)
def test_what_lightroom_does_not_take_is_told(
    studio: Studio, lightroom: StartLightroom, deaf: list[str], status: str, told: str
) -> None:
    job_id, plugin = submit(studio), lightroom()
    plugin.run(deaf=dict.fromkeys(deaf, True))
    job = studio.jobs.job(job_id)
    assert job.status == status
    assert told in json.dumps([job.result, job.error])


def test_a_wrong_token_is_told_once_and_a_bridge_that_is_away_is_asked_less_and_less(
    studio: Studio, lightroom: StartLightroom
) -> None:
    job_id, plugin = submit(studio), lightroom()
    plugin.token = "w" * 32
    plugin.run(polls=5)
    plugin.url = "http://127.0.0.1:9"
    plugin.run(polls=5)
    assert [line["text"] for line in plugin.calls("log")] == [
        "The bridge refuses the token: look at the settings.", "The bridge does not answer.",
    ]  # fmt: skip
    assert requests(plugin.journal()) == [("next", 401)] * 5 + [("next", None)] * 5
    assert studio.jobs.job(job_id).status == "queued"
