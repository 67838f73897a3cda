"""What is planned before anything is submitted: no server is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import pytest

from junmai_jobs import (
    Abort,
    Group,
    OptionError,
    PayloadError,
    chain,
    chord,
    edge,
    group,
    result_of,
    task,
)
from junmai_jobs.codec import ResultOf, as_json, pack, unpack
from junmai_jobs.job import Body, Call
from junmai_jobs.limits import Concurrency
from junmai_jobs.options import Options
from junmai_jobs.workflow import Planned, ancestors_first, filled_in, results_in

if TYPE_CHECKING:
    from collections.abc import Callable

BY_SCORE = Concurrency(1, key="score:{score}")


@task
def measure(photo: int) -> float:
    return photo / 2


@task
def label(score: float, prefix: str = "") -> str:
    return f"{prefix}{score}"


@task
def best(scores: list[float]) -> float:
    return max(scores)


def dependencies(planned: Planned[Any]) -> str:
    return planned.new_job().dependencies


# ---- planning ------------------------------------------------------------------------------------


def test_a_planned_job_has_its_id_at_once_and_keeps_it() -> None:
    planned = measure.plan(1)
    assert planned.new_job().id == planned.new_job("batch").id == planned.id
    assert measure.plan(1).id != planned.id
    assert measure.with_options(id="mine").plan(1).id == "mine"


def test_its_content_is_the_same_each_time() -> None:
    first = measure.plan(1)
    planned = label.with_options(after=first).plan(result_of(first))
    assert planned.new_job("b") == planned.new_job("b")


def test_its_arguments_are_checked_at_once() -> None:
    with pytest.raises(PayloadError, match="measure"):
        measure.plan()  # type: ignore[call-arg]
    with pytest.raises(PayloadError, match=r"args\[0\] is a set"):
        measure.plan({1})  # type: ignore[arg-type]
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(PayloadError, match="nested more than"):
        best.plan(itself)


def test_a_job_that_may_turn_out_to_be_another_is_no_parent() -> None:
    with pytest.raises(OptionError, match=r"measure is unique.*plan it without unique"):
        measure.with_options(unique="x").plan(1)


def test_the_batch_stands_in_the_line_that_scripts_read() -> None:
    body = measure.plan(1).new_job("shoot-12").body
    assert Body.decode(body.replace(b"|@|", b"|0|")).extras == {"b": "shoot-12"}


# ---- edges ---------------------------------------------------------------------------------------


def test_a_result_makes_the_edge() -> None:
    first = measure.plan(1)
    assert dependencies(label.plan(result_of(first))) == f"cancel+={first.id}"
    assert dependencies(label.plan(score=result_of(first), prefix="x")) == f"cancel+={first.id}"
    assert dependencies(best.plan([result_of(first), result_of(first)])) == f"cancel+={first.id}"
    patient = label.with_options(after_policy="continue").plan(result_of(first))
    assert dependencies(patient) == f"continue+={first.id}"


def test_an_edge_has_its_own_policy() -> None:
    one, two = measure.plan(1), measure.plan(2)
    made = best.with_options(after=[edge(one, "continue"), two]).plan([result_of(one)])
    assert dependencies(made) == f"continue+={one.id} cancel={two.id}"
    assert made.parents == (one, two)


def test_an_edge_may_be_written_as_text() -> None:
    made = measure.with_options(after=["a", "continue=b", "cancel=a"]).plan(1)
    assert dependencies(made) == "cancel=a continue=b"
    assert made.parents == ()


def test_a_group_may_stand_in_after() -> None:
    parts = group(measure.plan(1), measure.plan(2))
    made = label.with_options(after=parts).plan(0.0)
    assert made.parents == parts.planned


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: edge("a", "ignore"), "the policy is 'ignore'; give 'cancel', 'continue' or 'failure'"),  # type: ignore[arg-type]
        (lambda: edge("a b", "cancel"), "after 'a b' is not an id"),
        (lambda: measure.with_options(after="ignore=a"), "after 'ignore=a' is not an id"),
        (lambda: measure.with_options(after="=a"), "after '=a' is not an id"),
        (
            lambda: measure.with_options(after=[edge("a", "failure"), "b"]),
            "the failure of all its parents or of none: give all the same policy",
        ),
        (
            lambda: label.with_options(after_policy="failure").plan(result_of(measure.plan(1))),
            "has no result of it to read",
        ),
        (lambda: result_of("a"), r"result_of\('a'\): give a planned job, a group or a handle"),  # type: ignore[call-overload]
        (lambda: group(measure), r"group\(<task measure>\): give planned jobs"),  # type: ignore[arg-type]
        (
            lambda: label.with_options(concurrency=BY_SCORE).plan(result_of(measure.plan(1))),
            r"the key 'score:\{score\}' names 'score', the result of another job: it is not known",
        ),
        (
            lambda: best.with_options(concurrency=Concurrency(1, key="{scores}")).plan(
                result_of(group(measure.plan(1), measure.plan(2)))
            ),
            r"names 'scores', the result of another job",
        ),
        (
            lambda: measure.with_options(concurrency=BY_SCORE).plan(1),
            r"the key 'score:\{score\}' names 'score', which is no argument; there are photo",
        ),
        (chain, r"chain\(\): begin with a planned job"),
        (lambda: chain(measure, label), r"chain\(<task measure>, \.\.\.\): begin with a planned job"),  # type: ignore[call-overload]
        (lambda: chain(measure.plan(1), label.plan(1.0)), "<planned label .* is not a task: give the task"),  # type: ignore[call-overload]
        (lambda: chord([measure.plan(1)], best), r"chord\(\[<planned measure .*\], \.\.\.\): give a group"),  # type: ignore[arg-type]
        (lambda: chord(group(measure.plan(1)), max), "<built-in function max> is not a task"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        make()


def test_all_may_wait_for_failures() -> None:
    options = Options().changed({"after": ["a", "b"], "after_policy": "failure"})
    assert options.dependencies == "failure=a failure=b"


# ---- shapes --------------------------------------------------------------------------------------


def test_a_chain() -> None:
    first = measure.plan(1)
    last: Planned[str] = chain(first, label)
    assert last.parents == (first,)


def test_a_chain_of_a_chord() -> None:
    parts = group(*(measure.plan(photo) for photo in range(3)))
    last: Planned[str] = chain(chord(parts, best), label)
    assert last.parents[0].parents == parts.planned
    places: Any = result_of(parts)
    assert places == [ResultOf(each.id) for each in parts]
    assert len(parts) == 3


def test_parents_come_before_children_however_long_the_line() -> None:
    line = [measure.plan(0)]
    for _ in range(3000):
        line.append(label.with_options(after=line[-1]).plan(0.0))  # type: ignore[arg-type]
    assert ancestors_first([line[-1], line[7]]) == line


@task
async def fetch(photo: int) -> bytes:
    return b"" * photo


@task
def weigh(data: bytes, *, factor: int = 2) -> int:
    return factor * len(data)


def test_types_go_through() -> None:
    """What a type checker must see; running it shows that the same calls work."""
    first = fetch.plan(1)
    assert_type(first, Planned[bytes])
    assert_type(result_of(first), bytes)
    assert_type(weigh.with_options(priority=1).plan(result_of(first)), Planned[int])
    assert_type(chain(first, weigh, measure, label), Planned[str])
    scores = group(*(measure.plan(photo) for photo in range(3)))
    assert_type(scores, Group[float])
    assert_type(result_of(scores), list[float])
    assert_type(chord(scores, best), Planned[float])


# ---- values --------------------------------------------------------------------------------------


def test_a_place_for_a_result_is_stored_and_shown() -> None:
    made = ResultOf("a", measure.plan(1))
    assert unpack(pack([made])) == [ResultOf("a")]
    assert as_json({"x": [ResultOf("a")]}) == {"x": [{"result_of": "a"}]}
    assert [each.id for each in results_in([made, {"x": (ResultOf("b"), made)}])] == ["a", "b", "a"]


def test_results_go_into_their_places() -> None:
    call = Call("t", [ResultOf("a"), [1, ResultOf("b")]], {"x": {"y": ResultOf("a")}}, {"after": "cancel+=a"})
    filled = filled_in(call, lambda ids: {each: pack(each.upper()) for each in ids})
    assert filled == ("t", ["A", [1, "B"]], {"x": {"y": "A"}}, {"after": "cancel+=a"})


def test_nothing_is_asked_for_a_job_that_reads_none() -> None:
    def read(_: object) -> Any:
        raise AssertionError

    for options in ({}, {"after": "cancel=a"}):
        call = Call("t", [1], {}, options)
        assert filled_in(call, read) is call


def test_a_result_that_is_gone() -> None:
    call = Call("t", [ResultOf("a")], {}, {"after": "cancel+=a"})
    with pytest.raises(Abort, match="the result of job a, which this one reads, is not kept any more"):
        filled_in(call, lambda _: {})
