"""Whether what a server has acknowledged is on its disk, for jobs that are ``durable``.

It is where the server syncs its log before it answers (appendfsync always), so that is what it is asked. One
that syncs every second is not believed: WAITAOF, which should wait for that, does not in several versions.
That is asked only whether a restart would read the log: one just begun it reads when it is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from junmai_jobs.connection import ClientLink, call_verb
from junmai_jobs.errors import NotDurable
from junmai_jobs.replies import text_of

if TYPE_CHECKING:
    from junmai_jobs.scripts import Verb

_WANTED = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
_ASK = ("CONFIG", "GET", *_WANTED)
_WAIT = ("WAITAOF", 1, 0, 500)
"""For the own disk, no replica's, for at most so many milliseconds."""
_INCOMPLETE = (
    "has begun a new log, which a restart would not read before all that there is stands in it: wait for "
    "aof_rewrite_in_progress 0 and aof_rewrite_scheduled 0 in INFO persistence"
)


def run_to_disk(
    link: ClientLink, verb: Verb, prefix: str, arguments: Sequence[object], mark: str
) -> tuple[Any, str]:
    """Call a verb such that what it has written, now or at an earlier try, is on the disk when this returns.

    Args:
        link: how the server is reached.
        verb: see ``Link.run``, as for the next two.
        prefix: see there.
        arguments: see there.
        mark: a hash of the namespace; a field of it is written behind the verb. A log is synced as a whole:
            with the mark what the verb has found there already is on the disk, too.

    Returns:
        Its reply, and why it may not be on the disk; empty: it is.

    Raises:
        NotDurable: the server syncs too late; nothing was sent.
        StoreUnavailable, QueueFull: see ``Link.run``.
    """
    if wrong := link.insist(partial(_wrong_before, link, mark)):
        raise NotDurable(f"the server {link.address} {wrong}. Nothing was submitted")
    written = partial(_written, link, mark)
    outcome: tuple[Any, str] = link.insist(lambda: call_verb(written, verb, prefix, arguments))
    return outcome


def _wrong_before(link: ClientLink, mark: str) -> str:
    # The first has a key, so that it is answered by the node of a cluster that the jobs are on.
    there, told = link.exchange([("EXISTS", mark), _ASK], raising=False)
    if isinstance(there, Exception):
        raise there
    return _wrong(told)


def _written(link: ClientLink, mark: str, *command: Any) -> Any:
    """The reply to a verb, and what is wrong; to a command that loads our functions only the first.

    Who has written tells of its settings itself, on the same connection: there may be another server by now.
    """
    if command[0] == "FUNCTION":
        return link.exchange([command])
    commands = [command, ("HSET", mark, "durable", 1), _ASK, _WAIT]
    reply, marked, told, waited = link.exchange(commands, raising=False)
    if isinstance(reply, Exception):
        raise reply
    return reply, f"cannot write: {marked}" if isinstance(marked, Exception) else _wrong(told) or _unread(
        waited
    )


def _wrong(told: Any) -> str:
    """The end of a sentence about a server that answers ``_ASK`` so, if it syncs too late; else empty."""
    if isinstance(told, Exception):
        return (
            "does not show whether it syncs its log before it answers: allow this user CONFIG GET "
            f"(+config|get): {told}"
        )
    texts = [text_of(each) for each in (told if isinstance(told, list) else sum(told.items(), ()))]
    found = dict(zip(texts[::2], texts[1::2], strict=True))
    wrong = " and ".join(f"{name} {value}" for name, value in _WANTED.items() if found.get(name) != value)
    return wrong and f"answers before it has something on its disk: set {wrong} there"


def _unread(waited: Any) -> str:
    """The same about one that answers ``_WAIT`` so, if a restart would not read what it writes now.

    Redis before 7.2 does not know the command; there nobody else can say it either.
    """
    if isinstance(waited, Exception):
        if "unknown command" in str(waited):
            return ""
        return f"does not show whether its log is complete: allow this user +waitaof: {waited}"
    has_waited, _ = waited
    return "" if has_waited else _INCOMPLETE
