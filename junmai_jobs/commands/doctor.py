"""``doctor``: what is wrong, and what to type; with ``--repair`` it mends the store.

Exit codes: 0 where no check fails; 1 where one does; 69 where the server cannot be reached, as with every
command, after the checks that need no server have been shown. A check that cannot be made fails nothing.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import App, Command, Failure, Unavailable, confirm, pass_app
from junmai_jobs.commands.output import console, print_table, say
from junmai_jobs.wording import clean, count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from junmai_jobs.doctor import Check, Patient
    from junmai_jobs.laws import Violation

_WORDS = {True: "ok", False: "FAILED", None: "not known"}
_PLANS = 10
"""So often at most one repair shows what else is to be mended."""


@click.command(cls=Command)
@click.option("--repair", is_flag=True, help="Show what is broken in the store, ask, and mend it.")
@click.option("--dry-run", is_flag=True, help="With --repair: only show what would be mended.")
@click.option("--quick", is_flag=True, help="Leave out the look at every job.")
@click.option("--yes", is_flag=True, help="With --repair: do not ask.")
@pass_app
def doctor(app: App, *, repair: bool, dry_run: bool, quick: bool, yes: bool) -> None:
    """Examine server, settings, workers, queues, store and this computer; say what to type.

    Exit codes: 1 a check failed; 69 the server cannot be reached, which ends no check that needs none.
    """
    if (dry_run or yes) and not repair:
        raise click.UsageError("--dry-run and --yes go with --repair")
    if repair and quick:
        raise click.UsageError("--quick looks at no job, and --repair at all; give one of them")
    repairs, broken = _repair(app, dry_run=dry_run, yes=yes) if repair else (None, None)
    checks, away = _diagnose(app, quick=quick, broken=broken)
    document = {"checks": [check._asdict() for check in checks]}
    if repairs is not None:
        document["repairs"] = repairs
    app.answer(document, _show, checks)
    _end(checks, away)


# ---- repair --------------------------------------------------------------------------------------


def _repair(app: App, *, dry_run: bool, yes: bool) -> tuple[list[dict[str, Any]], list[Violation] | None]:
    """The plan; or, once a person has agreed, what was mended: others may have mended some of it before.

    And what is broken now, unless all looks were spent on mending.

    Where what is mended has shown what else is broken, that is another plan.
    """
    from junmai_jobs.doctor import store  # noqa: PLC0415 - --help does without
    from junmai_jobs.doctor.server import reach  # noqa: PLC0415

    patient, done = _patient(app), list[dict[str, Any]]()
    if (away := reach(patient)) is not None:
        raise away
    app.jobs.inspector  # noqa: B018 - its server is found fit, or this ends here
    for _ in range(_PLANS):
        plan = list(store.violations(patient))
        if not app.as_json:
            _show_plan(plan, more=store.hides_more(each.law for each in plan))
        to_mend = [each for each in plan if each.law != store.LEFT_ALONE]
        if dry_run or not to_mend:
            return done + _as_json(plan, done=False), plan
        confirm(f"Mend {count(len(to_mend), 'place')} in the namespace {patient.namespace}?", yes=yes)
        mended = [each for each in _as_json(store.repaired(patient), done=True) if each["done"]]
        done += mended
        if not app.as_json:
            say(f"{count(len(mended), 'place')} mended\n")
    return done, None


def _as_json(found: Iterable[Violation], *, done: bool) -> list[dict[str, Any]]:
    from junmai_jobs.doctor.store import LEFT_ALONE  # noqa: PLC0415 - --help does without

    return [
        {
            "law": each.law,
            "where": each.where,
            "detail": each.detail,
            "repair": each.repair,
            "done": done and each.law != LEFT_ALONE,
        }
        for each in found
    ]


def _show_plan(plan: list[Violation], *, more: bool) -> None:
    if not plan:
        say("the store keeps all laws: nothing is to be mended\n")
        return
    print_table(
        ("LAW", "WHERE", "SEEN", "REPAIR"),
        [(each.law, each.where, each.detail, each.repair) for each in plan],
    )
    say("what else is broken shows when these are mended\n" if more else "")


# ---- diagnosis -----------------------------------------------------------------------------------


def _diagnose(app: App, *, quick: bool, broken: list[Violation] | None) -> tuple[list[Check], str | None]:
    """All checks, and why the server cannot be reached, if it cannot."""
    from junmai_jobs.doctor import Unreachable, diagnose  # noqa: PLC0415 - --help does without

    checks: list[Check] = []
    try:
        with _patience(app):
            checks.extend(diagnose(lambda: _patient(app), quick=quick, broken=broken))
    except Unreachable as error:
        return checks, str(error)
    return checks, None


def _patience(app: App) -> AbstractContextManager[object]:
    """Show a person at a terminal that something is done."""
    if app.as_json or sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    return console(stderr=True).status("examining")


def _patient(app: App) -> Patient:
    from junmai_jobs.doctor import Patient  # noqa: PLC0415 - --help does without

    return Patient(
        app.config,
        app.server,
        app.config.namespace,
        allow_eviction=app.allow_eviction,
        options=tuple(app.given),
        register_tasks=app.register_tasks,
    )


def _show(checks: list[Check]) -> None:
    print_table(("CHECK", "", "FOUND"), [(check.name, _WORDS[check.ok], check.detail) for check in checks])
    for check in checks:
        if check.fix:
            say(f"\n{check.name}: type or set\n    {clean(check.fix)}")


def _end(checks: list[Check], away: str | None) -> None:
    if away is not None:
        raise Unavailable(away)
    failed = [check.name for check in checks if check.ok is False]
    if failed:
        raise Failure(f"{count(len(failed), 'check')} failed: {', '.join(failed)}")
