"""What is given to Prometheus and Grafana: they take it, and all that it asks for is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as openmetrics

from junmai_jobs import endings as verbs
from junmai_jobs.job import Body, NewJob
from tests.promtool import CONTRIB, promtool
from tests.scrapes import let_pass, registry_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess

BOARD = json.loads((CONTRIB / "grafana-dashboard.json").read_text("utf-8"))
PAGE = (CONTRIB.parent / "docs" / "metrics.md").read_text("utf-8")
NAME = re.compile(r"\bjunmai_[a-z_]+\b")
LABEL = re.compile(r"\b([a-z]+)\s*=~?\"|(?:by|on) \(([a-z, ]+)\)")
OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that are put to a series when it is read, and that of a bucket."""


@pytest.fixture
def told(jobs: JobQueue, server: RedisProcess) -> Iterator[str]:
    """A scrape that has every series there is."""
    jobs.broker.register(
        "w", {"claimers": ["w/0"], "governor": {"grade": "eased", "slots": 1, "of": 1, "reasons": []}}
    )
    registry = registry_of(jobs)
    jobs.broker.enqueue([NewJob("a", Body(queue="default", priority=5, task="develop").encode(stamp=True))])
    claimed = jobs.broker.claim("w/0", "1.1", ["default"])
    assert claimed
    jobs.broker.end(claimed, verbs.succeed(b""))
    let_pass(jobs)
    with server.client() as admin:
        admin.config_set("maxmemory", 2**30)
        try:
            yield generate_latest(registry).decode()
        finally:
            admin.config_set("maxmemory", 0)


def names_in(text: str) -> set[str]:
    """The series of a scrape, and what each is called in its head."""
    return set(NAME.findall(text))


def labels_in(text: str) -> set[str]:
    return {name for inside in re.findall(r"\{(.+)\}", text) for name in re.findall(r"([a-z]+)=\"", inside)}


def expressions() -> list[str]:
    """All that the dashboard asks for, as Prometheus hears it."""
    asked = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]
    asked += [
        match[1]
        for each in BOARD["templating"]["list"]
        if (match := re.fullmatch(r"label_values\((.+), \w+\)", each.get("definition", "")))
    ]
    stand_ins = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
    for name, value in stand_ins.items():
        asked = [each.replace(name, value) for each in asked]
    return asked


def asked_for(text: str) -> set[str]:
    return {name for found in LABEL.findall(text) for name in re.split(r",\s*", "".join(found))}


def test_prometheus_takes_a_scrape(told: str) -> None:
    assert promtool("check", "metrics", stdin=told) == ""


def test_a_scrape_in_the_newer_format_can_be_read_too(jobs: JobQueue) -> None:
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    text = encode(registry_of(jobs)).decode()
    families = list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert {"junmai_jobs", "junmai_server_up"} <= {family.name for family in families}


def test_prometheus_takes_the_configuration_and_the_alerts() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    assert "FAILED" not in promtool("check", "rules", "prometheus-alerts.yml")


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", "prometheus-alerts-test.yml")
    alerts = set(re.findall(r"alert: (\w+)", (CONTRIB / "prometheus-alerts.yml").read_text("utf-8")))
    tests = (CONTRIB / "prometheus-alerts-test.yml").read_text("utf-8")
    fired = set(re.findall(r"alertname: (\w+)\n +exp_alerts", tests))
    quiet = set(re.findall(r"alertname: (\w+)\}", tests))
    assert alerts == fired == quiet


def test_alerts_ask_for_what_is_told(told: str) -> None:
    alerts = (CONTRIB / "prometheus-alerts.yml").read_text("utf-8")
    assert len(names_in(alerts)) > 8
    assert names_in(alerts) <= names_in(told)


def test_the_dashboard_asks_for_what_is_told(told: str) -> None:
    asked = expressions()
    assert len(asked) > 30
    for each in asked:
        names = names_in(each)
        assert names, each
        assert names <= names_in(told), each
        assert asked_for(each) <= labels_in(told) | OF_PROMETHEUS, each
    shown = names_in("\n".join(asked))
    bases = {re.sub("_(bucket|sum|count)$", "", name) for name in names_in(told)}
    assert {re.sub("_bucket$", "", name) for name in shown} >= {
        name for name in bases if f"{name}_total" not in bases
    }, "something is told that it does not show"


def test_prometheus_can_read_each_expression(tmp_path: Path) -> None:
    rules = [{"record": f"a:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels: list[dict[str, Any]] = BOARD["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    assert (BOARD["schemaVersion"], BOARD["uid"], "id" in BOARD) == (39, "junmai-jobs", False)
    assert [each["name"] for each in BOARD["templating"]["list"]] == ["datasource", "job", "instance"]
    places: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & places, f"{panel['title']} stands over another"
        places |= taken
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all('job=~"$job", instance=~"$instance"' in each["expr"] for each in panel["targets"])
            references = [each["refId"] for each in panel["targets"]]
            assert len(references) == len(set(references))


def test_the_page_tells_of_every_series_and_of_no_other(told: str) -> None:
    series = {line.split()[2]: line.split()[3] for line in told.splitlines() if line.startswith("# TYPE")}
    rows = dict(re.findall(r"^\| `(junmai_[a-z_]+)` \| (\w+) \|", PAGE, re.MULTILINE))
    assert rows == series
    for name in series:
        [row] = re.findall(rf"^\| `{name}` \| \w+ \|([^|]*)\|", PAGE, re.MULTILINE)
        samples = [line for line in told.splitlines() if re.match(rf"{name}(_bucket)?[{{ ]", line)]
        assert samples, name
        labels = {each for line in samples for each in labels_in(line)} - {"le"}
        assert set(re.findall(r"`(\w+)`", row)) == labels, name


def test_what_the_page_asks_prometheus_it_can_answer(told: str, tmp_path: Path) -> None:
    asked = re.findall(r"^```promql\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    queries = [
        query.strip()
        for block in asked
        for query in re.split(r"^#.*$", block, flags=re.MULTILINE)
        if query.strip()
    ]
    assert len(queries) > 5
    assert names_in("\n".join(queries)) <= names_in(told)
    rules = [{"record": f"a:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "page", "rules": rules}]}), "utf-8")
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)
