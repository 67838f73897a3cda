"""What stands behind an exception."""

from __future__ import annotations

from collections.abc import Iterator


def behind(error: BaseException, *, suppressed: bool = True) -> Iterator[BaseException]:
    """An exception and all that it comes of, each once: what it wraps, or followed, or holds as a group.

    Args:
        error: the one to begin with.
        suppressed: also what one followed that was raised ``from`` something else, or from None.
    """
    waiting, seen = [error], {id(error)}
    while waiting:
        each = waiting.pop()
        yield each
        inner = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        before = each.__context__ if suppressed or not each.__suppress_context__ else None
        for other in (each.__cause__, before, *inner):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
