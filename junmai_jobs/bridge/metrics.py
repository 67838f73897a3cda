"""``/metrics``: the queue in figures, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from junmai_jobs.metrics import QueueCollector

if TYPE_CHECKING:
    from junmai_jobs.bridge.site import Site


def register_metrics(blueprint: Blueprint, site: Site) -> None:
    """Add it to a blueprint; see ``QueueCollector`` for what it tells."""
    registry = CollectorRegistry()
    registry.register(QueueCollector(site.jobs))

    def metrics() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    blueprint.add_url_rule("/metrics", "metrics", metrics)
