"""The original's WebSocket: its messages, who may listen, and what becomes of those who say too much."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from simple_websocket import ConnectionClosed

from junmai_jobs import codec
from junmai_jobs.bridge.messages import messages_of, progress_of
from junmai_jobs.bridge.websocket import LARGEST
from junmai_jobs.endings import fail, retry, succeed
from junmai_jobs.events import Event
from tests.bridge.live import followed, served, talking
from tests.bridge.serving import Serve
from tests.command_line import in_namespace
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.job import Claimed
    from tests.bridge.studio import Studio
    from tests.forks import Forks
    from tests.servers import RedisProcess

NUMBERS = itertools.count(1)
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.fixture
def port(studio: Studio) -> Iterator[int]:
    with served(studio.app) as port:
        yield port


def submit(studio: Studio) -> str:
    """A photo of the catalog; the job's id."""
    body = {"photo_id": studio.photos[0], "user_requested": True}
    return str(studio.done("POST", "/queue/submit", json=body)["task_id"])


def begin(studio: Studio) -> Claimed:
    """Run the job that is next."""
    claimed = studio.jobs.broker.claim("w/1", f"1.{next(NUMBERS)}", ["medium_priority"])
    assert claimed
    return claimed


def picked(message: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(message[name] for name in names)


def test_a_job_is_followed_from_its_submission_to_its_end(studio: Studio, port: int) -> None:
    with talking(port) as client:
        job_id, photo = submit(studio), studio.photos[0]
        created = client.hear()
        claimed = begin(studio)
        started, progress = client.hear(), client.hear()
        studio.jobs.broker.end(claimed, succeed(codec.pack({"preset": "natural"})))
        done = client.hear()
    assert created == {
        "type": "job_created", "timestamp": created["timestamp"], "job_id": job_id, "photo_id": photo,
        "priority": 9,
    }  # fmt: skip
    assert picked(started, "type", "job_id", "photo_id") == ("job_started", job_id, photo)
    file = str(studio.jobs.job(job_id).kwargs["path"])
    assert started["photo_info"] == {"file_name": Path(file).name, "file_path": file}
    assert picked(progress, "type", "stage", "progress") == ("job_progress", "exif_analysis", 0.0)
    assert picked(done, "type", "success", "result") == ("job_completed", True, {"preset": "natural"})
    assert done["duration"] >= 0
    assert done["stages_completed"] == []


def test_a_failure_says_why_also_the_one_that_is_not_the_last(studio: Studio, port: int) -> None:
    error = {"type": "ValueError", "message": "no such photo", "traceback": ""}
    with talking(port) as client:
        submit(studio)
        studio.jobs.broker.end(begin(studio), retry(0, error))
        again = client.hear_until("job_created", "error_occurred")[-1]
        studio.jobs.broker.promote(["medium_priority"])
        studio.jobs.broker.end(begin(studio), fail(error))
        failed = client.hear_until("job_failed")[-1]
    wanted = ("ValueError", "no such photo", {"task": "process_photo"})
    assert picked(again, "error_type", "error_message", "error_details") == wanted
    assert picked(failed, "error_type", "error_message", "error_details") == wanted
    assert (again["stage"], failed["success"]) == ("exif_analysis", False)


def test_a_cancelled_job_has_ended_too(studio: Studio, port: int) -> None:
    with talking(port) as client:
        studio.done("POST", f"/queue/cancel/{submit(studio)}")
        ended = client.hear_until("job_created", "job_failed")[-1]
    assert ended["error_type"] == "cancelled"


def test_what_a_running_job_says_of_itself_is_told(studio: Studio, port: int) -> None:
    with talking(port) as client:
        job_id = submit(studio)
        note = {"done": 1, "total": 4, "message": "a quarter"}
        studio.jobs.broker.progress(begin(studio), note)
        while (last := client.hear_until("job_progress")[-1])["progress"] == 0:
            pass
    assert picked(last, "job_id", "progress", "message") == (job_id, 25.0, "a quarter")
    assert last["details"] == {"done": 1, "total": 4}


@pytest.mark.parametrize(
    "note", [{}, {"done": 1}, {"done": 1, "total": 0}, {"done": "x", "total": []}], ids=str
)
def test_a_job_that_does_not_know_how_far_it_is(studio: Studio, note: dict[str, Any]) -> None:
    submit(studio)
    studio.jobs.broker.progress(begin(studio), note)
    [job] = studio.jobs.jobs(status="running")
    assert progress_of(job).document["progress"] == 0.0


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("submitted", ["job_created"]), ("started", ["job_started", "job_progress"]),
        ("succeeded", ["job_completed"]), ("failed", ["job_failed"]), ("cancelled", ["job_failed"]),
        ("retrying", ["error_occurred"]), ("scheduled", []), ("released", []),
        ("governed", ["system_status"]),
    ],
)  # fmt: skip
def test_of_a_job_that_is_gone_it_is_told_all_the_same(word: str, told: list[str]) -> None:
    event = Event("1-1", "2026-11-29T10:00:00.000Z", word, "gone", "default", "one slot: it is hot")
    found = [message.document for message in messages_of(event, None)]
    assert [each["type"] for each in found] == told
    assert {each["timestamp"] for each in found} <= {event.at}
    json.dumps(found)


