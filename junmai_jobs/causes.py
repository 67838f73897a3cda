"""What stands behind an exception."""

from __future__ import annotations

from collections.abc import Iterator


def behind(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it comes of, each once: what it wraps, or followed, or holds as a group."""
    waiting, seen = [error], {id(error)}
    while waiting:
        each = waiting.pop()
        yield each
        inner = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        for other in (each.__cause__, each.__context__, *inner):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
