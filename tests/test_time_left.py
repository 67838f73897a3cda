"""The time left of a session, out of what was learnt of jobs like those that are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.progress import Progress

from junmai_jobs.commands.time_left import TimeLeftColumn
from junmai_jobs.estimates import Like, Observation, lessons
from junmai_jobs.job import new_id
from junmai_jobs.plan import Work
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.sessions import apply_preset
from junmai_jobs.time_left import TimeLeft

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Work]:
    """Of a hundred photos, whose files nobody may open: what each is like is not known."""
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path / "home"))
    tasks = [process_photo] * 100 + [apply_preset] * 100
    made = [
        Work(task.with_options(id=f"{task.name}-{number}"), {"photo_id": number}, number)
        for number, task in enumerate(tasks)
    ]
    return {work.id: work for work in made}


def teach(jobs: JobQueue, task: str, *seconds: float) -> None:
    jobs.broker.learn(new_id(), lessons({Like(task): [Observation(each) for each in seconds]}), most=1600)


def test_it_is_what_the_jobs_that_are_left_take_on_the_slots_there_are(
    jobs: JobQueue, works: dict[str, Work]
) -> None:
    photos, presets = list(works)[:100], list(works)[100:]
    teach(jobs, process_photo.name, *[0.5] * 8, 4.0)  # a mean of 8/9 s: a sum is not told by medians
    left = TimeLeft(jobs, works)
    assert jobs.config.max_concurrent_jobs == 3
    assert left.of(photos) == pytest.approx(100 * 8 / 9 / 3)
    assert left.of(photos[:9]) == pytest.approx(8 / 3)
    assert left.of([*photos, *presets]) is None, "nobody has seen a preset applied"
    jobs.broker.register("w", {"queues": None, "concurrency": 8, "claimers": []})
    assert left.of(photos) == pytest.approx(100 * 8 / 9 / 8)


def test_nothing_is_left_of_nothing(jobs: JobQueue, works: dict[str, Work]) -> None:
    assert TimeLeft(jobs, works).of([]) == 0


def test_the_bar_shows_it_and_else_how_fast_it_grew() -> None:
    column, bars = TimeLeftColumn(), Progress()
    for more in ({"left": 3725.2}, {}, {"left": None}):
        bars.add_task("Photos", total=10, **more)
    assert [column.render(bar).plain for bar in bars.tasks] == ["1:02:05", "-:--:--", "-:--:--"]
