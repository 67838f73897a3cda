"""The description of the interface, as OpenAPI 3.1, made of what the endpoints are annotated with."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from junmai_jobs.bridge.endpoints import IDEMPOTENCY_KEY, Endpoint
from junmai_jobs.bridge.events import Wanted
from junmai_jobs.bridge.gate import COOKIE
from junmai_jobs.bridge.problems import Problem

_PART = re.compile(r"<(?:\w+:)?(\w+)>")
_REFS = "#/components/schemas/{name}"
_WHENEVER = {400: "It is not what this takes.", 403: "It may not ask.", 421: "Another host is meant.",
             429: "It asks too often.", 503: "The server is away, or has no room."}  # fmt: skip
_WHEN = {401: "There is no valid token.", 404: "There is no such thing, or none now.",
         409: "Its state does not allow it, or its key stands for another request.",
         413: "The body is too large.",
         415: "The body is not JSON.",
         507: "A disk has no room for what it would write."}  # fmt: skip
_DONE = {200: "Done.", 201: "It was made.", 202: "It will be done."}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 1}
    }
}  # fmt: skip
_KEY = {
    "name": IDEMPOTENCY_KEY, "in": "header", "required": False,
    "description": (
        "The same key with the same request gives the same jobs, for as long as they are kept; with another "
        "request it is refused."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}  # fmt: skip
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "cookie": {
        "type": "apiKey", "in": "cookie", "name": COOKIE,
        "description": "Of POST /session; what changes something needs an Origin that is ours beside it.",
    },
}  # fmt: skip
_ANYBODY: dict[str, list[str]] = {}
_BEARERS: list[dict[str, list[str]]] = [{"token": []}, {"cookie": []}]


def openapi(endpoints: Iterable[Endpoint], prefix: str = "") -> dict[str, Any]:
    """Describe endpoints that are found under a prefix."""
    endpoints = list(endpoints)
    kinds: list[Any] = [Problem]
    for endpoint in endpoints:
        kinds += endpoint.documents.values()
        kinds += [endpoint.hints["body"]] if "body" in endpoint.hints else []
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFS)
    paths: dict[str, dict[str, Any]] = {"/queue/events": {"get": _EVENTS}}
    for endpoint in endpoints:
        path = _PART.sub(r"{\1}", endpoint.rule)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Junmai Jobs", "version": version("junmai-jobs"), "license": {"name": "MIT"}},
        "servers": [{"url": prefix or "/"}],
        "tags": [_tag(module) for module in dict.fromkeys(map(_module, endpoints))],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


def _module(endpoint: Endpoint) -> str:
    return endpoint.answers.__module__


def _tag(module: str) -> dict[str, str]:
    told = inspect.getdoc(sys.modules[module]) or ""
    return {"name": module.rpartition(".")[2], "description": told.partition("\n\n")[0].replace("\n", " ")}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    tag = _module(endpoint).rpartition(".")[2]
    told = (inspect.getdoc(endpoint.answers) or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": f"{tag}.{endpoint.answers.__name__}",
        "tags": [tag],
        "summary": told[0],
        "parameters": list(_parameters(endpoint)),
        "responses": _responses(endpoint),
        "security": _security(endpoint),
    }
    if told[2]:
        operation["description"] = told[2]
    if "body" in endpoint.hints:
        kind = endpoint.hints["body"]
        operation["requestBody"] = {
            "content": _content(kind),
            "required": bool(_resolved(kind).get("required")),
        }
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """Whoever asks from this computer may look without a token."""
    if endpoint.public:
        return []
    return _BEARERS if endpoint.changes else [_ANYBODY, *_BEARERS]


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    codes = {*_WHENEVER, *endpoint.refuses}
    codes |= {413, 415} if "body" in endpoint.hints else set()
    codes |= set() if endpoint.public else {401}
    done = {
        str(status): {"description": _DONE[status], "content": _content(kind)}
        for status, kind in endpoint.documents.items()
    }
    return done | {str(code): _refusal(code) for code in sorted(codes)}


def _refusal(code: int) -> dict[str, Any]:
    told = {"description": (_WHENEVER | _WHEN)[code], "content": _content(Problem)}
    return told | ({"headers": _RETRY_AFTER} if code in {429, 503} else {})


def _content(kind: Any) -> dict[str, Any]:
    return {"application/json": {"schema": _schema(kind)}}


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFS)
    return dict(schema)


def _resolved(kind: Any) -> dict[str, Any]:
    """The schema itself, where ``_schema`` only refers to it."""
    (schema,), known = msgspec.json.schema_components([kind], ref_template=_REFS)
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return dict(known.get(name, schema))


def _parameters(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    hints = endpoint.hints
    for name in _PART.findall(endpoint.rule):
        yield _parameter(name, "path", _schema(hints[name]), required=True)
    if "query" in hints:
        yield from _query(hints["query"])
    if "once" in hints:
        yield _KEY


def _query(kind: Any) -> Iterable[dict[str, Any]]:
    for name, schema in _resolved(kind)["properties"].items():
        yield _parameter(name, "query", schema)


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    """One; what stands in its schema as a description is said of the parameter itself."""
    told = {"description": schema["description"]} if "description" in schema else {}
    bare = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, "required": required, **told, "schema": bare}


_EVENTS = {
    "operationId": "events.follow",
    "tags": ["events"],
    "summary": "Follow what happens to jobs, as it happens: server-sent events.",
    "description": "Each has an id to go on from after a break; a comment comes while nothing happens.",
    "parameters": [
        *_query(Wanted),
        {
            "name": "Last-Event-ID", "in": "header", "required": False,
            "description": "The last event that was seen; without one only what is new is told.",
            "schema": {"type": "string"},
        }
    ],
    "security": [_ANYBODY, *_BEARERS],
    "responses": {
        "200": {
            "description": "Events, without an end.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **{str(code): _refusal(code) for code in (400, 401, 403, 421, 429, 503)},
    },
}  # fmt: skip
