"""The bridge: the queue over HTTP, for Lightroom, browsers and phones. Needs the extra ``bridge``.

``create_blueprint`` gives all of it to a host's own Flask app; ``junmai-jobs serve`` is a host that has
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from junmai_jobs.hints import extra

with extra("bridge"):
    from flask import Blueprint, Response, request

from junmai_jobs.bridge.attention import ATTENTION
from junmai_jobs.bridge.codes import Codes
from junmai_jobs.bridge.endpoints import LARGEST_BODY, Endpoints, as_json
from junmai_jobs.bridge.events import stream
from junmai_jobs.bridge.gate import Gate, hardened
from junmai_jobs.bridge.health import HEALTH
from junmai_jobs.bridge.hub import Hub
from junmai_jobs.bridge.jobs import JOBS
from junmai_jobs.bridge.lightroom import LIGHTROOM
from junmai_jobs.bridge.login import SESSION
from junmai_jobs.bridge.metrics import register_metrics
from junmai_jobs.bridge.openapi import openapi
from junmai_jobs.bridge.original import ORIGINAL
from junmai_jobs.bridge.overview import OVERVIEW
from junmai_jobs.bridge.pages import register_pages
from junmai_jobs.bridge.problems import answer_to
from junmai_jobs.bridge.process import PROCESS
from junmai_jobs.bridge.rates import Rates
from junmai_jobs.bridge.site import Site
from junmai_jobs.bridge.steering import STEERING
from junmai_jobs.bridge.thumbnails import register_thumbnails
from junmai_jobs.bridge.token import token_for
from junmai_jobs.bridge.websocket import add_websocket
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.manager import JobQueueManager
from junmai_jobs.tasks import register_photo_tasks

if TYPE_CHECKING:
    from collections.abc import Collection

    from junmai_jobs.config import Config

__all__ = ["create_blueprint"]


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
        hosts: the names under which the bridge may be asked, beside localhost and ``bridge.hosts``.
        origins: sites whose pages may ask, as in ``https://photos.example``; beside ``bridge.origins``.

    Raises:
        ConfigError: the configuration is wrong, or the file of the token can be read by others.
    """
    jobs = JobQueue() if jobs is None else jobs
    register_photo_tasks()
    gate = _gate(jobs.config, auth, hosts, origins)
    site = Site(jobs, JobQueueManager(jobs), gate)
    blueprint = Blueprint("junmai_jobs", __name__)
    _guard(blueprint, gate)
    for page in _PAGES:
        page.register(blueprint, site)
    for register in _BESIDE:
        register(blueprint, site)
    return blueprint


def _gate(config: Config, auth: str | None, hosts: Collection[str], origins: Collection[str]) -> Gate:
    token = token_for(config) if (auth or config.bridge_auth) == "token" else None
    return Gate(
        token,
        hosts=frozenset(host.strip("[]").lower() for host in (*config.bridge_hosts, *hosts)),
        origins=frozenset(origin.lower() for origin in (*config.bridge_origins, *origins)),
        rates=Rates(config.bridge_requests_per_second),
        codes=Codes(token) if token else None,
    )


def _guard(blueprint: Blueprint, gate: Gate) -> None:
    """Look at each request before it is answered, and at each answer before it leaves."""

    @blueprint.before_request
    def check() -> None:
        request.max_content_length = LARGEST_BODY + 1  # at which one in chunks is cut off without a word
        gate.check()

    @blueprint.after_request
    def harden(response: Response) -> Response:
        response.headers.extend(gate.headers())
        return hardened(response)

    blueprint.register_error_handler(Exception, answer_to)


def _register_events(blueprint: Blueprint, site: Site) -> None:
    hub = Hub(site.jobs)
    blueprint.add_url_rule("/queue/events", "events", lambda: stream(site.jobs, hub))
    add_websocket(blueprint, site.jobs, hub)


def _register_description(blueprint: Blueprint, site: Site) -> None:  # noqa: ARG001 - it is of all sites
    def describe() -> Response:
        every = (endpoint for page in _PAGES for endpoint in page)
        return as_json(openapi(every, request.path.removesuffix("/openapi.json")))

    blueprint.add_url_rule("/openapi.json", "openapi", describe)


_PAGES: tuple[Endpoints, ...] = (
    ORIGINAL,
    STEERING,
    JOBS,
    PROCESS,
    ATTENTION,
    OVERVIEW,
    LIGHTROOM,
    SESSION,
    HEALTH,
)
"""What is asked and answered in JSON; ``/openapi.json`` describes it."""
_BESIDE: tuple[Callable[[Blueprint, Site], None], ...] = (
    _register_events,
    register_metrics,
    _register_description,
    register_pages,
    register_thumbnails,
)
"""What adds to the blueprint that answers otherwise: streams, metrics, files. All of it passes the gate."""
