"""What every benchmark has in common as a command: numbers, files to write, and how it is stopped."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import redis

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def at_least(least: int) -> Callable[[str], int]:
    """A whole number from there on, for argparse."""

    def whole_number(given: str) -> int:
        if (number := int(given)) < least:
            raise argparse.ArgumentTypeError(f"{number} is less than {least}")
        return number

    return whole_number


def one_of(known: Collection[str]) -> Callable[[str], str]:
    """A name that is among these, for argparse, whose own ``choices`` do not go with none at all."""

    def name(given: str) -> str:
        if given not in known:
            raise argparse.ArgumentTypeError(f"{given!r} is not among {', '.join(known)}")
        return given

    return name


def output(given: str) -> Path:
    """A file that can be written, for argparse; it is left as it was."""
    path = Path(given)
    new = not os.path.lexists(path)
    try:
        path.open("ab").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if new:
        path.unlink()
    return path


def run_main(main: Callable[[], None]) -> None:
    """Run a benchmark; what it has started is ended when SIGTERM, SIGHUP or Ctrl-C ends it."""
    for number in ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, _end)
    try:
        main()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except redis.ConnectionError as error:
        sys.exit(f"the server is gone: {error}")


def _end(number: int, _: object) -> None:
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)  # a closed terminal sends two
    raise SystemExit(128 + number)
