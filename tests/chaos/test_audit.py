"""The auditor itself: it accepts a sound store, and sees every kind of damage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import msgpack
import pytest

from junmai_jobs.endings import fail, retry, succeed
from junmai_jobs.keys import Keys
from tests.chaos.audit import Audit, audit
from tests.chaos.tasks import Line
from tests.verbs.store import ERROR, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.broker import Broker
    from junmai_jobs.job import Claimed
    from tests.backends import Backend, Backends

PID = 1
packed = cast("Callable[[str], bytes]", msgpack.packb)


@pytest.fixture
def backend(backends: Backends) -> Backend:
    return backends.get("redis")


class Scene:
    """One job, ``a``, that failed once and then succeeded, and what was written down of it."""

    def __init__(self, broker: Broker, admin: Any, namespace: str) -> None:
        self.admin, self.namespace, self.keys = admin, namespace, Keys.of(namespace)
        self.doomed: set[str] = set()
        broker.enqueue([new_job("a")])
        first = self._claim(broker, "1.1")
        broker.end(first, retry(0.0, ERROR))
        broker.promote(["default"])
        self.last = self._claim(broker, "1.2")
        self.journal = [*self._lines(first, "start"), *self._lines(self.last, "start", "end")]
        broker.end(self.last, succeed(packed(self.last.token)))

    def _claim(self, broker: Broker, request: str) -> Claimed:
        job = broker.claim("w/1", request, ["default"])
        assert job
        return job

    def _lines(self, job: Claimed, *events: str) -> list[Line]:
        return [Line(event, job.id, job.token, PID) for event in events]

    def audit(self) -> Audit:
        return audit(self.admin, self.namespace, ["a"], self.journal, self.doomed)


@pytest.fixture
def scene(backend: Backend, namespace: str, broker: Broker) -> Scene:
    return Scene(broker, backend.admin, namespace)


def test_a_sound_store_passes(scene: Scene) -> None:
    found = scene.audit()
    assert found.ok, found
    assert found.homes == {"succeeded": 1, "failed": 0, "cancelled": 0, "waiting": 0}
    assert found.events == {"failed": 1}


def lose_body(scene: Scene) -> None:
    scene.admin.hdel(scene.keys.bodies, "a")


def lose_home(scene: Scene) -> None:
    scene.admin.zrem(scene.keys.succeeded, "a")


def lose_all(scene: Scene) -> None:
    for key in scene.keys[:-1]:
        scene.admin.delete(key)


def wait_again(scene: Scene) -> None:
    scene.admin.zadd(scene.keys.queue("default", "ready"), {"a": 1})


def run_once_more(scene: Scene) -> None:
    scene.journal.append(Line("start", "a", str(int(scene.last.token) + 1), PID))


def run_one_token_twice(scene: Scene) -> None:
    scene.journal.append(Line("start", "a", scene.last.token, PID + 1))


def never_end(scene: Scene) -> None:
    scene.journal.pop()


def keep_another_result(scene: Scene) -> None:
    scene.admin.hset(scene.keys.results, "a", packed("1"))


def run_two_at_once(scene: Scene) -> None:
    line = scene.admin.hget(scene.keys.histories, "a").decode()
    finished = int(scene.last.token) // 1000 + 1
    before, _, after = line.partition('"finished":')
    scene.admin.hset(scene.keys.histories, "a", f'{before}"finished":{finished}{after[after.index(",") :]}')


def tell_another_state(scene: Scene) -> None:
    state = scene.admin.hget(scene.keys.states, "a").decode()
    scene.admin.hset(scene.keys.states, "a", state.replace("succeeded", "failed"))


def doom(scene: Scene) -> None:
    scene.doomed.add("a")


def fail_for_nothing(scene: Scene) -> None:
    lose_home(scene)
    scene.admin.zadd(scene.keys.failed, {"a": 1})
    tell_another_state(scene)


def forget_state(scene: Scene) -> None:
    scene.admin.hdel(scene.keys.states, "a")


def turn_tokens_back(scene: Scene) -> None:
    line = scene.admin.hget(scene.keys.histories, "a").decode()
    first = min(each.token for each in scene.journal)
    scene.admin.hset(scene.keys.histories, "a", line.replace(first, str(int(scene.last.token) + 1)))


def accept_two_ends(scene: Scene) -> None:
    """Two runs were told that they had succeeded; the store knows of the later."""
    first, later = scene.last.token, str(int(scene.last.token) + 1)
    scene.journal += [Line(event, "a", later, PID) for event in ("start", "end")]
    state = scene.admin.hget(scene.keys.states, "a").decode()
    scene.admin.hset(scene.keys.states, "a", state.replace(first, later))
    scene.admin.hset(scene.keys.results, "a", packed(later))


@pytest.mark.parametrize(
    ("damage", "kind", "what"),
    [
        (lose_body, "lost", "has no body"),
        (lose_home, "lost", "these homes: none"),
        (lose_all, "lost", "has no body and these homes: none"),
        (wait_again, "doubled", "has several homes: succeeded, ready"),
        (run_once_more, "doubled", "that the store forgot"),
        (accept_two_ends, "doubled", "that the store forgot"),
        (run_one_token_twice, "doubled", "ran 2 times with token"),
        (run_two_at_once, "doubled", "was over"),
        (turn_tokens_back, "doubled", "tokens that do not grow"),
        (never_end, "wrong", "whose run has not ended"),
        (keep_another_result, "wrong", "has the result of token 1,"),
        (tell_another_state, "wrong", "is in succeeded, its state says failed"),
        (doom, "wrong", "was to fail, and succeeded"),
        (fail_for_nothing, "wrong", "was not to fail, and did"),
        (forget_state, "wrong", "is in succeeded without a state"),
    ],
)
def test_damage_is_seen(scene: Scene, damage: Callable[[Scene], None], kind: str, what: str) -> None:
    damage(scene)
    found = scene.audit()
    assert not found.ok
    assert any(finding.kind == kind and what in finding.what for finding in found.findings), found


def test_what_was_to_fail_may(scene: Scene) -> None:
    doom(scene)
    fail_for_nothing(scene)
    found = scene.audit()
    assert found.ok, found
    assert found.homes["failed"] == 1


def test_all_that_was_acknowledged_is_somewhere(scene: Scene) -> None:
    assert replace(scene.audit(), homes={"succeeded": 0}).ok is False


def test_what_waits_is_counted_and_need_not_have_run(scene: Scene, broker: Broker) -> None:
    broker.enqueue([new_job("b"), new_job("c", delay=60.0)])
    found = audit(scene.admin, scene.namespace, ["a", "b", "c"], scene.journal)
    assert found.ok, found
    assert found.homes["waiting"] == 2


def test_a_job_may_fail_as_crashed_after_three_losses_only(scene: Scene, broker: Broker) -> None:
    broker.enqueue([new_job("b")])
    job = broker.claim("w/1", "1.3", ["default"])
    assert job
    broker.end(job, fail(ERROR, "crashed"))
    found = audit(
        scene.admin, scene.namespace, ["a", "b"], [*scene.journal, Line("start", "b", job.token, PID)]
    )
    assert found.crashed == 1
    assert [finding.kind for finding in found.findings] == ["wrong"]
