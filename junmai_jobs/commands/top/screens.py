"""What ``top`` lays over itself: one job, a question, its keys."""

from __future__ import annotations

from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

HELP = """\
tab, right        the next list
shift+tab, left   the list before
down j, up k      the next row, the row before
g, G              the first row, the last
p                 queues: pause, or resume
enter             queues: show only what waits in it, or all
                  jobs: show all of one
b                 waiting: have it go first
c                 running, waiting: cancel, once you say y
r                 failed: have it wait again
q                 leave

Of each list the first 50 are shown: of what runs the
longest, of what waits the next, of what failed the last.
LATER is scheduled, retrying or blocked."""


class Page(Screen[None]):
    """Something to be read; longer than the terminal, it is scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter,question_mark", "dismiss"),
        ("down,j", "scroll('scroll_down')"),
        ("up,k", "scroll('scroll_up')"),
        ("pagedown,space", "scroll('scroll_page_down')"),
        ("pageup", "scroll('scroll_page_up')"),
        ("home,g", "scroll('scroll_home')"),
        ("end,G", "scroll('scroll_end')"),
    ]

    def __init__(self, title: str, content: RenderableType) -> None:
        super().__init__()
        self._heading = title
        self._content = content

    def compose(self) -> ComposeResult:
        """The title, the text, and how to go back."""
        yield Static(Text(self._heading, "bold", no_wrap=True, overflow="ellipsis"), classes="line")
        with VerticalScroll(can_focus=False):
            yield Static(self._content)
        yield Static(Text("arrows scroll  esc back", "dim"), classes="line")

    def action_scroll(self, how: str) -> None:
        """Scroll one way or the other."""
        getattr(self.query_one(VerticalScroll), how)(animate=False)


class Question(ModalScreen[bool]):
    """Asks; y says yes; n, escape, q and enter say no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "dismiss(True)"),
        ("n,escape,q,enter", "dismiss(False)"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, at the lower edge."""
        yield Static(Text(f"{self._question} y/n", "reverse bold"))
