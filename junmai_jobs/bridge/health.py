"""Whether the bridge is there, and whether it can be of use."""

from __future__ import annotations

from typing import TypedDict

from junmai_jobs.bridge.endpoints import Endpoints
from junmai_jobs.bridge.site import Site

HEALTH = Endpoints()


class Health(TypedDict):
    """``status`` is ok."""

    status: str


@HEALTH.get("/healthz")
def alive(site: Site) -> Health:  # noqa: ARG001 - it asks nobody
    """Tell that the bridge answers."""
    return {"status": "ok"}


@HEALTH.get("/readyz")
def ready(site: Site) -> Health:
    """Tell that the server answers, too."""
    site.jobs.stats()
    return {"status": "ok"}
