"""The queue's server goes away under a bridge that serves, and comes back."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.bridge.serving import Serve, ask
from tests.command_line import in_namespace
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.serving import Answer
    from tests.conftest import StartServer
    from tests.forks import Forks
    from tests.servers import RedisProcess

WITHOUT = {"/healthz", "/session", "/openapi.json"}
"""What asks no server anything."""
CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/queue/pause", {}),
    ("POST", "/queue/jobs", {"task": "lightroom_apply", "kwargs": {"photo_id": 1, "config": {}}}),
    ("POST", "/queue/resume", {}),
    ("POST", "/queue/purge", {}),
    ("POST", "/queue/cancel/x", {}),
    ("POST", "/queue/retry/x", {}),
    ("PUT", "/queue/priority/x", {"priority": 3}),
    ("POST", "/queue/priority/auto-boost", {}),
    ("POST", "/job/x/result", {"status": "success"}),
    ("POST", "/job/x/heartbeat", {}),
)


def test_all_that_asks_the_server_says_come_again_until_it_is_back(
    redis_process: StartServer, tmp_path: Path, forks: Forks
) -> None:
    server = redis_process()
    cli = in_namespace(tmp_path / "home", tmp_path / "cwd", forks).having(JUNMAI_REDIS_URL=server.url)
    with Serve(cli) as serve:
        token = (tmp_path / "home" / "bridge-token").read_text()
        call = partial(ask, serve.port, Authorization=f"Bearer {token}")
        paths = call("GET", "/openapi.json").document["paths"]
        looks = [
            ("GET", path.replace("{", "").replace("}", "")) for path, each in paths.items() if "get" in each
        ]
        looks = [(method, path) for method, path in looks if path not in WITHOUT]
        looks += [("GET", "/queue/events")]
        assert len(looks) > 10
        server.kill()
        calls = [*((*look, None) for look in looks), *CHANGES]
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = [pool.submit(call, method, path, body=body) for method, path, body in calls]
            told = {each[:2]: answer.result() for each, answer in zip(calls, answers, strict=True)}
        assert [each for each, answer in told.items() if answer.status != 503] == []
        assert {answer.headers["Retry-After"] for answer in told.values()} == {"5"}
        assert {answer.document["code"] for answer in told.values()} == {"store_unavailable"}
        assert call("GET", "/healthz").status == 200
        assert _figure(call("GET", "/metrics"), "junmai_server_up") == 0
        server.start()
        wait_until(lambda: call("GET", "/readyz").status == 200, what="the bridge to be well again")
        assert call("POST", "/queue/pause").status == 200
        assert _figure(call("GET", "/metrics"), "junmai_server_up") == 1


def _figure(answer: Answer, name: str) -> float:
    assert answer.status == 200
    [value] = re.findall(rf"^{name} (.+)$", answer.body.decode(), re.MULTILINE)
    return float(value)


def test_a_bridge_that_begins_before_its_server(
    tmp_path: Path, forks: Forks, redis_process: StartServer
) -> None:
    server: RedisProcess = redis_process()
    server.kill()
    cli = in_namespace(tmp_path / "home", tmp_path / "cwd", forks).having(JUNMAI_REDIS_URL=server.url)
    with Serve(cli) as serve:
        assert ask(serve.port, "GET", "/queue/stats").status == 503
        server.start()
        wait_until(lambda: ask(serve.port, "GET", "/queue/stats").status == 200, what="the bridge to be well")
        serve.process.terminate()
        done = serve.finish()
        assert done.code == 0
        assert "the bridge answers that it is away" in done.err
