"""Whether ``junmai-jobs top`` slows the queue, and the queue it: a terminal in tmux, beside a load.

python -m benchmarks.top [--jobs 200000] [--rounds 5] [--json]

By turns the same jobs, which do nothing, are drained by a worker that claims ahead: with a ``top`` that is
watched, and without. Meanwhile keys are pressed, and the time is taken until what they call is on the screen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.bench import submit_mixed
from benchmarks.command import at_least, run_main
from benchmarks.record import read_log
from benchmarks.stage import CHILD, ROOT, Stage, running, stage
from tests.command_line import COMMAND, CommandLine
from tests.terminals import Terminal, found_tmux, terminal

_AHEAD = 16
_SLOTS = 2
_IDLE = 6.0  # s
_WORKER = f"""
import sys
from benchmarks.worker import main
sys.exit(main(sys.argv[1], "{_SLOTS}", claim_ahead={_AHEAD}))
"""
_CLOCK = re.compile(rb"\d\d:\d\d:\d\dZ")
_KEYS = ((b"?", b"the next list"), (b"q", b"QUEUES"))
"""Two keys by turns, and what is to be seen of each."""
_BETWEEN = 0.1  # s from an answer to the next key


@dataclass
class Watched:
    """A ``top`` in a terminal, and what comes of it, as it comes."""

    screen: Terminal
    program: psutil.Process
    client: subprocess.Popen[bytes]
    latencies: list[float] = field(default_factory=list)
    """Seconds from a key to what it calls."""
    clocks: list[float] = field(default_factory=list)
    """When its clock was seen to change."""
    cpu: float = 0.0
    """The part of a core that it has used while it was looked at."""
    _seen: threading.Condition = field(default_factory=threading.Condition)
    _output: bytes = b""
    _clock: bytes = b""

    def listen(self) -> None:
        """Read what tmux tells, until it ends."""
        assert self.client.stdout
        for line in self.client.stdout:
            if line.startswith(b"%output "):
                with self._seen:
                    if (clock := _CLOCK.search(line)) and clock[0] != self._clock:
                        self._clock = clock[0]
                        self.clocks.append(time.monotonic())
                    self._output += line
                    self._seen.notify()

    def press(self, key: bytes, shows: bytes) -> None:
        """Press a key, and wait for its answer."""
        assert self.client.stdin
        with self._seen:
            self._output = b""
            began = time.monotonic()
            self.client.stdin.write(b"send-keys -l -t screen '" + key + b"'\n")
            self.client.stdin.flush()
            assert self._seen.wait_for(lambda: shows in self._output, 20), f"{key!r} was not answered"
            self.latencies.append(time.monotonic() - began)

    @contextlib.contextmanager
    def looked_at(self, *, keys: bool = True) -> Iterator[None]:
        """Take its figures while the block runs, and press keys."""
        stop = threading.Event()

        def press_keys() -> None:
            while keys and not stop.is_set():
                for key in _KEYS:
                    self.press(*key)
                    time.sleep(_BETWEEN)

        self.clocks.clear()
        began, before = time.monotonic(), sum(self.program.cpu_times()[:2])
        hand = threading.Thread(target=press_keys)
        hand.start()
        try:
            yield
        finally:
            stop.set()
            hand.join()
            self.cpu = (sum(self.program.cpu_times()[:2]) - before) / (time.monotonic() - began)


@contextlib.contextmanager
def watched(on: Stage, folder: Path) -> Iterator[Watched]:
    """A ``top`` of 80 columns that looks at the stage's server."""
    line = CommandLine(folder / "home", folder / "cwd", {"JUNMAI_REDIS_URL": on.server.url})
    with terminal([*COMMAND, "top"], ROOT, line.variables) as screen:
        screen.until("QUEUES")
        (program,) = screen.process.children()
        command = [found_tmux(), "-u", "-S", str(screen.socket), "-C", "attach", "-t", "screen"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            found = Watched(screen, program, client)
            ear = threading.Thread(target=found.listen)
            ear.start()
            try:
                yield found
            finally:
                client.terminate()
                ear.join()


def drain(on: Stage, count: int) -> float:
    """Jobs a second of a worker that claims ahead."""
    on.clear()
    on.jobs.pause()
    submit_mixed(on, count)
    with running([sys.executable, "-c", _WORKER, on.server.url]):
        on.wait_for(CHILD, _SLOTS)
        on.jobs.resume()
        on.wait_for_records(count)
    starts = sorted(at for _, at, _ in read_log(on.log))
    return (count - 1) / (starts[-1] - starts[0]) * 1e9


def server_time(on: Stage) -> float:
    """Milliseconds that the server has worked on commands since its statistics were reset."""
    stats = on.client.info("commandstats")
    return sum(float(each["usec"]) for each in stats.values()) / 1000


def measure(on: Stage, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """The rates with and without, by turns; and the view's own figures, beside the load and without it."""
    on.jobs.pause()
    submit_mixed(on, count)
    with watched(on, folder) as view:
        on.client.config_resetstat()
        with view.looked_at(keys=False):
            time.sleep(_IDLE)
        unused = {
            "cpu_of_a_core": round(view.cpu, 3),
            "server_ms_a_second": round(server_time(on) / _IDLE, 2),
        }
        with view.looked_at():
            time.sleep(_IDLE)
    rates: dict[str, list[float]] = {"without": [], "with": []}
    loaded: list[Watched] = []
    for turn in range(rounds):
        for kind in sorted(rates, reverse=turn % 2 == 0):
            if kind == "without":
                rates[kind].append(drain(on, count))
                continue
            with watched(on, folder) as beside, beside.looked_at():
                rates[kind].append(drain(on, count))
            loaded.append(beside)
    medians = {kind: statistics.median(each) for kind, each in rates.items()}
    return {
        "jobs": count,
        "rates": {kind: [round(each) for each in found] for kind, found in rates.items()},
        "ratio": round(medians["with"] / medians["without"], 3),
        "unused": unused,
        "idle": _figures([view]),
        "loaded": _figures(loaded),
    }


def _figures(views: Sequence[Watched]) -> dict[str, float]:
    latencies = [each * 1000 for view in views for each in view.latencies]
    pauses = [after - at for view in views for at, after in zip(view.clocks, view.clocks[1:], strict=False)]
    return {
        "keys": len(latencies),
        "key_to_screen_ms_p50": round(statistics.median(latencies), 1),
        "key_to_screen_ms_p95": round(statistics.quantiles(latencies, n=20)[-1], 1),
        "key_to_screen_ms_max": round(max(latencies), 1),
        "refresh_s_p50": round(statistics.median(pauses or [0.0]), 2),
        "refresh_s_max": round(max(pauses, default=0.0), 2),
        "cpu_of_a_core": round(statistics.median(view.cpu for view in views), 3),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=at_least(2), default=200_000, help="to be drained in a round")
    parser.add_argument("--rounds", type=at_least(1), default=5)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    with stage() as on:
        found = measure(on, on.log.parent, options.jobs, options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    for kind, rates in found["rates"].items():
        print(f"jobs/s {kind} top: {statistics.median(rates):,.0f} ({min(rates):,} to {max(rates):,})")
    print(f"ratio: {found['ratio']}")
    for kind in ("unused", "idle", "loaded"):
        print(f"{kind}: {', '.join(f'{name} {value}' for name, value in found[kind].items())}")


if __name__ == "__main__":
    run_main(main)
