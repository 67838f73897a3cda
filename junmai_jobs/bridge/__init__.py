"""The bridge: the queue over HTTP, for Lightroom, browsers and phones. Needs the extra ``bridge``.

``create_blueprint`` gives all of it to a host's own Flask app; ``junmai-jobs serve`` is a host that has
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from flask import Blueprint, Response, request

from junmai_jobs.bridge.endpoints import Endpoints, as_json
from junmai_jobs.bridge.events import stream
from junmai_jobs.bridge.gate import Gate
from junmai_jobs.bridge.health import HEALTH
from junmai_jobs.bridge.jobs import JOBS
from junmai_jobs.bridge.lightroom import LIGHTROOM
from junmai_jobs.bridge.openapi import openapi
from junmai_jobs.bridge.original import ORIGINAL
from junmai_jobs.bridge.problems import answer_to
from junmai_jobs.bridge.site import Site
from junmai_jobs.bridge.token import token_for
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.manager import JobQueueManager
from junmai_jobs.tasks import register_photo_tasks

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["create_blueprint"]
_PAGES: tuple[Endpoints, ...] = (ORIGINAL, JOBS, LIGHTROOM, HEALTH)
_LARGEST_BODY = 1 << 20
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_blueprint(
    jobs: JobQueue | None = None,
    *,
    auth: Literal["token", "local"] | None = None,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
) -> Blueprint:
    """Make the bridge, to be registered with a Flask app.

    Args:
        jobs: None: the queue that the configuration names.
        auth: ``token``: what changes something needs the token; ``local``: it needs none, and only this
            computer may ask. None: as the configuration says.
        hosts: the names under which the bridge may be asked, beside localhost.
        origins: sites whose pages may ask, as in ``https://photos.example``.

    Raises:
        ConfigError: the configuration is wrong, or the file of the token can be read by others.
    """
    jobs = JobQueue() if jobs is None else jobs
    register_photo_tasks()
    needs_token = (auth or jobs.config.bridge_auth) == "token"
    gate = Gate(token_for(jobs.config) if needs_token else None, frozenset(hosts), frozenset(origins))
    site = Site(jobs, JobQueueManager(jobs), gate)
    blueprint = Blueprint("junmai_jobs", __name__)

    @blueprint.before_request
    def check() -> None:
        request.max_content_length = _LARGEST_BODY
        gate.check()

    @blueprint.after_request
    def harden(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    blueprint.register_error_handler(Exception, answer_to)
    for page in _PAGES:
        page.register(blueprint, site)

    @blueprint.get("/queue/events")
    def follow() -> Response:
        return stream(site)

    @blueprint.get("/openapi.json")
    def describe() -> Response:
        every = (endpoint for page in _PAGES for endpoint in page)
        return as_json(openapi(every, request.path.removesuffix("/openapi.json")))

    return blueprint
