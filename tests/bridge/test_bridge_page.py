"""docs/bridge.md against the bridge itself: every endpoint stands in its tables, as it is, and no other."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.bridge.problems import RETRY_AFTER
from junmai_jobs.bridge.rates import CODE
from junmai_jobs.bridge.serving import ARRIVES_WITHIN, MOST_CONNECTIONS
from junmai_jobs.bridge.websocket import LARGEST
from junmai_jobs.codec import DEPTH_LIMIT
from junmai_jobs.config import Config
from junmai_jobs.options import Options
from tests.embedded_servers import ROOT

if TYPE_CHECKING:
    from tests.bridge.studio import Studio

PAGE = (ROOT / "docs" / "bridge.md").read_text("utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ROW = re.compile(r"^\| `(GET|POST|PUT|DELETE) (/[^` ]*)` \|(.*)\|$", re.MULTILINE)
WHENEVER = {"400", "403", "421", "429", "503"}
OF_A_BODY = {"413", "415"}
OPTIONS = {each.name for each in fields(Options)} | {"eta"}
"""Those of a submission; docs/options.md has all of them."""


def rows() -> dict[tuple[str, str], list[str]]:
    """Method and path -> the other cells of their row."""
    found = [((method, path), cells) for method, path, cells in ROW.findall(PAGE)]
    assert len(dict(found)) == len(found), "an endpoint stands in the tables twice"
    return {where: [cell.strip() for cell in cells.split("|")] for where, cells in found}


def names(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


@pytest.fixture
def described(studio: Studio) -> dict[tuple[str, str], Any]:
    """Method and path -> the operation, with its schemas in it."""
    document = studio.done("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    return {
        (method.upper(), re.sub(r"\{\w+\}", "ID", path)): resolved(operation, schemas)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def resolved(value: Any, schemas: dict[str, Any]) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(value, dict):
        if "$ref" in value:
            return resolved(schemas[value["$ref"].rpartition("/")[2]], schemas)
        return {key: resolved(item, schemas) for key, item in value.items()}
    return [resolved(item, schemas) for item in value] if isinstance(value, list) else value


def schema_of(content: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = content["content"]["application/json"]["schema"]
    return schema


def takes(operation: dict[str, Any]) -> tuple[set[str], set[str]]:
    """What goes into the body or the query, and what of it is required."""
    body = schema_of(operation["requestBody"]) if "requestBody" in operation else {}
    query = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
    return query | body.get("properties", {}).keys(), set(body.get("required", ()))


def who_may(operation: dict[str, Any]) -> str:
    security = operation["security"]
    return "all" if not security else "look" if {} in security else "token"


def done(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Status -> the schema of what is answered, where that is JSON."""
    return {
        code: schema_of(each)
        for code, each in operation["responses"].items()
        if code[0] == "2" and "application/json" in each["content"]
    }


def test_every_endpoint_stands_in_the_tables_and_no_other(
    studio: Studio, described: dict[tuple[str, str], Any]
) -> None:
    routed = {
        (method, re.sub(r"<[^>]+>", "ID", rule.rule))
        for rule in studio.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described.keys() <= routed
    assert rows().keys() == routed


def test_each_row_tells_who_may_and_what_it_takes(described: dict[tuple[str, str], Any]) -> None:
    found = rows()
    for where, operation in described.items():
        who, taken, _, _ = found[where]
        assert who == who_may(operation), where
        known, required = takes(operation)
        known -= OPTIONS if "](options.md)" in taken else set()
        assert (names(taken), set(re.findall(r"\*\*`(\w+)`\*\*", taken))) == (known, required), where
        has_key = any(each["name"] == "Idempotency-Key" for each in operation["parameters"])
        assert ("[key](#idempotency)" in taken) == has_key, where


def test_each_row_tells_what_is_answered_and_refused(described: dict[tuple[str, str], Any]) -> None:
    found = rows()
    for where, operation in described.items():
        who, _, answer, refusals = found[where]
        always = WHENEVER | (set() if who == "all" else {"401"})
        always |= OF_A_BODY if "requestBody" in operation else set()
        codes = {code for code in operation["responses"] if code[0] in "45"}
        assert set(re.findall(r"\d{3}", refusals)) == codes - always, where
        documents = done(operation)
        if documents and "](#" not in answer:
            (keys,) = {frozenset(schema["properties"]) for schema in documents.values()}
            assert names(answer) == keys, where
        told = set(re.findall(r"\b20\d\b", answer))
        assert told == set(documents) if told else set(documents) <= {"200"}, where


def test_a_job_is_told_of_by_all_its_keys(described: dict[tuple[str, str], Any]) -> None:
    section = PAGE.partition("## A job\n")[2].partition("\n## ")[0]
    assert names(section) >= done(described["GET", "/queue/jobs/ID"])["200"]["properties"].keys()


def test_the_overview_is_told_of_by_all_its_parts(described: dict[tuple[str, str], Any]) -> None:
    section = PAGE.partition("## The overview\n")[2].partition("\n## ")[0]
    assert names(section) >= done(described["GET", "/queue/overview"])["200"]["properties"].keys()


def test_the_page_names_every_code_of_an_error() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "junmai_jobs" / "bridge").glob("*.py"))
    made = set(re.findall(r"Refusal\([^()]*(?:\([^()]*\)[^()]*)*\"([a-z_]+)\"\)", source))
    table = (ROOT / "junmai_jobs" / "bridge" / "problems.py").read_text("utf-8")
    made |= set(re.findall(r"\d{3}(?:,|:) \"([a-z_]+)\"", table))
    section = PAGE.partition("## Errors\n")[2].partition("\n## ")[0]
    assert names(section) >= made


def test_the_page_names_the_time_after_which_to_ask_again() -> None:
    assert f"`Retry-After: {RETRY_AFTER}`" in PAGE


def test_the_page_names_the_limits_as_they_are() -> None:
    section = PAGE.partition("## Limits\n")[2].partition("\n## ")[0]
    for limit in (MOST_CONNECTIONS, DEPTH_LIMIT, CODE.amount, Config(home=ROOT).bridge_requests_per_second):
        told = {5: "five"}.get(limit, f"{limit:,}")
        assert re.search(rf"\b{told}\b", section), limit
    assert f"{ARRIVES_WITHIN:g} s" in section
    assert f"{LARGEST // 1024} KiB" in section


def test_the_page_that_is_linked_names_the_figures_for_prometheus(studio: Studio) -> None:
    section = PAGE.partition("### Metrics\n")[2].partition("\n## ")[0]
    assert "(metrics.md)" in section
    table = re.findall(r"^\| `(junmai_\w+)` \|", METRICS, re.MULTILINE)
    told = re.findall(r"^# TYPE (junmai_\w+) ", studio.ask("GET", "/metrics").text, re.MULTILINE)
    assert {name for name in told if not name.endswith("_created")} <= set(table)
    assert len(table) == len(set(table))
