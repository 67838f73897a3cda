"""What versions of this package have left in a server: a library of functions each (``scripts.py``)."""

from __future__ import annotations

from typing import Any

from junmai_jobs.replies import mapping, text_of
from junmai_jobs.scripts import LIBRARIES, library, library_name


def stored_libraries(client: Any) -> list[str]:
    """The names of ours that a server has, of whichever version, by a redis-py client."""
    replies = client.execute_command("FUNCTION", "LIST", "LIBRARYNAME", f"{LIBRARIES}*")
    return sorted(_name_in(reply) for reply in replies)


def delete_others(client: Any) -> list[str]:
    """Delete those of other versions; their names. Who still uses one loads it again with the next call."""
    own = library_name(library())
    others = [name for name in stored_libraries(client) if name != own]
    for name in others:
        client.execute_command("FUNCTION", "DELETE", name)
    return others


def _name_in(reply: Any) -> str:
    """Of a library as the server describes it."""
    return text_of(mapping(reply)[b"library_name"])
