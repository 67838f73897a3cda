"""The dashboard's page and what it is made of: files of this package alone, which hold no data."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Blueprint, Response, request

from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.site import Site

_FOLDER = Path(__file__).with_name("dashboard")
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""What a browser may have, by how its name ends: no other file is given."""


def register_pages(blueprint: Blueprint, site: Site) -> None:
    """Have a blueprint answer whoever asks with the page at ``/``, and with its parts under ``/assets/``."""
    found = sorted(path for path in _FOLDER.rglob("*") if path.suffix in _KINDS)
    files = {path.relative_to(_FOLDER).as_posix(): path.read_bytes() for path in found}

    @site.gate.public
    def page() -> Response:
        return asset("index.html")

    @site.gate.public
    def asset(name: str) -> Response:
        if name not in files:
            raise Refusal(404, "the dashboard has no such file")
        return _answer(files[name], _KINDS[Path(name).suffix])

    blueprint.add_url_rule("/", "page", page)
    blueprint.add_url_rule("/assets/<path:name>", "asset", asset)


def _answer(content: bytes, kind: str) -> Response:
    """A browser may keep it, and asks each time whether it is still the same."""
    answer = Response(content, mimetype=kind)
    answer.headers["Cache-Control"] = "no-cache"
    answer.set_etag(hashlib.sha256(content).hexdigest())
    answer.make_conditional(request)
    return answer
