"""What can go wrong with a store, done to jobs that chance chooses; each tells what law it breaks, where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from junmai_jobs.keys import FINISHED_HOMES
from tests.laws.scene import INPUT, LEARNT
from tests.verbs.store import BAND, NEWER_BODY

if TYPE_CHECKING:
    from random import Random

    from tests.laws.scene import Scene


class Broken(NamedTuple):
    """What a corruption has done."""

    law: str
    where: str
    lost: frozenset[str] = frozenset()
    """Jobs that cannot be saved: their body is gone, or they are not ours to touch."""
    stopped: frozenset[str] = frozenset()
    """Jobs whose runs do not count any more; they run again."""


Corruption = Callable[["Scene", "Random"], Broken]
CORRUPTIONS: list[Corruption] = []


def corruption(function: Corruption) -> Corruption:
    CORRUPTIONS.append(function)
    return function


def _home(scene: Scene, kind: str, queue: str = "default") -> str:
    return scene.store.keys.queue(queue, kind)


def _state(scene: Scene, job_id: str, **changes: str) -> None:
    state = scene.store.state(job_id)
    fields = {name: str(getattr(state, name)) for name in state.__slots__} | changes
    scene.store.damage_state(job_id, "|".join(fields.values()).encode())


# ---- homes and states ----------------------------------------------------------------------------


@corruption
def a_job_is_in_no_home(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ready"])
    scene.store.admin.zrem(_home(scene, "ready"), job_id)
    return Broken("home", job_id)


@corruption
def a_scheduled_job_is_in_line_too(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["scheduled"])
    scene.store.admin.zadd(_home(scene, "ready"), {job_id: 5 * BAND + 1})
    return Broken("home", job_id)


@corruption
def a_waiting_job_has_finished_too(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["retrying"])
    home = chance.choice(FINISHED_HOMES)
    scene.store.admin.zadd(getattr(scene.store.keys, home), {job_id: 1})
    return Broken("home", job_id)


@corruption
def a_running_job_is_in_line_too(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(sorted(scene.runs))
    scene.store.admin.zadd(_home(scene, "ready"), {job_id: 5 * BAND + 1})
    return Broken("home", job_id)


@corruption
def a_job_is_in_a_queue_that_is_not_its_own(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ready"])
    scene.store.admin.zadd(_home(scene, "ready", "night"), {job_id: 5 * BAND + 1})
    return Broken("home", job_id)


@corruption
def a_lease_is_lost(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["running"])
    scene.store.admin.zrem(_home(scene, "leases"), job_id)
    return Broken("home", job_id)


@corruption
def a_state_cannot_be_read(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["retrying"])
    scene.store.damage_state(job_id)
    return Broken("state", job_id)


@corruption
def the_state_of_a_run_cannot_be_read(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["running"])
    scene.store.damage_state(job_id)
    return Broken("state", job_id, stopped=frozenset({job_id}))


@corruption
def the_state_of_a_finished_job_is_lost(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["succeeded"])
    scene.store.admin.hdel(scene.store.keys.states, job_id)
    return Broken("state", job_id)


@corruption
def the_state_of_a_blocked_job_is_lost(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["child"])
    scene.store.admin.hdel(scene.store.keys.states, job_id)
    return Broken("state", job_id)


@corruption
def a_finished_job_is_in_line_again(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["succeeded"])
    scene.store.admin.zrem(scene.store.keys.succeeded, job_id)
    scene.store.admin.zadd(_home(scene, "ready", "night"), {job_id: 5 * BAND + 1})
    return Broken("state", job_id)


@corruption
def a_state_names_another_home(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["retrying"])
    _state(scene, job_id, word=chance.choice(["ready", "scheduled", "blocked"]))
    return Broken("state", job_id)


@corruption
def a_body_is_lost(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ready"][1:])
    scene.store.admin.hdel(scene.store.keys.bodies, job_id)
    return Broken("orphan", job_id, frozenset({job_id}))


@corruption
def the_body_of_a_run_is_lost(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["limited"])
    scene.store.admin.hdel(scene.store.keys.bodies, job_id)
    return Broken("orphan", job_id, frozenset({job_id}), frozenset({job_id}))


@corruption
def nobody_is_leased(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zadd(_home(scene, "leases"), {"nobody": 1})
    return Broken("orphan", "nobody")


# ---- runs ----------------------------------------------------------------------------------------


@corruption
def the_records_of_claimers_are_lost(scene: Scene, chance: Random) -> Broken:
    scene.store.admin.delete(scene.store.keys.claimers)
    return Broken("lease", chance.choice(sorted(scene.runs)))


@corruption
def the_record_of_a_row_is_lost(scene: Scene, chance: Random) -> Broken:
    scene.store.admin.hset(scene.store.keys.claimers, "v/row", "junk")
    return Broken("lease", chance.choice(scene.jobs["ahead"]))


@corruption
def the_record_of_a_claimer_is_damaged(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["running"])
    claimer = scene.store.state(job_id).claimer
    scene.store.admin.hset(
        scene.store.keys.claimers, claimer, chance.choice(["|||", "|other||", "|other|x|"])
    )
    return Broken("lease", job_id)


@corruption
def a_claimer_has_forgotten_its_job(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hset(scene.store.keys.claimers, "v/0", "1.99|other|17|")
    return Broken("lease", "running.0", stopped=frozenset({"running.0"}))


@corruption
def a_lease_names_no_token(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["running"])
    _state(scene, job_id, token="")
    return Broken("lease", job_id, stopped=frozenset({job_id}))


@corruption
def a_lease_names_no_claimer(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ahead"])
    _state(scene, job_id, claimer="")
    return Broken("lease", job_id, stopped=frozenset({job_id}))


@corruption
def what_a_run_holds_is_not_noted(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["limited"])
    scene.store.admin.zrem(scene.store.keys.holders, f"folder {job_id}")
    return Broken("holder", job_id)


@corruption
def what_no_run_holds_is_noted(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["succeeded"])
    scene.store.admin.zadd(scene.store.keys.holders, {f"folder {job_id}": 0, f"@studio {job_id} ram_mb=9": 0})
    return Broken("holder", job_id)


# ---- waits ---------------------------------------------------------------------------------------


@corruption
def a_parked_job_is_not_noted(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["parked"])
    entries = scene.store.admin.zrange(scene.store.keys.parked, 0, -1)
    scene.store.admin.zrem(
        scene.store.keys.parked, *[each for each in entries if each.endswith(job_id.encode())]
    )
    return Broken("waits", job_id)


@corruption
def nobody_looks_at_a_limit_again(scene: Scene, chance: Random) -> Broken:
    scene.store.admin.delete(scene.store.keys.limits_due)
    return Broken("waits", chance.choice(scene.jobs["parked"]))


@corruption
def who_does_not_wait_is_noted_as_parked(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ready"])
    scene.store.admin.zadd(scene.store.keys.parked, {f"folder {5:016} {job_id}": 0})
    return Broken("parked", job_id)


@corruption
def a_limit_is_looked_at_never(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zadd(scene.store.keys.limits_due, {"folder,2": "+inf"})
    return Broken("limit", "folder,2")


@corruption
def a_child_waits_for_nothing(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["child"])
    scene.store.admin.zrem(scene.store.keys.parents, f"{job_id} parent.0")
    return Broken("waits", job_id)


@corruption
def a_parent_does_not_know_its_child(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["child"])
    scene.store.admin.zrem(scene.store.keys.children, f"parent.0 {job_id} continue+")
    return Broken("edge", job_id)


@corruption
def a_parent_has_ended_and_nobody_tells(scene: Scene, chance: Random) -> Broken:
    scene.store.broker.cancel("parent.0", "person")
    scene.store.admin.delete(scene.store.keys.ended)
    return Broken("told", chance.choice(scene.jobs["child"]))


@corruption
def a_parent_is_gone(scene: Scene, chance: Random) -> Broken:
    scene.store.admin.hdel(scene.store.keys.bodies, "parent.0")
    scene.store.admin.zrem(_home(scene, "ready", "night"), "parent.0")
    return Broken("told", chance.choice(scene.jobs["child"]), frozenset({"parent.0"}))


# ---- what stands beside the jobs -----------------------------------------------------------------


@corruption
def leftovers_of_who_is_gone(scene: Scene, chance: Random) -> Broken:
    name = chance.choice(["states", "results", "histories", "progress_notes", "checkpoints", "log_lines"])
    scene.store.admin.hset(getattr(scene.store.keys, name), "nobody", b"junk")
    return Broken("leftover", "nobody")


@corruption
def a_result_of_nobody_is_to_be_forgotten(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zadd(scene.store.keys.expiring, {"nobody": 9e14})
    return Broken("leftover", "nobody")


@corruption
def nobody_is_in_a_batch(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zadd(scene.store.keys.members, {"shoot nobody": 0})
    return Broken("leftover", "nobody")


@corruption
def nobody_reads_of_nobody(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["child"])
    scene.store.admin.zadd(scene.store.keys.needed, {f"nobody {job_id}": 0})
    return Broken("leftover", job_id)


@corruption
def a_batch_has_forgotten_a_job(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["batch"])
    scene.store.admin.zrem(scene.store.keys.members, f"shoot {job_id}")
    return Broken("batch", job_id)


@corruption
def a_key_is_held_by_who_is_gone(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hset(scene.store.keys.uniques, "photo:9", "nobody alive 0")
    return Broken("unique", "photo:9")


@corruption
def a_key_is_held_by_nobody_that_can_be_read(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hset(scene.store.keys.uniques, "photo:9", "junk")
    return Broken("unique", "photo:9")


@corruption
def a_key_is_held_by_who_is_not_of_it(scene: Scene, chance: Random) -> Broken:
    other = chance.choice([*scene.jobs["ready"], *scene.jobs["succeeded"]])
    scene.store.admin.hset(scene.store.keys.uniques, "photo:1", f"{other} alive 0")
    return Broken("unique", "photo:1")


@corruption
def a_key_is_free_whose_job_lives(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hdel(scene.store.keys.uniques, "photo:1")
    return Broken("unique", "unique.0")


@corruption
def a_queue_is_not_known(scene: Scene, chance: Random) -> Broken:
    queue = chance.choice(["default", "night", "limited"])
    scene.store.admin.zrem(scene.store.keys.queues, queue)
    return Broken("queue", queue)


@corruption
def a_queue_is_the_name_of_none(scene: Scene, chance: Random) -> Broken:
    name = chance.choice(["A b", "", "default+gpu=x", "a:b"])
    scene.store.admin.zadd(scene.store.keys.queues, {name: 0})
    return Broken("queue_name", name)


def entry(name: str) -> Corruption:
    """One that is none, in a set that is read by name."""

    def an_entry_is_none(scene: Scene, chance: Random) -> Broken:
        junk = chance.choice(["junk", " ", f"{name} "])
        scene.store.admin.zadd(getattr(scene.store.keys, name), {junk: 0})
        return Broken("entry", junk)

    an_entry_is_none.__name__ = f"an_entry_of_{name}_is_none"
    return an_entry_is_none


@corruption
def an_entry_is_out_of_order(scene: Scene, chance: Random) -> Broken:
    key = getattr(
        scene.store.keys, chance.choice(["children", "parents", "members", "holders", "parked", "queues"])
    )
    one = chance.choice(scene.store.admin.zrange(key, 0, -1))
    scene.store.admin.zadd(key, {one: chance.choice([-1, 1, "+inf"])})
    return Broken("order", key)


CORRUPTIONS += map(entry, ("children", "parents", "needed", "members", "holders", "parked", "limits_due"))


@corruption
def a_schedule_has_no_tick(scene: Scene, _: Random) -> Broken:
    scene.store.admin.delete(scene.store.keys.ticks)
    return Broken("tick", scene.schedule_name)


@corruption
def a_tick_is_no_time(scene: Scene, chance: Random) -> Broken:
    scene.store.admin.zadd(scene.store.keys.ticks, {scene.schedule_name: chance.choice(["+inf", -1, 0.5])})
    return Broken("tick", scene.schedule_name)


@corruption
def a_tick_is_of_no_schedule(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zadd(scene.store.keys.ticks, {"nightly": 9e14})
    return Broken("tick", "nightly")


@corruption
def a_value_is_never_pushed_out(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zrem(scene.store.keys.cache_uses, "noop 1 1")
    return Broken("cache", "noop 1 1")


@corruption
def a_value_is_not_kept(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zadd(scene.store.keys.cache_uses, {"noop 1 9": 1})
    return Broken("cache", "noop 1 9")


@corruption
def the_size_of_values_is_wrong(scene: Scene, chance: Random) -> Broken:
    wrong = chance.choice([-5, 0, 7, 10**12])
    scene.store.admin.hset(scene.store.keys.meta, "cache_bytes", wrong)
    return Broken("cache_bytes", scene.store.keys.meta)


@corruption
def a_suspect_is_never_forgotten(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zrem(scene.store.keys.suspected, INPUT)
    return Broken("suspect", INPUT)


@corruption
def a_suspect_is_suspect_of_nothing(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hdel(scene.store.keys.suspects, INPUT)
    return Broken("suspect", INPUT)


@corruption
def what_was_learnt_is_never_forgotten(scene: Scene, _: Random) -> Broken:
    scene.store.admin.zrem(scene.store.keys.observed, LEARNT)
    return Broken("learnt", LEARNT)


@corruption
def what_was_learnt_says_nothing(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hdel(scene.store.keys.observations, LEARNT)
    return Broken("learnt", LEARNT)


@corruption
def a_worker_has_not_said_what_it_is(scene: Scene, chance: Random) -> Broken:
    name = chance.choice(["w", "v"])
    scene.store.admin.hdel(scene.store.keys.worker_info, name)
    return Broken("worker", name)


@corruption
def a_worker_shows_no_sign_of_life(scene: Scene, chance: Random) -> Broken:
    name = chance.choice(["w", "v"])
    scene.store.admin.zrem(scene.store.keys.workers, name)
    return Broken("worker", name)


# ---- numbers -------------------------------------------------------------------------------------


@corruption
def the_last_token_is_none(scene: Scene, chance: Random) -> Broken:
    junk = chance.choice(["junk", "-1", "9" * 16, "1" * 30, "1.5"])
    scene.store.admin.hset(scene.store.keys.meta, "token", junk)
    return Broken("token", scene.store.keys.meta)


@corruption
def the_last_token_is_an_old_one(scene: Scene, _: Random) -> Broken:
    scene.store.admin.hset(scene.store.keys.meta, "token", 17)
    return Broken("token", scene.store.keys.meta)


@corruption
def the_last_place_is_none(scene: Scene, chance: Random) -> Broken:
    junk = chance.choice(["junk", "", "9223372036854775807", "5000000000000"])
    scene.store.admin.hset(scene.store.keys.meta, "sequence", junk)
    return Broken("sequence", scene.store.keys.meta)


@corruption
def the_last_place_is_lost(scene: Scene, chance: Random) -> Broken:
    if chance.random() < 0.5:
        scene.store.admin.hdel(scene.store.keys.meta, "sequence")
    else:
        scene.store.admin.hset(scene.store.keys.meta, "sequence", 2)
    return Broken("sequence", scene.store.keys.meta)


@corruption
def a_place_in_line_is_none(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ready"])
    score = chance.choice([-1, 5 * BAND + 0.5, 11 * BAND, "+inf", "-inf", 2.0**60])
    scene.store.admin.zadd(_home(scene, "ready"), {job_id: score})
    return Broken("score", job_id)


@corruption
def a_time_is_none(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["scheduled"])
    scene.store.admin.zadd(_home(scene, "scheduled"), {job_id: chance.choice(["+inf", 1e16, -7, 0.25])})
    return Broken("score", job_id)


@corruption
def a_lease_lasts_for_ever(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["running"])
    scene.store.admin.zadd(_home(scene, "leases"), {job_id: "+inf"})
    return Broken("score", job_id)


@corruption
def a_job_will_have_finished(scene: Scene, chance: Random) -> Broken:
    word = chance.choice(FINISHED_HOMES)
    job_id = chance.choice(scene.jobs[word])
    scene.store.admin.zadd(getattr(scene.store.keys, word), {job_id: 9e14})
    return Broken("score", job_id)


# ---- what is not ours ----------------------------------------------------------------------------


@corruption
def a_body_cannot_be_read(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["ready"])
    scene.store.damage(job_id)
    return Broken("body", job_id)


@corruption
def the_arguments_in_a_body_cannot_be_read(scene: Scene, chance: Random) -> Broken:
    job_id = chance.choice(scene.jobs["scheduled"])
    scene.store.damage(job_id, b"1default|5\n\xc1junk")
    return Broken("body", job_id)


@corruption
def a_job_is_of_a_newer_version(scene: Scene, _: Random) -> Broken:
    """In a queue of its own, since it closes that."""
    scene.store.add("newer", queue="later")
    scene.store.damage("newer", NEWER_BODY.replace(b"default", b"later"))
    return Broken("newer", "newer", frozenset({"newer"}))


def foreign(name: str, put: Callable[[Any, str], object]) -> Corruption:
    """Something else stands in the place of a key."""

    def a_key_is_not_ours(scene: Scene, _: Random) -> Broken:
        known = scene.store.keys
        key = (
            known.queue("night", name) if name in {"ready", "bell", "retrying"} else str(getattr(known, name))
        )
        scene.store.admin.delete(key)
        put(scene.store.admin, key)
        return Broken("foreign_key", key)

    a_key_is_not_ours.__name__ = f"the_key_{name}_is_not_ours"
    return a_key_is_not_ours


CORRUPTIONS += (
    foreign("ready", lambda admin, key: admin.set(key, "photographs")),
    foreign("bell", lambda admin, key: admin.zadd(key, {"photographs": 1})),
    foreign("retrying", lambda admin, key: admin.hset(key, "photographs", 1)),
    foreign("holders", lambda admin, key: admin.rpush(key, "photographs")),
    foreign("succeeded", lambda admin, key: admin.sadd(key, "photographs")),
    foreign("event_stream", lambda admin, key: admin.set(key, "photographs")),
    foreign("paused", lambda admin, key: admin.xadd(key, {"photographs": 1})),
    foreign("uniques", lambda admin, key: admin.zadd(key, {"photographs": 1})),
)


@corruption
def the_stream_is_used_up(scene: Scene, _: Random) -> Broken:
    stream = scene.store.keys.event_stream
    scene.store.admin.xadd(stream, {"word": "x"}, id=f"{2**64 - 1}-{2**64 - 1}")
    return Broken("stream", stream)
