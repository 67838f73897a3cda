"""What every command shares: options that may stand before or after its name, and how an error ends it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import sys
import traceback
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from junmai_jobs.codec import as_json
from junmai_jobs.commands.output import as_typed_here, note
from junmai_jobs.config import load_config, redact
from junmai_jobs.errors import (
    ConfigError,
    JunmaiJobsError,
    OptionError,
    PayloadError,
    StoreUnavailable,
    UnknownTask,
)
from junmai_jobs.hints import extra as brought_by
from junmai_jobs.hints import meant
from junmai_jobs.host import current_folder
from junmai_jobs.tasks import register_photo_tasks
from junmai_jobs.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from junmai_jobs.config import Config
    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.server import Server

P = ParamSpec("P")
FAILED, INTERRUPTED = 1, 130
_OF_THE_CALLER = (UnknownTask, OptionError, PayloadError, ConfigError)


class App:
    """One call of the command line: its shared options, and what they lead to, made when first asked for."""

    def __init__(self) -> None:
        self.redis: str | None = None
        self.namespace: str | None = None
        self.config_file: Path | None = None
        self.tasks: list[str] = []
        self.as_json = False
        self.allow_eviction = False
        self.settings: dict[str, Any] = {}
        """Of the configuration, what the command's own options say instead."""

    @cached_property
    def config(self) -> Config:
        """The configuration, with the shared options in it.

        The processes that this one starts, and the tasks in them, read the same file.
        """
        if self.config_file is not None:
            os.environ["JUNMAI_CONFIG"] = str(self.config_file.expanduser().absolute())
        tasks = list(dict.fromkeys(self.tasks)) or None
        config = load_config(self.config_file, namespace=self.namespace, tasks=tasks, **self.settings)
        if config.exposed:
            note(
                f"Warning: there is a secret in {config.file}, which others may read: chmod 600 {config.file}"
            )
        return config

    @property
    def given(self) -> list[str]:
        """The shared options of this call, as they are typed; not an address with a password in it."""
        options: list[tuple[str, object]] = [] if _has_password(self.redis) else [("--redis", self.redis)]
        options += [("--namespace", self.namespace), ("--config", self.config_file)]
        options += [("--tasks", module) for module in self.tasks]
        return [word for name, value in options if value for word in (name, shlex.quote(str(value)))]

    @cached_property
    def jobs(self) -> JobQueue:
        """The jobs; the server is not reached before they are asked for something."""
        from junmai_jobs.jobqueue import JobQueue  # noqa: PLC0415 - --help does without it

        return JobQueue(self.redis, config=self.config, allow_eviction=self.allow_eviction)

    @cached_property
    def server(self) -> Server:
        """The server that ``jobs`` are on."""
        from junmai_jobs.server import find_server  # noqa: PLC0415 - --help does without it

        return find_server(self.config, self.redis)

    def register_tasks(self) -> None:
        """Import what registers tasks: the modules that are named, and our own.

        They are looked for beside the configuration file, then in the current folder, then as usual.

        Raises:
            ConfigError: a module cannot be imported, or the current folder is gone.
        """
        register_photo_tasks()
        if self.config.tasks:
            beside = [self.config.file.parent] if self.config.file else []
            for folder in map(str, (current_folder(), *beside)):
                if folder not in sys.path:
                    sys.path.insert(0, folder)
        for module in self.config.tasks:
            try:
                importlib.import_module(module)
            except (Exception, SystemExit) as error:
                raise ConfigError(_import_failure(module, error)) from error

    def answer(self, document: object, show: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Print the one JSON document of a command, or ``show`` the same to a person."""
        if self.as_json:
            click.echo(json.dumps(as_json(document)))
        else:
            show(*args, **kwargs)

    def mention(self, document: object, show: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Answer, unless nobody is left to read it; the command goes on all the same."""
        with suppress(BrokenPipeError):
            self.answer(document, show, *args, **kwargs)


def _import_failure(module: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        name = module.removesuffix(".py")
        near = f"write it without .py, {name!r}" if name != module else meant(name, _modules_here())
        step = near or "run this in the folder that holds it, or install it"
        return f"there is no tasks module {module!r}: {step}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == "<module>"]
    known = frames and not isinstance(error, SyntaxError)  # which names its place itself
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if known else ""
    return f"the tasks module {module!r} cannot be imported: {type(error).__name__}: {error}{place}"


def _modules_here() -> list[str]:
    """What could be imported from the current folder."""
    with suppress(OSError):
        there = list(Path.cwd().iterdir())
        modules = [path.stem for path in there if path.suffix == ".py" or (path / "__init__.py").is_file()]
        return [name for name in modules if not name.startswith("test_") and name != "conftest"]
    return []


class Failure(click.ClickException):
    """An error as the one line on stderr and the exit code that it makes of a command."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(clean(message.replace("\n", " ")))

    @classmethod
    def of(cls, error: JunmaiJobsError) -> Failure:
        """What an error of the library is to the caller of a command."""
        kind = Unavailable if isinstance(error, StoreUnavailable) else cls
        kind = Misuse if isinstance(error, _OF_THE_CALLER) else kind
        return kind(as_typed_here("; ".join((str(error), *getattr(error, "__notes__", ())))))


class Misuse(Failure):
    """The command was called wrongly."""

    exit_code = 2


class Unavailable(Failure):
    """The server cannot be reached."""

    exit_code = 69


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Note a shared option, wherever it stands."""
    app = context.ensure_object(App)
    if option.name == "tasks":
        app.tasks += [module.strip() for modules in value for module in modules.split(",")]
    elif value not in {None, False}:
        setattr(app, str(option.name), value)
    if option.name == "redis" and _has_password(value) and not context.resilient_parsing:
        note(
            "Warning: a password in --redis shows in the list of processes; "
            "JUNMAI_REDIS_URL or redis.url in config.json keep it private"
        )


def _has_password(url: str | None) -> bool:
    return url is not None and "://" in url and redact(url) != url


def _shared_options() -> list[click.Option]:
    def option(*names: str, **more: Any) -> click.Option:
        return click.Option(names, callback=_remember, expose_value=False, **more)

    return [
        option("--redis", metavar="URL", help="The server; else what is configured, else the embedded one."),
        option("--namespace", metavar="NS", help="Keeps these jobs apart from others on the server."),
        option(
            "--config", "config_file", metavar="FILE", type=click.Path(path_type=Path), help="A config.json."
        ),
        option("--tasks", metavar="MODULE", multiple=True, help="A module whose tasks to know; repeatable."),
        option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
        option("--allow-eviction", is_flag=True, help="Accept a server that may drop jobs when it is full."),
    ]


class Command(click.Command):
    """A command that takes the shared options too, and lists them apart."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shared = _shared_options()
        self.params += self.shared

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line; what is said of it is fit for a terminal, whatever stands in it."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            said = error.format_message()
            if isinstance(error, click.NoSuchOption) and re.match(r"-\d", error.option_name):
                more = "An argument that begins with a dash stands behind --."
                raise click.UsageError(f"{said} {more}", error.ctx) from None
            is_help = error.ctx is not None and said == error.ctx.get_help()  # no command was named
            if is_help or said == clean(said):
                raise
            raise click.UsageError(clean(said), error.ctx) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, then the shared ones."""
        own = [option for option in self.get_params(ctx) if option not in self.shared]
        for title, options in (
            ("Options", own),
            ("Options of every command, before or after its name", self.shared),
        ):
            records = (option.get_help_record(ctx) for option in options if isinstance(option, click.Option))
            with formatter.section(title):
                formatter.write_dl([record for record in records if record])
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class Group(Command, click.Group):
    """A group of commands; it makes the library's errors an exit code, and lets bugs show themselves."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is called."""
        try:
            try:
                return super().invoke(ctx)
            except FileNotFoundError:
                current_folder()  # where that is what was not found, it is told
                raise
        except JunmaiJobsError as error:
            raise Failure.of(error) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def extra(name: str) -> Iterator[None]:
    """While it lasts what an extra brings is imported; without it the command says what to install."""
    try:
        with brought_by(name):
            yield
    except ModuleNotFoundError as error:
        raise Failure(str(error)) from error


def confirm(question: str, *, yes: bool) -> None:
    """Have a person agree to what cannot be undone, or go on at once if ``--yes`` was given.

    Raises:
        Misuse: there is nobody to be asked.
        Abort: the person said no.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise Misuse("this needs --yes where nobody can be asked")
    click.confirm(question, abort=True, err=True)


pass_app = click.make_pass_decorator(App, ensure=True)
