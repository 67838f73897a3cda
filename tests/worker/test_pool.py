"""The pool by itself, its children only boards: what each may claim, and how many there are to be."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from junmai_jobs.board import Board
from junmai_jobs.pool import Pool
from junmai_jobs.resources import NOTHING, URGENT, Allowance, Grade
from junmai_jobs.settings import WorkerSettings

EASED, URGENT_ONLY, NONE = (Allowance(grade) for grade in (Grade.EASED, Grade.URGENT_ONLY, Grade.NONE))


class Line:
    """A line whose child reads nothing."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, _lanes: tuple[str, ...]) -> None:
        self.sent += 1


def pool_of(slots: int, fewest: int | None = None, alive: int | None = None) -> Pool:
    settings = WorkerSettings(
        endpoint=cast("Any", None), concurrency=slots, autoscale=None if fewest is None else (fewest, slots)
    )
    pool = Pool("w", settings, cast("Any", None))
    for slot in pool.slots[:alive]:
        enter(slot)
    return pool


def enter(slot: Any) -> None:
    """Give it a child that has nothing to do."""
    slot.prepare(Board(deadline=math.inf), 0)
    slot.process, slot._line = SimpleNamespace(), Line()


def least(pool: Pool) -> list[int]:
    pool.restrict()
    return [slot.board.least for slot in pool.slots if slot.process is not None]


def test_who_works_has_the_places_for_any_job() -> None:
    pool = pool_of(4)
    pool.allowance = EASED
    assert least(pool) == [0, 0, URGENT, URGENT]
    pool.slots[2].board.token = 7
    assert least(pool) == [0, URGENT, 0, URGENT]
    pool.allowance = NONE
    assert least(pool) == [NOTHING] * 4
    pool.allowance = Allowance()
    assert least(pool) == [0] * 4


def test_a_slot_without_a_process_takes_no_place() -> None:
    pool = pool_of(2, alive=0)
    enter(pool.slots[1])
    pool.allowance = EASED
    assert least(pool) == [0]


def test_who_works_is_sent_no_orders_that_nobody_reads() -> None:
    pool = pool_of(4)
    pool.allowance = EASED
    pool.slots[3].board.token = 7
    for turn in range(1000):
        pool.slots[0].board.token = pool.slots[1].board.token = turn % 2
        pool.restrict()
        pool.serve((f"queue-{turn}",))
    busy: Any = pool.slots[3]
    assert busy._line.sent < 10
    busy.board.orders_read = busy.board.orders
    pool.watch()
    assert busy._line.sent < 10
    busy.board.orders_read = busy.board.orders
    assert busy._wanted == ("queue-999",)


@pytest.mark.parametrize(
    ("allowance", "size"), [(Allowance(), 6), (EASED, 4), (URGENT_ONLY, 1), (NONE, 1)], ids=str
)
def test_it_grows_as_far_as_it_may_and_by_one_for_what_is_urgent(allowance: Allowance, size: int) -> None:
    pool = pool_of(6, fewest=1, alive=1)
    pool.allowance = allowance
    pool.slots[0].board.token = 7
    pool.fit(50)
    assert pool.size == size


def test_it_does_not_grow_while_a_run_is_to_be_alone() -> None:
    pool = pool_of(6, fewest=1, alive=1)
    pool.slots[0].board.token, pool.slots[0].board.alone = 7, True
    pool._choose_loner()
    pool.fit(10)
    assert pool.size == 1
    pool._let_loner_begin()
    assert pool.slots[0].board.granted == 7


def test_nobody_begins_alone_while_another_may_be_getting_a_job() -> None:
    pool = pool_of(2)
    pool.slots[0].board.token, pool.slots[0].board.alone = 7, True
    pool.slots[1].board.claiming = True
    pool._choose_loner()
    pool.restrict()
    pool._let_loner_begin()
    assert (pool.slots[0].board.granted, pool.slots[1].board.least) == (0, NOTHING)
    pool.slots[1].board.claiming = False
    pool._let_loner_begin()
    assert pool.slots[0].board.granted == 7


def test_it_does_not_churn_while_jobs_wait_that_nobody_can_take() -> None:
    pool = pool_of(6, fewest=1, alive=6)
    pool.size = 6
    for slot in pool.slots:
        slot.idle_since -= 60
    pool.fit(50)
    assert pool.size == 1
    for slot in pool.slots:
        if slot.board.retire:
            slot.process = None
    pool.fit(50)
    assert pool.size == 1


def test_a_run_that_began_after_the_doomed_one_is_not_ended_for_it() -> None:
    ended: list[str] = []
    pool = pool_of(1)
    cast("Any", pool)._broker = SimpleNamespace(
        end=lambda *_: ended.append("end"), release=lambda *_: ended.append("release")
    )
    slot: Any = pool.slots[0]
    slot.process = SimpleNamespace(pid=2**30, kill=lambda: None, exitcode=-9, join=lambda: None)
    slot.board.token = 7
    slot.kill_run(7, "timeout")
    slot.board.token = 8
    pool._settle(slot)
    assert ended == ["release"]
