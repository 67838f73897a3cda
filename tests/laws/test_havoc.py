"""Whatever chance made of a store, one repair puts it right: nothing is lost, nothing is doubled."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES
from junmai_jobs.record import read_body
from tests.laws.havoc import Havoc, Life
from tests.laws.scene import QUEUES

if TYPE_CHECKING:
    from junmai_jobs.laws import Violation
    from tests.laws.scene import Scene

SEEDS = 25
CALLS, DEEDS = 60, 12


def bodies_in(scene: Scene) -> dict[bytes, bytes]:
    store = scene.store
    if store.admin.type(store.keys.bodies) != b"hash":
        return {}
    return dict(store.admin.hgetall(store.keys.bodies))


def homes_in(scene: Scene) -> dict[bytes, list[str]]:
    """All of every id that is in any, of the queues that are known."""
    store, found = scene.store, dict[bytes, list[str]]()
    names = [getattr(store.keys, word) for word in FINISHED_HOMES]
    lanes = store.line("queues")
    for key in [*names, *(store.keys.queue(lane, kind) for lane in lanes for kind in QUEUE_HOMES)]:
        for member in store.admin.zrange(key, 0, -1):
            found.setdefault(member, []).append(key)
    return found


def found_in(scene: Scene) -> list[Violation]:
    return [each for each in scene.check() if each.law != "newer"]


def wake_all(scene: Scene) -> None:
    """What is to wait for a year or a thousand is due at once."""
    for queue in QUEUES:
        for kind in ("scheduled", "retrying"):
            home = scene.store.keys.queue(queue, kind)
            for job_id in scene.store.admin.zrange(home, 0, -1):
                scene.store.admin.zadd(home, {job_id: 0})


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happened_is_repaired(scene: Scene, seed: int) -> None:
    chance, store = random.Random(f"havoc {seed}"), scene.store
    life, havoc = Life(store, chance), Havoc(store, chance)
    life.go_on(CALLS)
    deeds = [havoc.act() for _ in range(chance.randrange(1, DEEDS))]
    before = bodies_in(scene)
    scene.check()
    told = {violation.law for violation in scene.repair()}
    assert found_in(scene) == [], deeds
    after, homes = bodies_in(scene), homes_in(scene)
    assert after.items() >= before.items(), (deeds, told)
    intact = {job_id for job_id, body in before.items() if read_body(body) is not None}
    assert {job_id: homes.get(job_id) for job_id in intact if len(homes.get(job_id, [])) != 1} == {}, deeds
    with scene.unchanged():
        scene.repair()
    life.go_on(CALLS)
    life.stop()
    scene.lost_runs()
    store.expire(*QUEUES, "elsewhere")
    scene.work()
    wake_all(scene)
    scene.work()
    unreadable = {job_id.decode("utf-8", "replace") for job_id in before.keys() - intact}
    left = [
        each
        for each in found_in(scene)
        if not unreadable & {each.where, *re.findall(r"[^\s,]+", each.detail)}
    ]
    assert left == [], deeds
    if "newer" not in told:
        over = {
            job_id
            for word in FINISHED_HOMES
            for job_id in store.admin.zrange(getattr(store.keys, word), 0, -1)
        }
        assert intact & bodies_in(scene).keys() <= over, deeds


def act_beside(scene: Scene, life: Life, patch: pytest.MonkeyPatch) -> None:
    """Before and behind each look at a page somebody makes a call."""
    examine = scene.store.broker.examine

    def looked(*given: Any, **options: Any) -> Any:
        life.go_on(2)
        found = examine(*given, **options)
        life.go_on(1)
        return found

    patch.setattr(scene.store.broker, "examine", looked)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whoever_acts_meanwhile_breaks_no_law(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    life = Life(scene.store, random.Random(f"life {seed}"))
    life.go_on(CALLS)
    act_beside(scene, life, monkeypatch)
    assert scene.check() == []
    assert scene.repair() == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whoever_acts_meanwhile_loses_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of what was not pruned meanwhile, and a healthy run goes on."""
    chance, store = random.Random(f"both {seed}"), scene.store
    life, havoc = Life(store, chance), Havoc(store, chance)
    life.go_on(CALLS)
    for _ in range(chance.randrange(1, DEEDS)):
        havoc.act()
    with monkeypatch.context() as patch:
        act_beside(scene, life, patch)
        scene.repair()
    scene.repair()
    assert found_in(scene) == []
    homes = homes_in(scene)
    intact = [job_id for job_id, body in bodies_in(scene).items() if read_body(body) is not None]
    assert {job_id: homes.get(job_id) for job_id in intact if len(homes.get(job_id, [])) != 1} == {}
