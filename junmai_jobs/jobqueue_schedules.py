"""What a ``JobQueue`` does with schedules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from junmai_jobs.errors import OptionError, PayloadError, ScheduleNotFound
from junmai_jobs.handle import JobHandle
from junmai_jobs.job import check_name, iso, new_id
from junmai_jobs.jobqueue_base import JobQueueBase
from junmai_jobs.schedule import Schedule, Timetable
from junmai_jobs.task import Task, as_task

R = TypeVar("R")


class JobQueueSchedules(JobQueueBase):
    """The part of ``JobQueue`` that is about schedules."""

    def schedule(
        self,
        name: str,
        task: Task[..., Any],
        /,
        *args: Any,
        every: Any = None,
        cron: str | None = None,
        tz: str | None = None,
        catch_up: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Have ``task(*args, **kwargs)`` submitted again and again; one of that name is replaced.

        Args:
            name: of the schedule; its jobs' ids begin with it.
            task: what to run; options go through ``task.with_options``.
            *args: of the task.
            every: seconds, a timedelta, or text as in ``90s``, ``1h30m``, ``2d``: at each multiple, in UTC.
            cron: five fields (minute, hour, day, month, weekday), or six with the second first.
            tz: the time zone of ``cron``; None: UTC.
            catch_up: when ticks are more than 30 s late ``skip`` them, fire the newest ``once``, or ``all``;
                None: ``once``.
            **kwargs: of the task.

        Raises:
            OptionError: one of these is wrong, or the schedule of that name stands at a task, in code.
            PayloadError: the arguments do not fit the task, or cannot be stored.
        """
        self.add_schedule(
            as_task(task).scheduled(name, Timetable.of(every, cron, tz, catch_up), args, kwargs)
        )

    def add_schedule(self, schedule: Schedule) -> None:
        """Store what ``Task.scheduled`` has made, see ``schedule``.

        Raises:
            OptionError: the schedule of that name stands at a task, in code.
        """
        found = self.inspector.schedules().get(schedule.name)
        known = found and Schedule.readable(schedule.name, found[0])
        if known and known.in_code:
            raise OptionError(
                f"the schedule {schedule.name} stands in the code of its task: take another name"
            )
        self.broker.schedule(schedule)

    def schedules(self) -> list[dict[str, Any]]:
        """All there are, by name, as ``junmai-jobs schedule list --json`` prints them.

        One that cannot be read has its ``name``, ``next_at`` and an ``error``.
        """
        rows = []
        for name, (spec, tick) in sorted(self.inspector.schedules().items()):
            row = _shown(name, spec)
            rows.append(row | {"next_at": None if tick is None or row.get("paused") else iso(tick)})
        return rows

    def unschedule(self, name: str) -> None:
        """Remove a schedule; its jobs stay. One that stands at a task comes back with the next worker.

        Raises:
            ScheduleNotFound: there is none of that name.
        """
        self.broker.unschedule(check_name(name, "schedule"), new_id())

    def pause_schedule(self, name: str) -> None:
        """Let a schedule's ticks pass by until ``resume_schedule``, whatever workers start meanwhile.

        Raises:
            ScheduleNotFound, PayloadError: there is none of that name; it cannot be read.
        """
        self.broker.schedule(replace(self._stored(name), paused=True))

    def resume_schedule(self, name: str) -> None:
        """Undo ``pause_schedule``: it goes on with the next tick, and fires none of those that passed.

        Raises:
            ScheduleNotFound, PayloadError: there is none of that name; it cannot be read.
        """
        self.broker.schedule(replace(self._stored(name), paused=False))

    def run_schedule(self, name: str) -> JobHandle[Any]:
        """Submit a schedule's job now, beside its ticks.

        Raises:
            ScheduleNotFound, PayloadError: there is none of that name; it cannot be read.
        """
        return self.enqueue([self._stored(name).job(new_id())])[0]

    def _stored(self, name: str) -> Schedule:
        found = self.inspector.schedules().get(check_name(name, "schedule"))
        if found is None:
            raise ScheduleNotFound.of(name)
        return Schedule.decode(name, found[0])


def _shown(name: str, spec: bytes) -> dict[str, Any]:
    try:
        return Schedule.decode(name, spec).as_dict()
    except (PayloadError, OptionError) as error:
        return {"name": name, "error": str(error)}
