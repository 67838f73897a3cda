"""``top`` as a person has it: in a real terminal, on a real server, with a real worker, by keys."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from rich.cells import cell_len

from tests.command_line import COMMAND
from tests.terminals import terminal
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.studios import Studio
    from tests.terminals import Terminal

PANES = ("QUEUES", "RUNNING", "WAITING", "FAILED")
WILD = "[red]写真[/red] \x1b[31m\x1b[2J of the wedding, which has a very long name indeed"
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


def panes_of(screen: str) -> list[str]:
    """The first word of what begins a pane, in their order."""
    return [line.split(" ")[0] for line in screen.split("\n") if line.startswith(PANES)]


def is_whole(terminal: Terminal, width: int, height: int) -> bool:
    """Whether every line fits, none has wrapped, each pane is there once, and the keys are at the end."""
    lines = terminal.screen("-J")
    return (
        len(lines) == height
        and max(map(cell_len, lines)) <= width
        and panes_of("\n".join(lines)) == list(PANES)
        and lines[-1].startswith("q quit")
    )


def test_keys_act(any_studio: Studio) -> None:
    studio = any_studio
    failed, running, later = (
        studio.submit("explode", "boom"),
        studio.submit("develop", "church"),
        studio.submit("add", "1", "--delay", "500"),
    )
    studio.work()
    studio.wait_for(running, "running")
    studio.wait_for(failed, "failed")
    with studio.top(100, 30) as terminal:
        terminal.until(lambda screen: "40%" in screen and "church" in screen and "ValueError: boom" in screen)
        terminal.type("p")
        wait_until(lambda: studio.jobs.inspector.paused() == ["high_priority"], what="a queue to be paused")
        terminal.until(lambda screen: re.search(r"high_priority .* paused", screen) is not None)
        terminal.type("j", "p")
        wait_until(lambda: len(studio.jobs.inspector.paused()) == 2, what="the next one to be paused")
        terminal.type("Up", "p")
        wait_until(lambda: studio.jobs.inspector.paused() == ["medium_priority"], what="one to go on")

        terminal.type("Tab", "Right", "Tab")
        terminal.until("r retry")
        terminal.type("Enter")
        terminal.until(
            lambda screen: f"job {failed}" in screen and "ATTEMPT" in screen and "failed" in screen
        )
        terminal.type("End")
        terminal.until("raise ValueError(text)")
        terminal.type("Escape")
        terminal.until(lambda screen: panes_of(screen) == list(PANES))
        terminal.type("r")
        wait_until(lambda: len(studio.jobs.job(failed).history) == 2, what="another run")

        terminal.type("Left", "Enter")
        terminal.until(f"{later} is scheduled: ")
        terminal.type("Enter", "c")
        terminal.until(f"Cancel {later}? y/n")
        terminal.type("n")
        terminal.until(lambda screen: "y/n" not in screen)
        assert studio.status(later) == "scheduled"
        terminal.type("c")
        terminal.until("y/n")
        terminal.type("y")
        studio.wait_for(later, "cancelled")

        terminal.type("BTab", "c")
        terminal.until(f"Cancel {running}? y/n")
        terminal.type("y")
        studio.wait_for(running, "cancelled")
        terminal.until("nothing runs")

        terminal.type("?")
        terminal.until("scheduled, retrying or blocked")
        terminal.type("q")
        terminal.until(lambda screen: panes_of(screen) == list(PANES))
        terminal.type("q")
        screen = terminal.until("exit 0")
        assert screen.split("\n")[:2] == ["before", "exit 0"]


def test_enter_on_a_queue_shows_what_waits_in_it(studio: Studio) -> None:
    last = studio.submit("add", "1", "--queue", "high_priority", "--priority", "1")
    first = studio.submit("add", "1")
    with studio.top() as terminal:
        screen = terminal.until(first)
        assert screen.index(first) < screen.index(last)
        terminal.type("Enter")
        screen = terminal.until("next in high_priority")
        terminal.until(lambda screen: first not in screen and last in screen)
        terminal.type("Enter")
        terminal.until(first)


def test_sixty_columns_do_not_break_it(studio: Studio) -> None:
    for number in range(3):
        studio.submit("explode", WILD, "--queue", f"a-queue-with-a-name-that-is-much-too-long-{number}")
        studio.submit("develop", WILD)
    studio.work()
    with studio.top(60, 20) as terminal:
        terminal.until(lambda screen: "40%" in screen and "FAILED 3" in screen)
        terminal.until(lambda _: is_whole(terminal, 60, 20))
        assert "LATER" in "\n".join(terminal.screen())
        terminal.type("Tab")
        terminal.until(lambda screen: "[red]写真[/red]" in screen)
        terminal.until(lambda _: is_whole(terminal, 60, 20))
        terminal.type("Enter")
        # The first row is of a failed job or of one that runs, as they come: an error, or arguments in JSON.
        terminal.until("arrows scroll")
        terminal.until(lambda screen: r"\x1b[31m" in screen or r"\u001b[31m" in screen)
        assert max(map(cell_len, terminal.screen("-J"))) <= 60


def test_it_follows_the_size_of_the_terminal(studio: Studio) -> None:
    running = studio.submit("develop", "church")
    studio.work()
    with studio.top(80, 24) as terminal:
        terminal.until("40%")
        for width, height in ((60, 20), (160, 50), (40, 18), (80, 24)):
            terminal.resize(width, height)
            terminal.until(lambda _, width=width, height=height: is_whole(terminal, width, height))  # type: ignore[misc]
            terminal.until(lambda screen, width=width: (running in screen) == (width == 160))  # type: ignore[misc]


@pytest.mark.parametrize("no_color", [True, False])
def test_without_colour_it_has_none(studio: Studio, no_color: bool) -> None:
    studio.jobs.pause("default")
    with studio.top(80, 24, **({"NO_COLOR": "1"} if no_color else {})) as terminal:
        terminal.until("paused")
        styled = "\n".join(terminal.screen("-e"))
        assert (COLOUR.search(styled) is None) == no_color
        assert "\x1b[" in styled  # it is bold and reversed all the same


def test_a_server_that_goes_away_and_comes_back(studio: Studio) -> None:
    with studio.top(100) as terminal:
        terminal.until("QUEUES")
        studio.server.kill()
        screen = terminal.until("trying again")
        assert panes_of(screen) == list(PANES)
        terminal.type("p")
        terminal.until(lambda screen: screen.count("cannot be reached") == 2)
        studio.server.start()
        terminal.until(lambda screen: "trying again" not in screen)
        studio.submit("add", "1")
        terminal.until("WAITING 1")
        studio.server.pause()
        try:
            terminal.type("q")
            terminal.until("exit 0")
        finally:
            studio.server.resume()


@pytest.mark.parametrize("how", ["C-c", signal.SIGTERM, signal.SIGINT])
def test_however_it_ends_the_terminal_is_as_before(studio: Studio, how: str | signal.Signals) -> None:
    with studio.top() as terminal:
        terminal.until("QUEUES")
        if isinstance(how, str):
            terminal.type(how)
        else:
            (program,) = terminal.process.children()
            program.send_signal(how)
        assert terminal.until("exit 0").split("\n")[:2] == ["before", "exit 0"]
        terminal.type("typed", "Enter")
        terminal.until(
            lambda screen: screen.count("typed") == 2
        )  # what is typed is shown, and comes by lines


def test_it_ends_with_its_terminal(studio: Studio) -> None:
    with studio.top() as terminal:
        terminal.until("QUEUES")
        (program,) = terminal.process.children()
    assert not psutil.pid_exists(program.pid)


def test_without_a_server_it_does_not_begin(studio: Studio) -> None:
    studio.server.kill()
    with studio.top() as terminal:
        screen = terminal.until("exit 69")
        assert "cannot be reached: start it" in screen.replace("\n", " ")
        assert panes_of(screen) == []


def test_stats_at_sixty_columns_and_without_a_server(studio: Studio) -> None:
    command = [*COMMAND, "stats", "--watch"]
    variables = {name: value for name, value in studio.line.variables.items() if name != "COLUMNS"}
    with terminal(command, studio.line.folder, variables, 60, 20) as screen:
        screen.until("LATER")
        lines = screen.screen("-J")
        assert max(map(cell_len, lines)) <= 60
        assert sum("default" in line for line in lines) == 1
        studio.server.kill()
        screen.until("trying again")
        studio.server.start()
        screen.until(lambda shown: "trying again" not in shown)
        screen.type("C-c")
        screen.until("exit 0")
