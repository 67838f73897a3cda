"""What a user's own tests need: the queue in the test's process, its clock, and crashes at every call.

Needs the extra ``[testing]``. A name brings its module when it is first asked for: pytest loads this package
at its start, also for those who never use it. docs/guide/testing.md tells how it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junmai_jobs.executor import Crash
    from junmai_jobs.testing.crashes import Point
    from junmai_jobs.testing.fake import FakeServer
    from junmai_jobs.testing.in_process import InProcessQueue

__all__ = ["Crash", "FakeServer", "InProcessQueue", "Point"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in __all__:
            from junmai_jobs.testing import in_process  # noqa: PLC0415 - see above

            return getattr(in_process, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
