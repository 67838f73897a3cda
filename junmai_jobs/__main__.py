"""What ``junmai-jobs`` and ``python -m junmai_jobs`` run: the command line, with an eye on its imports.

They take most of a short command's time, and nothing is begun before they are done. So an interrupt ends the
process there and then; as an exception it would show where it came, or be lost in what a library swallows.
"""

from __future__ import annotations

import os
import signal

_INTERRUPTED = 130


def main() -> None:
    """Run the command that ``sys.argv`` asks for, and exit, see ``cli.main``."""
    # Where it is ignored, as of what a shell runs in the background, it stays so.
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from junmai_jobs import cli  # noqa: PLC0415 - in here it is guarded

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
