"""The live view itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from junmai_jobs.commands.charts import Glyphs, cell
from junmai_jobs.commands.queue_table import held_back
from junmai_jobs.commands.top import views
from junmai_jobs.commands.top.feed import Away, Broken, Feed, Fresh, Opened, Told
from junmai_jobs.commands.top.pane import Pane, share
from junmai_jobs.commands.top.screens import HELP, Page, Question
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.wording import clean

_NARROW = 80
"""Columns below which the counts of what is for later stand in one."""
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_KEYS = {
    "queues": "p pause or resume  enter show what waits in it",
    "running": "c cancel  enter show all of it",
    "waiting": "b go first  c cancel  enter show all of it",
    "failed": "r retry  enter show all of it",
}


class Top(App[None]):
    """Queues, jobs and the machine, once a second, and keys that act on them.

    It has no colours but the terminal's own, and draws no lines.

    Args:
        jobs: whose.

    Raises:
        JunmaiJobsError: the server does not answer, at the beginning; later the first line says so.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; overflow: hidden; scrollbar-size: 0 0; }
    VerticalScroll { height: 1fr; scrollbar-size: 0 0; }
    Question { align: left bottom; }
    .line { height: 1; }
    #told { height: 1fr; min-height: 1; content-align: left bottom; }
    Pane { height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", priority=True),
        ("q", "quit"),
        ("ctrl+z", "suspend_process"),
        ("right", "app.focus_next"),
        ("left", "app.focus_previous"),
        ("p", "pause"),
        ("r", "retry"),
        ("b", "boost"),
        ("c", "cancel"),
        ("enter", "open"),
        ("question_mark", "help"),
    ]

    def __init__(self, jobs: JobQueue) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self.error: BaseException | None = None
        """A mistake of ours, for which it has ended."""
        self._opening = ""
        """The job that is to be shown as soon as it is read."""
        written_to = sys.__stderr__ if os.name == "posix" else sys.__stdout__  # by Textual
        self._glyphs = Glyphs.of(written_to)
        self._feed = Feed(jobs, self.post_message)
        self.snapshot = self._feed.look()

    def compose(self) -> ComposeResult:
        """The computer above, the lists below it, what keys do at the end."""
        for name in ("banner", "summary", "throughput", "hardware", "governors"):
            yield Static(id=name, classes="line")
        yield Pane("queues", views.QUEUES[False], self._glyphs, "no queues")
        yield Pane("running", views.RUNNING, self._glyphs, "nothing runs")
        yield Pane("waiting", views.WAITING, self._glyphs, "nothing that waits long enough to be read")
        yield Pane("failed", views.FAILED, self._glyphs, "nothing has failed")
        yield Static(id="told", classes="line")
        yield Static(id="keys", classes="line")

    def on_mount(self) -> None:
        """Begin to ask."""
        if os.name == "posix":
            for name in _ENDING:
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.exit)
        self._say("banner", "")
        self._show()
        self.query_one("#queues").focus()
        self._feed.start()

    def on_resize(self) -> None:
        """Make the best of the room there is now."""
        self._show()

    def on_descendant_focus(self) -> None:
        """Tell what keys do there."""
        self._show()

    # What the feed tells.

    def on_fresh(self, message: Fresh) -> None:
        """Show what there is now."""
        self.snapshot = message.snapshot
        self._say("banner", "")
        self._show()

    def on_away(self, message: Away) -> None:
        """Say that what is shown is old."""
        self._say("banner", f"trying again: {message.why}", "reverse bold red")

    def on_told(self, message: Told) -> None:
        """Show what came of a key."""
        self._say("told", message.what, "bold red" if message.failed else "bold")

    def on_opened(self, message: Opened) -> None:
        """Show one job, once, unless something else is to be read or answered by now."""
        if message.job.id != self._opening:
            return
        self._opening = ""
        if len(self.screen_stack) == 1:
            self.push_screen(Page(f"job {clean(message.job.id)}", views.details(message.job, message.why)))

    def on_broken(self, message: Broken) -> None:
        """End, and let it be seen."""
        self.error = message.error
        self.exit()

    # What keys do.

    def action_pause(self) -> None:
        """Pause the queue, or resume it."""
        if (name := self._selected("queues")) is None:
            return
        is_paused = self.snapshot.counts["queues"][name]["paused"]

        def order(jobs: JobQueue) -> Told:
            if is_paused:
                jobs.resume(name)
            else:
                jobs.pause(name)
            return Told(f"{name} goes on" if is_paused else f"{name} is paused: nothing of it starts")

        self._feed.order(order)

    def action_retry(self) -> None:
        """Have the failed job wait again."""
        if (job_id := self._selected("failed")) is None:
            return

        def order(jobs: JobQueue) -> Told:
            jobs.retry(job_id)
            return Told(f"{job_id} waits again")

        self._feed.order(order)

    def action_boost(self) -> None:
        """Have the job come first of all."""
        if (job_id := self._selected("waiting")) is None:
            return

        def order(jobs: JobQueue) -> Told:
            waits = jobs.boost(job_id)
            return Told(f"{job_id} goes first" if waits else f"{job_id} runs already")

        self._feed.order(order)

    def action_cancel(self) -> None:
        """Ask, then cancel the job."""
        if job_id := self._selected("running", "waiting"):
            question = f"Cancel {clean(job_id)}?"
            self.push_screen(Question(question), partial(self._cancel, job_id))

    def _cancel(self, job_id: str, agreed: bool | None) -> None:
        def order(jobs: JobQueue) -> Told:
            at_once = jobs.cancel(job_id)
            return Told(f"{job_id} is cancelled" if at_once else f"{job_id} was told to stop")

        if agreed:
            self._feed.order(order)

    def action_open(self) -> None:
        """Show all of a job; of a queue what waits in it, or again of all."""
        if name := self._selected("queues", quiet=True):
            self._feed.queue = None if self._feed.queue == name else name
            self._feed.order(lambda _jobs: Told(""))
        elif job_id := self._selected("running", "waiting", "failed"):
            self._opening = job_id
            self._feed.order(lambda jobs: Opened.read(jobs, job_id))

    def action_help(self) -> None:
        """Tell the keys."""
        self.push_screen(Page("junmai-jobs top", Text(HELP)))

    def _selected(self, *panes: str, quiet: bool = False) -> str | None:
        """The key of the row that a key is meant for, if it means anything there."""
        if len(self.screen_stack) > 1:
            return None
        focused = self.focused
        if isinstance(focused, Pane) and focused.id in panes:
            return focused.selected
        if not quiet:
            self._say("told", f"that key is for the list of {' or '.join(panes)}: tab goes there", "bold red")
        return None

    # How it looks.

    def _say(self, where: str, what: str, style: str = "") -> None:
        """Fill a line; it is not there without anything in it, unless what is below would move."""
        line = self.query_one(f"#{where}", Static)
        line.update(Text(cell(clean(what), self.size.width, self._glyphs), style, no_wrap=True), layout=False)
        line.display = bool(what) or where not in {"banner", "governors"}

    def _show(self) -> None:
        found, width = self.snapshot, self.size.width
        self._say("summary", views.summary(found), "bold")
        self._say("throughput", views.throughput(found, width, self._glyphs))
        self._say("hardware", views.hardware(found.hardware))
        self._say("governors", "; ".join(held_back(found.counts)), "yellow")
        focused = self.screen_stack[0].focused  # also while something is laid over it
        keys = _KEYS[focused.id or ""] if isinstance(focused, Pane) else ""
        self._say("keys", f"q quit  ? help  tab next  {keys}", "dim")
        panes = {pane.id: pane for pane in self.query(Pane)}
        statuses, narrow = found.counts["jobs_by_status"], width < _NARROW
        queues = views.queue_rows(found, narrow=narrow)
        panes["queues"].show("QUEUES", queues, views.QUEUES[narrow])
        panes["running"].show(f"RUNNING {statuses['running']:,}", views.running_rows(found, self._glyphs))
        only = f" in {self._feed.queue}" if self._feed.queue else ""
        panes["waiting"].show(
            f"WAITING {found.counts['total_pending']:,}, next{only}", views.waiting_rows(found)
        )
        panes["failed"].show(f"FAILED {statuses['failed']:,}, last", views.failed_rows(found))
        room = self.size.height - sum(line.display for line in self.query(".line"))
        for pane, height in zip(panes.values(), share(room, list(panes.values())), strict=True):
            pane.styles.height = height
