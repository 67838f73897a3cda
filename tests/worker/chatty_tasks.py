"""Tasks that say something through ``logging``."""

from __future__ import annotations

import asyncio
import logging

from junmai_jobs import task

log = logging.getLogger("studio")


@task
async def speak(text: str) -> None:
    log.info("hello %s", text, extra={"photo": text, "job": "forged", "token": "0"})
    log.debug("secret detail")
    await asyncio.to_thread(log.warning, "from another thread")


@task
def stumble() -> None:
    raise ValueError("no")
