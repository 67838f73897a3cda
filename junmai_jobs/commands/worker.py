"""Commands on workers: ``worker`` runs one, ``workers`` shows them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import App, Command, pass_app
from junmai_jobs.commands.log_options import begin_log, log_options
from junmai_jobs.commands.output import note, print_table, say
from junmai_jobs.hints import misspelt
from junmai_jobs.inspector.base import STANDARD_QUEUES
from junmai_jobs.logs import LEVELS
from junmai_jobs.resources import Grade, in_words
from junmai_jobs.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _from(least: float) -> Callable[[click.Context, click.Parameter, float], float]:
    """Accept seconds from ``least`` to a day; NaN, which passes any range of click's, is none."""

    def check(_context: click.Context, _option: click.Parameter, seconds: float) -> float:
        from junmai_jobs.settings import LONGEST_LEASE  # noqa: PLC0415 - --help does without it

        if not least <= seconds <= LONGEST_LEASE:
            told = f"{seconds:g} is not a number of seconds from {least:g} to {LONGEST_LEASE}"
            raise click.BadParameter(told)
        return seconds

    return check


def _amounts(_context: click.Context, _option: click.Parameter, text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        pairs = [
            (name.strip(), float(amount)) for name, amount in (pair.split("=") for pair in text.split(","))
        ]
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list as in gpu=1,vram_mb=8000") from None
    if len(amounts := dict(pairs)) < len(pairs):
        raise click.BadParameter(f"{text!r} names something twice")
    return amounts


def _range(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    numbers = text.split(",")
    if len(numbers) != 2 or not all(number.strip().isdecimal() for number in numbers):
        raise click.BadParameter(f"{text!r} is no MIN,MAX as in 1,6")
    return int(numbers[0]), int(numbers[1])


_LEASE_HELP = "Seconds without a sign of life after which others may take its jobs."
_GRACE_HELP = "Seconds for which running jobs may go on when it is told to stop."


@click.command(cls=Command)
@click.option("--concurrency", type=int, metavar="N", help="How many jobs run at once.")
@click.option(
    "--autoscale",
    callback=_range,
    metavar="MIN,MAX",
    help="As many at once as there is work for, within these bounds.",
)
@click.option("--queues", metavar="A,B", help="Only these, a tie goes to the first; else all there are.")
@click.option("--loglevel", type=click.Choice(LEVELS, case_sensitive=False), help="How much to log.")
@log_options
@click.option(
    "--name", metavar="NAME", help="What it is called in lists and logs; no two of a host the same."
)
@click.option("--burst", is_flag=True, help="Stop when nothing is left that can run.")
@click.option(
    "--offer",
    "offers",
    callback=_amounts,
    metavar="A=N,B=N",
    help="What this machine has for jobs that need it, as in gpu=1,vram_mb=8000; else what is found.",
)
@click.option("--no-schedules", "schedules", flag_value=False, default=True, help="Fire no schedules.")
@click.option(
    "--lease", type=float, callback=_from(1), default=30.0, show_default=True, metavar="S", help=_LEASE_HELP
)
@click.option(
    "--grace", type=float, callback=_from(0), default=10.0, show_default=True, metavar="S", help=_GRACE_HELP
)
@click.option(
    "--claim-ahead",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    metavar="N",
    help="Let a process claim so many jobs at once. For floods of tiny ones; raise the next, too.",
)
@click.option(
    "--max-jobs-per-child",
    type=click.IntRange(1, 2**31),
    default=100,
    show_default=True,
    metavar="N",
    help="Give a slot a new process after so many jobs.",
)
@click.option(
    "--max-memory-per-child",
    type=click.FloatRange(1, 2**31),
    metavar="MB",
    help="Give a slot a new process once it has so much in memory after a job.",
)
@click.option(
    "--no-governor",
    "governor",
    flag_value=False,
    default=None,
    help="Do not look at who else uses the machine.",
)
@click.option(
    "--no-keep-awake",
    "keep_awake",
    flag_value=False,
    default=None,
    help="Let the computer sleep when it likes.",
)
@click.option(
    "--reload", "reloads", is_flag=True, help="For development: start again when the code of tasks changes."
)
@pass_app
def worker(
    app: App,
    /,
    queues: str | None,
    loglevel: str | None,
    log_file: str | None,
    *,
    reloads: bool,
    **settings: Any,
) -> None:
    """Run jobs until told to stop.

    SIGTERM or Ctrl-C: let running jobs go on for the grace, and stop. Ctrl-C again: stop at once.
    """
    if reloads:
        from junmai_jobs.commands import reload  # noqa: PLC0415 - only this option needs it

        if not reload.is_watched():
            click.get_current_context().exit(reload.keep_running())
        begun = time.time_ns()
        reload.read_config(app)
    from junmai_jobs.forkserver import start_forkserver  # noqa: PLC0415 - --help does without it
    from junmai_jobs.tasks import photo_task_modules  # noqa: PLC0415

    app.jobs.broker  # noqa: B018 - its server is found fit, before anything is started for it
    start_forkserver(photo_task_modules())
    from junmai_jobs.hosting import run_with_signals  # noqa: PLC0415 - --help does without it
    from junmai_jobs.worker import Worker  # noqa: PLC0415 - --help does without it

    (reload.register_tasks if reloads else App.register_tasks)(app)
    settings = {name: value for name, value in settings.items() if value is not None}
    level = loglevel or app.config.loglevel
    served = None if queues is None else dict.fromkeys(name.strip() for name in queues.split(","))
    chosen = app.jobs.worker_settings(queues=served, loglevel=level, log_file=log_file, **settings)
    running = Worker(chosen)
    begin_log(app, level, log_file, worker=running.name)
    if not chosen.task_modules:
        note("Warning: no tasks are known here, so nothing can run; --tasks MODULE names those there are")
    _warn_of_misspelt(app, (*(served or ()), *app.config.shortest_first))
    code = reload.run(running, app.config, begun) if reloads else run_with_signals(running)
    if reloads and code == reload.CHANGED:
        click.get_current_context().exit(code)
    app.mention({"worker": running.name, "exit_code": code}, lambda: None)
    click.get_current_context().exit(code)


def _warn_of_misspelt(app: App, served: Iterable[str]) -> None:
    """A queue that nobody has submitted to yet may be right; one whose name is all but another's is not."""
    known = {*app.jobs.inspector.queues(), *STANDARD_QUEUES, *app.config.queue_order}
    for queue, hint in misspelt(served, known):
        note(f"Warning: nothing has been in the queue {queue!r} yet; {hint}")


@click.command(cls=Command)
@pass_app
def workers(app: App) -> None:
    """Show who is alive, and what each slot runs."""
    found = app.jobs.workers()
    app.answer({"workers": found}, _print_workers, found)


def _print_workers(found: list[dict[str, Any]]) -> None:
    if not found:
        say("no worker is running: `junmai-jobs worker` starts one")
        return
    columns = ("WORKER", "SLOT", "JOB", "TASK", "FOR (s)", "QUEUES", "LAST SEEN (s ago)", "GOVERNOR", "")
    rows = [
        (
            worker["name"],
            slot["slot"],
            slot["job"],
            slot["task"],
            slot["running_s"],
            ", ".join(worker["queues"] or ("all",)),
            worker["silent_s"],
            (worker["governor"] or {}).get("grade"),
            "" if worker["alive"] else "silent",
        )
        for worker in found
        for slot in worker["slots"]
    ]
    print_table(columns, rows)
    for worker in found:
        governor = worker["governor"]
        if worker["alive"] and governor and governor["grade"] != Grade.FULL.word:
            say(clean(f"{worker['name']}: {in_words(governor)}"))
