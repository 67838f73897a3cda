"""Each corruption is named and mended, and what is healthy comes to its end."""

from __future__ import annotations

import contextlib
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import junmai_jobs
from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.job import Body
from junmai_jobs.keys import FINISHED_HOMES, Keys
from junmai_jobs.laws import LAWS
from junmai_jobs.schedule import Schedule, Timetable
from tests.laws.corruptions import CORRUPTIONS

if TYPE_CHECKING:
    from tests.laws.corruptions import Broken, Corruption
    from tests.laws.scene import Scene

SEEDS, MANY = 3, 20
each = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.__name__)
each_seed = pytest.mark.parametrize("seed", range(SEEDS))


def is_left(broken: Broken) -> bool:
    return broken.law == "newer"


def laws_of(scene: Scene) -> set[str]:
    return {violation.law for violation in scene.check()}


def forget_what_was_moved_away(scene: Scene) -> list[bytes]:
    """What stands behind aside:, which the other audit does not know."""
    store = scene.store
    moved = list(store.admin.scan_iter(f"{store.keys.prefix}aside:*"))
    if moved:
        store.admin.delete(*moved)
    return moved


@each_seed
@each
def test_it_is_named_and_mended(scene: Scene, corruption: Corruption, seed: int) -> None:
    store = scene.store
    before = {job_id.decode() for job_id in store.admin.hkeys(store.keys.bodies)}
    broken = corruption(scene, random.Random(f"{corruption.__name__} {seed}"))
    before |= broken.lost
    with scene.unchanged():
        found = scene.check()
    assert (broken.law, broken.where) in {(each.law, each.where) for each in found}
    assert all(each.detail and each.repair == LAWS[each.law] for each in found)
    assert broken.law in {each.law for each in scene.repair()}
    assert laws_of(scene) == ({"newer"} if is_left(broken) else set())
    assert scene.lost_runs() == broken.stopped
    scene.work()
    assert scene.unfinished() == (broken.lost if is_left(broken) else set())
    homes = store.all_homes()
    assert {
        job_id for job_id in before if homes.get(job_id, ["none"])[0] not in FINISHED_HOMES
    } == broken.lost
    assert laws_of(scene) == ({"newer"} if is_left(broken) else set())
    forget_what_was_moved_away(scene)
    if not is_left(broken):
        store.audit()


@each
def test_to_repair_again_changes_nothing(scene: Scene, corruption: Corruption) -> None:
    corruption(scene, random.Random(corruption.__name__))
    scene.repair()
    with scene.unchanged():
        scene.repair()


@pytest.mark.parametrize("seed", range(5))
def test_all_at_once(scene: Scene, seed: int) -> None:
    """As far as one leaves the next something to break; keys that are not ours are put there last."""
    chance = random.Random(f"all {seed}")
    ours = [each for each in CORRUPTIONS if not each.__name__.endswith("not_ours")]
    others = [each for each in CORRUPTIONS if each not in ours]
    left: set[str] = set()
    for corruption in chance.sample(ours, len(ours)) + chance.sample(others, len(others)):
        with contextlib.suppress(AssertionError, JunmaiJobsError):
            broken = corruption(scene, chance)
            left |= broken.lost if is_left(broken) else set()
    laws = {violation.law for violation in scene.repair()}
    assert len(laws) >= MANY
    assert laws_of(scene) == left
    scene.lost_runs()
    scene.work()
    assert laws_of(scene) == left
    assert scene.unfinished() == left


def test_what_is_not_ours_is_moved_away_whole(scene: Scene) -> None:
    store = scene.store
    key = store.keys.queue("night", "ready")
    store.admin.delete(key)
    store.admin.set(key, "photographs")
    scene.repair()
    (moved,) = forget_what_was_moved_away(scene)
    assert moved.decode().startswith(f"{store.keys.prefix}aside:q:night:ready:")


def test_a_schedule_whose_time_zone_is_not_known_here_holds_up_nobody(scene: Scene) -> None:
    store = scene.store
    (job_id, *_) = scene.jobs["ready"]
    body = Body(queue="default", priority=5, task="noop", args=()).encode()
    nightly = Schedule(name="nightly", timetable=Timetable(cron="0 3 * * *", tz="Europe/Nowhere"), body=body)
    store.admin.hset(store.keys.schedules, "nightly", nightly.encode())
    store.admin.zadd(store.keys.ticks, {"nightly": 2e12})
    (home,) = store.homes(job_id)
    store.admin.zrem(store.keys.queue("default", home), job_id)
    assert {(each.law, each.where) for each in scene.repair()} >= {("newer", "nightly"), ("home", job_id)}
    assert store.homes(job_id) == [home]
    assert store.admin.zscore(store.keys.ticks, "nightly") == 2e12


def test_every_law_is_broken_by_one(scene: Scene) -> None:
    laws = set()
    for corruption in sorted(CORRUPTIONS, key=lambda each: each.__name__.endswith("not_ours")):
        with contextlib.suppress(AssertionError, JunmaiJobsError):
            laws.add(corruption(scene, random.Random(7)).law)
    assert laws == set(LAWS)


def test_the_type_of_every_key_is_looked_at() -> None:
    text = (Path(junmai_jobs.__file__).parent / "lua" / "lib" / "laws_of_keys.lua").read_text("utf-8")
    keys = text.partition("examine_fixed_keys()")[2].partition("\nend")[0]
    assert set(Keys._fields) - {"prefix"} <= set(re.findall(r"\w+", keys))


def test_the_docs_tell_of_every_law() -> None:
    page = (Path(__file__).parents[2] / "docs" / "repair.md").read_text("utf-8")
    table = page.partition("## The laws")[2].partition("\n## ")[0]
    told = {
        law
        for row in table.splitlines()
        if row.startswith("| `")
        for law in re.findall(r"`(\w+)`", row.split(": ")[0])
    }
    assert told == set(LAWS)
