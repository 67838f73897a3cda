"""The task that Lightroom itself does, by the plugin, which the bridge hands its jobs to."""

from __future__ import annotations

from typing import Any

from junmai_jobs.errors import Abort
from junmai_jobs.task import task

_WEEK = 7 * 86_400


@task(queue="lightroom", priority=9, expires=_WEEK)
def lightroom_apply(*, photo_id: int, config: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - the plugin's
    """Give a photograph its develop settings in Lightroom.

    Args:
        photo_id: the catalog's.
        config: what to do, and with which file: LrDevConfig 1.0, see ``photo.develop.lightroom``.

    Returns:
        ``status``, success, and ``reason``, what the plugin says of it.

    Raises:
        Abort: a worker was told to serve the queue lightroom.
    """
    raise Abort(f"photo {photo_id} is for the Lightroom plugin: let no worker serve the queue lightroom")
