"""A notice for everybody who is configured, here and now, and what became of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from junmai_jobs.config import Config, site_of
from junmai_jobs.job import iso
from junmai_jobs.notify import Notice, Outlets, desktop
from junmai_jobs.notify.programs import Started, why_not

_NOTICE = Notice("test", "This is how you will be told.", {})


class Said(NamedTuple):
    """What a receiver made of it."""

    name: str
    ok: bool
    said: str


def tried(config: Config) -> Iterator[Said]:
    """Tell each receiver, wait for it, and say how it went."""
    for name in Outlets.of(config).hearing("test"):
        if name == "desktop":
            yield _run(name, desktop.command(_NOTICE.message))
        elif name == "command":
            yield _run(name, config.notify_command or ())
        else:
            yield _post(config)


def _run(name: str, words: Sequence[str]) -> Said:
    try:
        wrong = Started(words, _NOTICE, heard=True).outcome()
    except OSError as error:
        wrong = why_not(words, error)
    return Said(name, not wrong, wrong or "told")


def _post(config: Config) -> Said:
    from junmai_jobs.notify.webhook import Undelivered, in_words, post  # noqa: PLC0415 - registers its task

    address, message_id = config.notify_webhook or "", f"notice-test-{secrets.token_hex(8)}"
    document = {"type": "test", "timestamp": iso(time.time()), "data": {"message": _NOTICE.message}}
    try:
        answer = post(address, config.notify_secret, message_id, document)
    except Undelivered as error:
        return Said("webhook", ok=False, said=str(error))
    return Said("webhook", answer.status // 100 == 2, in_words(answer, site_of(address)))
