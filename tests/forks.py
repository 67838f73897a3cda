"""The command line in processes of their own that need not begin from nothing.

As a program this imports what the commands do, and forks a process for each order it reads, which then is
as one that was started with the arguments in it. So the imports, which take longer than most commands, are
made once.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from junmai_jobs import cli

ROOT = Path(__file__).parents[1]
READY = "ready\n"
STREAMS = ("stdin", "stdout", "stderr")
IMPORTED = (
    "junmai_jobs.jobqueue", "junmai_jobs.server", "junmai_jobs.worker", "junmai_jobs.hosting",
    "junmai_jobs.catalog", "junmai_jobs.photo.develop.contexts", "junmai_jobs.photo.develop.presets",
    "junmai_jobs.photo.groups.picks", "junmai_jobs.photo.xmp.into_file", "jinja2",
    "rich.progress", "rich.table",
)  # fmt: skip
"""What commands import later, and which does nothing else when it is imported: no tasks are among it."""


@dataclass(frozen=True)
class Order:
    """A command to run."""

    arguments: list[str]
    folder: str
    """In which it runs."""
    environment: dict[str, str]
    """All of it; what an interpreter reads at its start has no effect."""
    streams: list[str]
    """The files in the place of its standard streams."""


class Forks:
    """Runs commands, one at a time."""

    def __init__(self) -> None:
        self._origin: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start what forks them, so that the first takes no longer than the others."""
        self._origin = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        assert self._origin.stdout
        assert self._origin.stdout.readline() == READY

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str], stdin: str, timeout: float
    ) -> tuple[int, str, str]:
        """Run one to its end; its exit code, and what it wrote."""
        with tempfile.TemporaryDirectory() as place:
            given, out, err = (Path(place, name) for name in STREAMS)
            given.write_text(stdin, "utf-8", "surrogateescape")
            code = self._ask(
                Order(arguments, str(folder), environment, [*map(str, (given, out, err))]), timeout
            )
            return code, out.read_text("utf-8", "surrogateescape"), err.read_text("utf-8", "surrogateescape")

    def _ask(self, order: Order, timeout: float) -> int:
        """Its exit code."""
        if self._origin is None:
            self.start()
        assert self._origin
        assert self._origin.stdin
        assert self._origin.stdout
        told = ""
        try:
            print(json.dumps(asdict(order)), file=self._origin.stdin, flush=True)
            if in_time := select.select([self._origin.stdout], [], [], timeout)[0]:
                told = self._origin.stdout.readline()
        finally:
            if not told:  # what is still to come would be taken for the end of the next
                os.killpg(self._origin.pid, signal.SIGKILL)
                self.close()
        if not in_time:
            raise TimeoutError(f"{order.arguments} has not ended within {timeout:g} s")
        assert told, "what forks the commands has ended; its stderr says why"
        return int(told)

    def close(self) -> None:
        """End what forks them."""
        if self._origin is not None:
            self._origin.communicate()
            self._origin = None


def serve() -> None:
    """Fork a process for each order, and tell how it has ended."""
    for module in IMPORTED:
        import_module(module)
    tuple(cli.junmai_jobs.commands.values())
    gc.freeze()  # else each that is forked looks through all of it for cycles before it ends
    print(end=READY, flush=True)
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            become(Order(**json.loads(line)))
            cli.main()
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(order: Order) -> None:
    """Be as a process that was started for this."""
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    for number, name in enumerate(STREAMS):
        file = os.open(order.streams[number], os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
        usual = getattr(sys, name)
        mode = "w" if number else "r"
        setattr(sys, name, open(number, mode, encoding=usual.encoding, errors=usual.errors))  # noqa: PTH123, SIM115
    sys.argv = [str(cli.__file__), *order.arguments]
    sys.path[0] = order.folder
    sys.modules["__main__"] = cli  # what the processes of a worker begin with


if __name__ == "__main__":
    serve()
