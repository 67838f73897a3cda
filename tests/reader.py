"""Who types what stands in the ``console`` blocks of a page, line by line, and compares what is shown."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from tests.desk import running
from tests.embedded_servers import ROOT
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.desk import Desk

NOT_TYPED_HERE = ("pip install ", "junmai-jobs top", "python -m examples.flask_bridge")
"""Nothing is fetched; what fills a terminal, and the program with the bridge in it, have their own tests."""
STAYS = re.compile(r"^junmai-jobs (?:.* )?(?:serve|worker|watch|metrics --serve)\b(?!.*--burst)")
EDITS = re.compile(r"^(?:sed -i\S*|mv) .*\.py\b")
ID = re.compile(r"\b[0-9a-v]{22}\b")


class Reader:
    """Types what a page has, in its order; what goes on by itself is stopped at the end."""

    def __init__(self, desk: Desk, page: str) -> None:
        self.desk, self.left = desk, ExitStack()
        self.port = free_port()
        self.seen = ""
        """The id that was shown last."""
        self.reloads = False
        """Whether a worker starts again when code is edited."""
        for text, name in re.findall(r"^```python\n(# (\w+\.py)\n.*?)^```$", page, re.MULTILINE | re.DOTALL):
            (desk.folder / name).write_text(text, "utf-8")
        for example in (ROOT / "examples" / "guide").glob("[a-z]*.py"):
            if example.read_text("utf-8") in page:
                (desk.folder / example.name).write_text(example.read_text("utf-8"), "utf-8")

    def read(self, block: str) -> None:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            self._type(line.partition("  #")[0].strip(), shown)

    def _type(self, line: str, shown: str) -> None:
        if line.startswith(NOT_TYPED_HERE):
            return
        if found := re.fullmatch(r"(?:export )?([A-Z_]+)=(.*)", line):
            self.desk.environment[found[1]] = self.desk.type(f'printf %s "{found[2]}"').out
            return
        line = self._with_names(line)
        if STAYS.match(line):
            self._begin(line.removesuffix(" &"))
            return
        before = None
        if self.reloads and EDITS.match(line):  # a worker runs jobs before it is listed
            before = wait_until(self._workers, 30, what="the worker")
        done = self.desk.type(line)
        is_error = shown.startswith(("Error:", "job ... failed:"))
        assert done.code == (1 if is_error else 0), (line, done)
        assert "Traceback" not in done.err, done
        for said in filter(None, shown.splitlines()):
            assert re.search(re.escape(said).replace(re.escape("..."), ".*"), done.out + done.err), done
        self.seen = next(iter(ID.findall(done.out)), self.seen)
        if before is not None:
            wait_until(lambda: self._workers() - before, 30, what="a worker with the new code")

    def _workers(self) -> set[str]:
        with closing(JobQueue(config=load_config(environ=self.desk.variables))) as jobs:
            return {each["name"] for each in jobs.workers()}

    def _with_names(self, line: str) -> str:
        """With the first id of what was shown last, and with a port of ours."""
        if re.search(r" ID\b", line):
            self.seen = self.seen or self.desk.json("submit", "update_system_metrics")["id"]
            line = re.sub(r" ID\b", f" {self.seen}", line)
        return line.replace("localhost:5100", f"localhost:{self.port}")

    def _begin(self, line: str) -> None:
        if "serve" in line:
            line = f"{line} --port {self.port}"
        self.left.enter_context(running(self.desk, line, signal.SIGTERM))
        self.reloads |= "--reload" in line
        if "serve" in line:
            wait_until(self._is_there, 30, what="who serves")

    def _is_there(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0