def test_what_a_client_says_is_answered_as_by_the_original(port: int) -> None:
    with talking(port) as client:
        assert client.answer_to({"type": "ping"})["type"] == "pong"
        known = client.answer_to({"type": "register", "client_type": "gui", "client_name": "desk"})
        assert (known["type"], known["client_type"], known["client_name"]) == (
            "registration_confirmed", "gui", "desk",
        )  # fmt: skip
        chosen = client.answer_to({"type": "subscribe", "channels": ["system", "photos"]})
        assert (chosen["type"], chosen["channels"]) == ("subscription_confirmed", ["system", "photos"])
        left = client.answer_to({"type": "unsubscribe", "channels": ["photos"]})
        assert (left["type"], left["channels"]) == ("unsubscription_confirmed", ["photos"])


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("no JSON", "Invalid JSON format"),
        (b"\xff\xfe", "Invalid JSON format"),
        ("[" * 50_000, "Invalid JSON format"),
        ("[]", "Message type is required"),
        ("{}", "Message type is required"),
        ('{"type": 7}', "Message type is required"),
        ('{"type": "purge"}', "Unknown message type: purge"),
        ('{"type": "\\ud800"}', "Unknown message type: \ud800"),
        ('{"type": "subscribe", "channels": "jobs"}', "Unknown message type: subscribe"),
    ],
    ids=repr,
)
def test_what_is_no_message_is_answered_with_an_error(port: int, said: str | bytes, error: str) -> None:
    with talking(port) as client:
        answer = client.answer_to(said)
        assert (answer["type"], answer["error"]) == ("error", error)
        assert client.answer_to({"type": "ping"})["type"] == "pong"


def test_a_client_that_subscribes_hears_of_that_alone(studio: Studio, port: int) -> None:
    with talking(port) as deaf, talking(port) as other:
        assert (
            deaf.answer_to({"type": "subscribe", "channels": ["system"]})["type"] == "subscription_confirmed"
        )
        submit(studio)
        assert other.hear()["type"] == "job_created"
        assert deaf.answer_to({"type": "subscribe", "channels": ["jobs"]})["type"] == "subscription_confirmed"
        submit(studio)
        assert deaf.hear()["type"] == "job_created"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_who_may_not_ask_gets_no_connection(port: int, headers: dict[str, str], status: int) -> None:
    with followed(port, "/ws", **UPGRADE, **headers) as answer:
        assert answer.status == status
        assert json.loads(answer.read()).keys() == {"error", "code"}


def test_a_page_of_the_bridge_may_listen(port: int) -> None:
    with talking(port, Origin="http://127.0.0.1") as client:
        assert client.answer_to({"type": "ping"})["type"] == "pong"


def test_another_computer_needs_the_token_to_listen(studio: Studio) -> None:
    far = {"REMOTE_ADDR": "192.0.2.7"}
    answer = studio.app.test_client().get("/ws", headers=UPGRADE, environ_base=far)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "no_token")


def test_a_page_that_is_no_websocket_is_refused(port: int) -> None:
    with followed(port, "/ws") as answer:
        assert answer.status in {400, 404}
        assert json.loads(answer.read()).keys() == {"error", "code"}


def test_who_says_too_much_is_closed(port: int) -> None:
    with talking(port) as client:
        client.say("x" * (LARGEST + 1))
        with pytest.raises(ConnectionClosed):
            client.hear()
        assert client.reason == 1009


def test_a_client_that_goes_leaves_no_thread(port: int) -> None:
    before = threading.active_count()
    with talking(port) as client:
        assert client.answer_to({"type": "ping"})["type"] == "pong"
        assert threading.active_count() > before
    wait_until(lambda: threading.active_count() <= before, what="the threads of the client to end")


def test_a_bridge_that_stops_says_so(server: RedisProcess, tmp_path: Path, forks: Forks) -> None:
    cli = in_namespace(tmp_path / "home", tmp_path / "cwd", forks).having(JUNMAI_REDIS_URL=server.url)
    with Serve(cli) as serve, talking(serve.port) as client:
        serve.process.terminate()
        with pytest.raises(ConnectionClosed):
            client.hear()
        assert client.reason == 1001
        assert serve.finish().code == 0
