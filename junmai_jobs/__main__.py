"""``python -m junmai_jobs``: the command line, where the command itself is not on the path."""

from __future__ import annotations

from junmai_jobs.cli import main

if __name__ == "__main__":
    main()
