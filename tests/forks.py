"""The command line in processes of their own that need not begin from nothing.

As a program this imports what the commands do, and forks a process for each order it reads, which then is
as one that was started with the arguments in it. So the imports, which take longer than most commands, are
made once.
"""

from __future__ import annotations

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
STREAMS = ("stdin", "stdout", "stderr")
IMPORTED = ("junmai_jobs.jobqueue", "junmai_jobs.catalog", "rich.table")
"""What commands import later, and which does nothing else when it is imported."""


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
    """Runs commands, one at a time; what forks them is started when it is first needed."""

    def __init__(self) -> None:
        self._origin: subprocess.Popen[str] | None = None

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
            self._origin = subprocess.Popen(
                [sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, start_new_session=True,
            )  # fmt: skip
        assert self._origin.stdin
        assert self._origin.stdout
        print(json.dumps(asdict(order)), file=self._origin.stdin, flush=True)
        if not select.select([self._origin.stdout], [], [], timeout)[0]:
            os.killpg(self._origin.pid, signal.SIGKILL)
            self.close()
            raise TimeoutError(f"{order.arguments} has not ended within {timeout:g} s")
        told = self._origin.stdout.readline()
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
