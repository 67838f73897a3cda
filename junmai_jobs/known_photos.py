"""Photos of which it is known what a job would find: whoever submits a session records them, without a job.

What counts is the content of the files, as for the job itself (ADR 33). What is recorded and not noted yet
when the process dies is recorded once more by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from junmai_jobs import cache, codec
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import Config
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.pictures.opening import Roots, opened
from junmai_jobs.plan import Work
from junmai_jobs.reuse import kept_under
from junmai_jobs.tasks.photos import Content, content_of, opened_beside, process_photo, record
from junmai_jobs.tasks.recording import LOOKING, roots_of

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

Progress = Callable[[str, int, int], object]
_PAGE = 50
"""Photos read before the server is asked."""


def record_known(
    jobs: JobQueue, catalog: Catalog, session_id: int, works: Sequence[Work], progress: Progress
) -> set[str]:
    """Record those of a session's photos that were looked at before; the ids of the jobs not needed then.

    Only files as large as one that was looked at are read. After a page of which none was known the others
    are left to the workers, who read them anyway: a camera may write raw files that all have the same size.
    So they are where the server is away, for which others wait with more patience.
    """
    done: set[str] = set()
    if not jobs.config.cache_entries:
        return done
    sizes = catalog.sizes_looked_at()
    likely = [work for work in works if _size(work) in sizes]
    with ThreadPoolExecutor(jobs.config.max_concurrent_jobs) as pool, suppress(StoreUnavailable):
        for at in range(0, len(likely), _PAGE):
            page = likely[at : at + _PAGE]
            roots = [roots_of(catalog, work.photo_id or 0) for work in page]
            contents = list(pool.map(partial(_content, jobs.config), page, roots))
            known = list(_recorded(jobs, catalog, page, contents))
            if not known:
                break
            catalog.add_answered(work.planned(session_id) for work in known)
            done |= {work.id for work in known}
            progress("Photos", len(done), len(works))
    return done


def _size(work: Work) -> int:
    try:
        return int(work.arguments["path"].stat().st_size)
    except OSError:
        return -1


def _content(config: Config, work: Work, roots: Roots) -> Content | None:
    """None where the file cannot be read: a job will tell why."""
    path, companion = work.arguments["path"], work.arguments.get("companion")
    with (
        suppress(PhotoError, OSError),
        opened(path, roots) as photo,
        opened_beside(companion, roots) as beside,
    ):
        return content_of(photo, beside, config)
    return None


def _recorded(
    jobs: JobQueue, catalog: Catalog, works: Sequence[Work], contents: Sequence[Content | None]
) -> Iterator[Work]:
    keys = {
        work.id: cache.key_of(process_photo, "part", content.parts, code=[LOOKING])
        for work, content in zip(works, contents, strict=True)
        if content is not None and catalog.has_look(content.digest)
    }
    kept = kept_under(jobs.broker, [key for key in keys.values() if key])
    for work, content in zip(works, contents, strict=True):
        value = kept.get(keys.get(work.id, ""))
        if content is not None and value is not None:
            found = codec.unpack(value)
            preset = found["context"]["recommended_preset"]
            about = {"photo_id": work.photo_id, "sha256": content.digest, "bytes": content.size}
            record(catalog, found | about | {"preset": preset})
            yield work
