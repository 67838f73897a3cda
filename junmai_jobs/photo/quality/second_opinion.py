"""A second opinion on a photograph, of a vision model that Ollama runs: not required, nor waited for long.

The whole call has a time limit, and after a few failures in a row no more calls are made for a while, by this
process. Whatever goes wrong, the score stays as it was. The protocol is that of Ollama's ``/api/generate``.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import io
import json
import math
import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from junmai_jobs.config import SecondOpinion
from junmai_jobs.photo.quality.judging import recommendation

LONG_EDGE = 768  # px of the picture that is sent
_QUALITY = 85  # of its JPEG
_MOST_BYTES = 64 * 1024  # of an answer
_LONGEST_REASON = 300  # characters
_PROMPT = (
    "You are a professional photo editor who culls a shoot. Judge this photograph as a whole: sharpness of "
    "its subject, exposure, composition, moment and expression. Answer in JSON only, with two keys: "
    '"score", a number from 1 (to be thrown away) to 5 (outstanding), and "reason", one short sentence.'
)


class NoOpinion(Exception):  # noqa: N818 - it is no error of the photograph's
    """The model was not asked, or gave no answer that can be used; the message says why."""


@dataclass(slots=True)
class Breaker:
    """Stops asking for ``pause`` seconds after ``most`` failures in a row; then one more is enough for it."""

    clock: Callable[[], float] = time.monotonic
    most: int = 3
    pause: float = 300.0
    _failures: int = 0
    _open_until: float = -math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what ``ask`` returns.

        Raises:
            NoOpinion: ``ask`` did, or it is not to be asked now.
        """
        with self._lock:
            wait = self._open_until - self.clock()
        if wait > 0:
            raise NoOpinion(f"not asked: it failed {self._failures} times in a row, next try in {wait:.0f} s")
        try:
            answer = ask()
        except NoOpinion:
            with self._lock:
                self._failures += 1
                if self._failures >= self.most:
                    self._open_until = self.clock() + self.pause
            raise
        with self._lock:
            self._failures = 0
        return answer


@functools.lru_cache(maxsize=8)
def _breaker(_url: str, _model: str) -> Breaker:
    return Breaker()


def add_second_opinion(
    quality: dict[str, Any],
    picture: Image.Image,
    settings: SecondOpinion | None,
    breaker: Breaker | None = None,
) -> dict[str, Any]:
    """Return ``quality`` with the score that the opinion makes of it.

    Args:
        quality: as ``judging.evaluate`` gives it; it is not changed.
        picture: the photograph, upright; a small JPEG of it is sent.
        settings: whom to ask; None: nobody.
        breaker: None: the one this process has for that model.

    Returns:
        ``quality``, where somebody was to be asked with ``llm_evaluation``: ``model`` and either ``score``
        (1 to 5), ``reason``, ``own_score``, the score before, and ``weight``, the opinion's share of the new
        one; or ``error``, and the score is as it was.
    """
    if settings is None:
        return quality
    asked = breaker or _breaker(settings.url, settings.model)
    try:
        opinion = asked.call(lambda: _ask(picture, settings))
    except NoOpinion as error:
        return quality | {"llm_evaluation": {"model": settings.model, "error": str(error)}}
    own = quality["overall_score"]
    overall = round((1 - settings.weight) * own + settings.weight * opinion["score"], 4)
    return quality | {
        "overall_score": overall,
        "recommendation": recommendation(overall, quality["quality"]["focus_score"]),
        "llm_evaluation": {"model": settings.model, **opinion, "own_score": own, "weight": settings.weight},
    }


def _ask(picture: Image.Image, settings: SecondOpinion) -> dict[str, Any]:
    body = {
        "model": settings.model,
        "prompt": _PROMPT,
        "images": [base64.b64encode(_jpeg(picture)).decode("ascii")],
        "format": "json",
        "stream": False,
        "options": {"temperature": 0, "seed": 0, "num_predict": 200},
    }
    return _understood(_posted(settings, json.dumps(body).encode()))


def _jpeg(picture: Image.Image) -> bytes:
    small, data = picture.convert("RGB"), io.BytesIO()
    small.thumbnail((LONG_EDGE, LONG_EDGE))
    small.save(data, "JPEG", quality=_QUALITY)
    return data.getvalue()


def _posted(settings: SecondOpinion, body: bytes) -> bytes:
    """Post to the server and return its answer, within the time limit whatever the server does.

    A timeout of a socket starts anew with every byte, and finding a host's address has none: hence a thread.
    """
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    sockets: list[socket.socket] = []
    over = threading.Event()

    def post() -> None:
        try:
            with contextlib.closing(_connection(settings)) as connection:
                connection.connect()
                sockets.append(connection.sock)
                if not over.is_set():
                    answers.put(_exchanged(connection, body))
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no opinion
            answers.put(error)

    threading.Thread(target=post, name="second opinion", daemon=True).start()
    try:
        answer = answers.get(timeout=settings.timeout_s)
    except queue.Empty:
        answer = TimeoutError()
    finally:
        over.set()
        for each in sockets:  # which ends the thread too, wherever it waits
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
    if isinstance(answer, TimeoutError):
        raise NoOpinion(f"{settings.url} gave no answer within {settings.timeout_s:g} s")
    if isinstance(answer, NoOpinion):
        raise answer
    if isinstance(answer, Exception):
        raise NoOpinion(f"{settings.url} cannot be asked ({answer}): is Ollama running?") from answer
    if len(answer) > _MOST_BYTES:
        raise NoOpinion(f"{settings.url} answered with more than {_MOST_BYTES} bytes")
    return answer


def _connection(settings: SecondOpinion) -> http.client.HTTPConnection:
    address = urlsplit(settings.url)
    of_scheme = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return of_scheme(address.netloc, timeout=settings.timeout_s)


def _exchanged(connection: http.client.HTTPConnection, body: bytes) -> bytes:
    connection.request("POST", "/api/generate", body, {"Content-Type": "application/json"})
    with connection.getresponse() as response:
        answer = response.read(_MOST_BYTES + 1)
    if response.status != http.HTTPStatus.OK:
        raise _refusal(response.status, answer)
    return answer


def _refusal(status: int, answer: bytes) -> NoOpinion:
    try:
        told = str(json.loads(answer)["error"])
    except (ValueError, LookupError, TypeError):
        told = http.client.responses.get(status, "")
    return NoOpinion(f"refused with status {status}: {_line(told)}")


def _understood(answer: bytes) -> dict[str, Any]:
    """Read the score and the reason out of an answer, which a model is free to make anything of."""
    try:
        opinion = json.loads(json.loads(answer)["response"])
        score, reason = opinion["score"], opinion.get("reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoOpinion("its answer is not the JSON that was asked for") from None
    if type(score) not in {int, float} or not 1 <= score <= 5:
        raise NoOpinion("its answer has no score from 1 to 5")
    return {"score": float(score), "reason": _line(reason) if isinstance(reason, str) else ""}


def _line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:_LONGEST_REASON]
