"""One-time codes: what a browser has to be told once, in the place of the token.

A code is made of the token and the second in which it is made, so that whoever can read the token can make
one, and nothing has to be stored. It lasts ten minutes and is accepted once.
"""

from __future__ import annotations

import hmac
import threading
import time

LASTS = 600
"""Seconds."""
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""None that is taken for another one."""
_LENGTH = 8


def new_code(token: str) -> str:
    """A code as a person reads it, ``ABCD-EFGH``; within one second always the same."""
    code = _code(token, int(time.time()))
    return f"{code[: _LENGTH // 2]}-{code[_LENGTH // 2 :]}"


def _code(token: str, second: int) -> str:
    number = int.from_bytes(hmac.digest(token.encode(), b"junmai-jobs code %d" % second, "sha256"))
    letters = []
    for _ in range(_LENGTH):
        number, at = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[at])
    return "".join(letters)


class Codes:
    """Accepts each code once. Those made before it are none: a process before may have accepted them."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._since = int(time.time())
        self._used: set[int] = set()
        self._lock = threading.Lock()

    def accept(self, given: str) -> bool:
        """Whether this is a code that lasts and was not used; it is used now."""
        code = "".join(given.upper().replace("-", " ").split()).encode()
        now = int(time.time())
        with self._lock:
            self._used = {second for second in self._used if second > now - LASTS}
            for second in range(max(self._since, now - LASTS + 1), now + 1):
                if hmac.compare_digest(_code(self._token, second).encode(), code):
                    fresh = second not in self._used
                    self._used.add(second)
                    return fresh
        return False
