"""The description of the interface, as OpenAPI 3.1, made of what the endpoints are annotated with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct

from junmai_jobs.bridge.endpoints import Endpoint
from junmai_jobs.bridge.problems import Problem

_PART = re.compile(r"<(?:(\w+):)?(\w+)>")
_NUMBER, _TEXT = {"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}
_REFS = "#/components/schemas/{name}"
_WHENEVER = {400: "It is not what this takes.", 403: "It may not ask.", 421: "Another host is meant.",
             429: "It asks too often.", 503: "The server is away."}  # fmt: skip
_WHEN = {401: "There is no valid token.", 404: "There is no such thing, or none now.",
         409: "Its state does not allow it.", 410: "It is not kept any more.",
         413: "The body is too large.", 415: "The body is not JSON."}  # fmt: skip


def openapi(endpoints: Iterable[Endpoint], prefix: str = "") -> dict[str, Any]:
    """Describe endpoints that are found under a prefix."""
    endpoints = list(endpoints)
    kinds = [Problem, *(endpoint.hints["return"] for endpoint in endpoints)]
    kinds += [endpoint.hints["body"] for endpoint in endpoints if "body" in endpoint.hints]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFS)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = _PART.sub(r"{\2}", endpoint.rule)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Junmai Jobs", "version": version("junmai-jobs"), "license": {"name": "MIT"}},
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    hints, codes = endpoint.hints, {*_WHENEVER, *endpoint.refuses}
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.answers.__module__.rpartition('.')[2]}.{endpoint.answers.__name__}",
        "summary": (inspect.getdoc(endpoint.answers) or "").partition("\n")[0],
        "parameters": [*_parts(endpoint.rule), *_query(hints.get("query"))],
    }
    if "body" in hints:
        codes |= {413, 415}
        operation["requestBody"] = {
            "content": _content(hints["body"]), "required": bool(_required(hints["body"])),
        }  # fmt: skip
    if endpoint.changes:
        codes |= {401}
        operation["security"] = [{"token": []}]
    refusals = {
        str(code): {"description": (_WHENEVER | _WHEN)[code], "content": _content(Problem)}
        for code in sorted(codes)
    }
    done = {"description": "Done.", "content": _content(hints["return"])}
    return {**operation, "responses": {"200": done, **refusals}}


def _content(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFS)
    return {"application/json": {"schema": schema}}


def _parts(rule: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _NUMBER if kind == "int" else _TEXT}
        for kind, name in _PART.findall(rule)
    ]


def _query(kind: type[Struct] | None) -> list[dict[str, Any]]:
    if kind is None:
        return []
    (_,), schemas = msgspec.json.schema_components([kind], ref_template=_REFS)
    properties = schemas[kind.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _required(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.required)
