"""``export`` and ``import``: a whole namespace in one file."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import click

from junmai_jobs.commands.app import App, Command, Failure, pass_app
from junmai_jobs.commands.output import note, say
from junmai_jobs.files import open_regular
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.keeping import Exported, Imported, Tell

_DASH = "-"
_ENDINGS = ("SIGTERM", "SIGHUP", "SIGBREAK")


@click.command(cls=Command)
@click.argument("file", type=click.Path(allow_dash=True))
@pass_app
def export(app: App, file: str) -> None:
    """Write all there is of a namespace into FILE: jobs, schedules, limits, history, values made before.

    Work goes on meanwhile. FILE is compressed if its name ends with .gz; `-` is standard output. For an exact
    copy stop the workers first. A file that is there is replaced if it is an export, and no other.
    """
    if file == _DASH and app.as_json:
        raise click.UsageError("--json and an export on standard output exclude each other: name a file")
    try:
        with _as_interrupts(), _progress("Exporting") as tell:
            done = app.jobs.export_to(_target(file), tell)
        if file == _DASH:
            sys.stdout.flush()
    except OSError as error:
        raise Failure(
            f"{file} cannot be written ({error.strerror or error}): choose another place"
        ) from error
    answer = {"file": file, "namespace": app.jobs.namespace, **done._asdict()}
    left = f"; {done.left_out:,} left out, which no version has stored so" if done.left_out else ""
    app.answer(answer, note if file == _DASH else say, _told(done) + left)


@click.command("import", cls=Command)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--discard", is_flag=True, help="Only throw away what an import has left that was killed.")
@pass_app
def import_file(app: App, file: str | None, *, discard: bool) -> None:
    """Bring back what `export` has written into FILE, of whichever namespace, into this one, which is empty.

    FILE is looked at as a whole before anything is written. Workers see all of it or nothing; a namespace in
    which one has run is not empty any more, as it brings schedules.
    """
    if discard and file is not None:
        raise click.UsageError("--discard and a FILE exclude each other: leave one of them out")
    if discard:
        app.jobs.discard_import()
        app.answer({"discarded": True}, say, "nothing is left of an unfinished import")
        return
    if file is None:
        raise click.UsageError("name the FILE to import")
    with _as_interrupts(), _source(file) as source, _progress("Importing") as tell:
        done = app.jobs.import_from(source, tell)
    answer = {"namespace": app.jobs.namespace, "jobs": done.jobs, "rows": done.rows}
    answer |= {"sha256": done.sha256, "export": done.header._asdict()}
    app.answer(answer, say, _told(done))


def _target(file: str) -> Path | IO[bytes]:
    if file != _DASH:
        return Path(file)
    if sys.stdout is None:  # it was closed before this process began
        raise OSError(0, "there is no standard output")
    return sys.stdout.buffer


def _told(done: Exported | Imported) -> str:
    return f"{count(done.jobs, 'job')} and {count(done.rows, 'row')} of what else there is"


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # it was closed before this process began
        raise OSError(0, "there is no standard input")
    return sys.stdin.buffer


@contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    """The file, or a copy of standard input, which can be read once only."""
    with ExitStack() as stack:
        try:
            if file == _DASH:
                source: BinaryIO = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))
                copyfileobj(_standard_input(), source)
            else:
                source = stack.enter_context(open_regular(Path(file)))
        except OSError as error:
            raise Failure(f"{file} cannot be read ({error.strerror or error}): name another file") from error
        yield source


@contextmanager
def _progress(label: str) -> Iterator[Tell]:
    """A bar on the terminal, if there is one."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    with click.progressbar(length=0, label=label, file=sys.stderr) as bar:

        def tell(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        yield tell


@contextmanager
def _as_interrupts() -> Iterator[None]:
    """What asks the process to end does so as Ctrl-C does: nothing is left half done.

    A signal that was ignored before, as under nohup, stays ignored.
    """
    known = [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]
    heeded = [each for each in known if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, signal.default_int_handler) for each in heeded}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
