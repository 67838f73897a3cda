"""What a ``JobQueue`` does to keep a namespace in a file; most do without the modules of it."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from junmai_jobs.jobqueue_base import JobQueueBase

if TYPE_CHECKING:
    from junmai_jobs.keeping import Exported, Imported, Tell


def _tell_nobody(_done: int, _of: int) -> None:
    """Nobody wants to know."""


class JobQueueKeeping(JobQueueBase):
    """The part of ``JobQueue`` that exports and imports."""

    def export_to(self, target: Path | IO[bytes], tell: Tell = _tell_nobody) -> Exported:
        """Write all there is of this namespace into a file, while work goes on (docs/export-format.md).

        Args:
            target: a path: an export there, and nothing else, is replaced when the new one is whole, only
                this user may read it, and it is compressed if its name ends with ``.gz``; or a binary file.
            tell: is told how many jobs are written, and of how many.

        Raises:
            OSError: it cannot be written.
        """
        from junmai_jobs.inspector.keeping import InspectorKeeping  # noqa: PLC0415 - few export
        from junmai_jobs.keeping import export_to, write_file  # noqa: PLC0415

        inspector = InspectorKeeping(self._link, self.namespace)

        def write(file: IO[bytes]) -> Exported:
            return export_to(file, self.broker, inspector, self.namespace, tell)

        return write_file(target, write) if isinstance(target, Path) else write(target)

    def import_from(self, source: BinaryIO, tell: Tell = _tell_nobody) -> Imported:
        """Bring back what was exported, of whichever namespace, into this one, which is empty.

        Workers see all of it or nothing. It is done or not done: after an error, or when the process was
        killed, the namespace is as empty as before, and the import is made again.

        Args:
            source: a file that can be read from its beginning twice.
            tell: is told how many jobs are written, and of how many.

        Raises:
            ArchiveError: it is no export, or a damaged one, or of a newer version; nothing was written.
            InvalidState: there are jobs, schedules or values that were made before.
            QueueFull: the server is out of memory.
        """
        from junmai_jobs.keeping import import_from  # noqa: PLC0415 - few import

        return import_from(source, self.broker, tell)

    def clean_server(self) -> list[str]:
        """Delete the functions that other versions of this package have left in the server; of each the name.

        A worker of another version loads its own again with its next call.

        Raises:
            StoreUnavailable: this user may not (``FUNCTION LIST`` and ``FUNCTION DELETE``).
        """
        from junmai_jobs.libraries import delete_others  # noqa: PLC0415 - few clean up

        self._check_server()
        return self._link.insist(lambda: delete_others(self._link.client))

    def discard_import(self) -> None:
        """Throw away what an import has left that was killed."""
        self.broker.discard()
