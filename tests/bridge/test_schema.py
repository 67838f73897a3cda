"""The description and the bridge agree: what is made of one, right or wrong, the other answers as described.

Schemathesis makes the requests, the same ones each time; ``slow`` makes many more.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from junmai_jobs import JobQueue, codec, task
from junmai_jobs.bridge import _PAGES
from junmai_jobs.config import load_config
from junmai_jobs.endings import fail, retry, succeed
from tests.bridge.studio import Studio
from tests.homes import in_home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case
    from schemathesis.schemas import BaseSchema

    from tests.servers import RedisProcess

UNENDING = {("GET", "/queue/events"): "it answers for as long as somebody listens: test_events.py reads it"}
CHECKS: list[Any] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]  # fmt: skip
ERROR = {"type": "OSError", "message": "its drive is away", "traceback": ""}
RULES = [(each.method, each.rule) for page in _PAGES for each in page]


@task(name="bridge.anything")
def anything(*given: Any, **named: Any) -> None:
    """It is submitted, and never run."""


@pytest.fixture(scope="module")
def studio(server: RedisProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all of them: what one request has left there the next may meet."""
    folder = tmp_path_factory.mktemp("studio")
    config = load_config(environ=in_home(folder / "home"))
    config = replace(config, bridge_requests_per_second=10**6, photo_roots=(folder / "shoot",))
    with closing(JobQueue(server.url, config=config)) as jobs:
        yield Studio(jobs, folder / "shoot")


@pytest.fixture(scope="module")
def description(studio: Studio) -> BaseSchema:
    made: BaseSchema = schemathesis.openapi.from_wsgi("/openapi.json", studio.app, headers=headers(studio))
    return made


def headers(studio: Studio) -> dict[str, str]:
    return {"Authorization": f"Bearer {studio.token}"}


def path_of(rule: str) -> str:
    """A rule as the description has it."""
    return rule.replace("<path:", "{").replace("<", "{").replace(">", "}")


def test_it_is_a_valid_description_of_all_there_is(studio: Studio) -> None:
    document = studio.done("GET", "/openapi.json")
    validate(document)
    described = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    assert len(described) == len(RULES) + len(UNENDING)
    assert described >= UNENDING.keys()
    for each in (operation for path in document["paths"].values() for operation in path.values()):
        assert each["summary"].endswith(".")
        assert {"200", "201", "202"} & each["responses"].keys()
        assert "Retry-After" in each["responses"]["429"]["headers"]


def test_what_changes_something_says_that_it_needs_a_token(studio: Studio) -> None:
    paths = studio.done("GET", "/openapi.json")["paths"]
    for page in _PAGES:
        for each in page:
            path = path_of(each.rule)
            told = paths[path][each.method.lower()]
            needs = bool(told["security"]) and {} not in told["security"]
            assert needs == each.changes, path
            assert ("401" in told["responses"]) or each.public


def test_a_request_that_may_come_twice_says_so(studio: Studio) -> None:
    paths = studio.done("GET", "/openapi.json")["paths"]
    keyed = {
        path
        for path, each in paths.items()
        if "Idempotency-Key" in str(each.get("post", {}).get("parameters"))
    }
    assert keyed == {"/queue/jobs", "/queue/submit", "/queue/batch", "/queue/session/{session_id}"}


@pytest.fixture(scope="module")
def real(studio: Studio) -> dict[str, list[Any]]:
    """By the names of parameters what there is of them: else hardly a request would meet anything."""
    jobs = studio.jobs
    ids = [jobs.submit(anything, number).id for number in range(8)]
    ids += [
        jobs.submit(anything.with_options(delay=3600), 8).id,
        jobs.submit(anything.with_options(after=[ids[0]]), 9).id,
    ]
    for ending in (
        succeed(codec.pack({"a": b"b", "at": [1.5]})),
        fail(ERROR),
        retry(3600, ERROR),
        succeed(b""),
    ):
        claimed = jobs.broker.claim("w/0", f"{time.time_ns()}.1", ["default"])
        assert claimed
        jobs.broker.end(claimed, ending)
    jobs.cancel(ids[5])
    jobs.broker.register(
        "w", {"claimers": ["w/0"], "queues": None, "tasks": [], "concurrency": 1, "host": "h"}
    )
    jobs.broker.claim("w/0", f"{time.time_ns()}.1", ["default"])
    return {
        "job_id": ids, "task_id": ids, "session_id": [studio.session], "photo_id": studio.photos,
        "photo_ids": [studio.photos[:2], []], "folder": list(map(str, studio.jobs.config.photo_roots)),
        "task": ["bridge.anything", "process_photo"], "args": [[1]],
    }  # fmt: skip


def put_in(case: Case[Any], real: dict[str, list[Any]], data: st.DataObject) -> None:
    """Have a request name what is there, where it can."""
    places: tuple[Any, Any] = (case.path_parameters, case.body)
    for place in places:
        for name in (real.keys() & place.keys()) if isinstance(place, dict) else ():
            if name == "task" or data.draw(st.booleans()):
                place[name] = data.draw(st.sampled_from(real[name]))


def can_be_wrong(operation: Any) -> bool:
    """Whether it takes anything of which there are wrong values; an id of a job may be any text."""
    bare = all(
        each.location.value == "path" and each.name != "session_id" for each in operation.iter_parameters()
    )
    return bool(operation.body) or not bare


@dataclass(frozen=True)
class Requests:
    """What is asked of one operation after the other."""

    studio: Studio
    description: BaseSchema
    real: dict[str, list[Any]]

    def check(self, method: str, rule: str, mode: GenerationMode, examples: int) -> None:
        """Have an operation asked so often, rightly or wrongly."""
        operation = self.description[path_of(rule)][method]
        if mode is GenerationMode.NEGATIVE and not can_be_wrong(operation):
            return

        @settings(max_examples=examples, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case: Case[Any], data: st.DataObject) -> None:
            if mode is GenerationMode.POSITIVE:
                put_in(case, self.real, data)
            case.call_and_validate(checks=CHECKS, headers=headers(self.studio))

        ask()


@pytest.fixture(scope="module")
def requests(studio: Studio, description: BaseSchema, real: dict[str, list[Any]]) -> Requests:
    return Requests(studio, description, real)


MODES = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
EACH = pytest.mark.parametrize(("method", "rule"), RULES)


@MODES
@EACH
def test_it_answers_as_described(requests: Requests, method: str, rule: str, mode: GenerationMode) -> None:
    requests.check(method, rule, mode, 5)


@pytest.mark.slow
@MODES
@EACH
def test_it_answers_as_described_however_often(
    requests: Requests, method: str, rule: str, mode: GenerationMode
) -> None:
    requests.check(method, rule, mode, 300)
