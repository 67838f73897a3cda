"""The webhook: a notice is posted to an address, by a job of its own, and signed as Standard Webhooks says.

Neither the address nor the secret is in the job: both are read from the configuration when it runs. Only
where one names a webhook is this module imported, so only such workers know the task.
"""

from __future__ import annotations

import base64
import email.utils
import hmac
import http.client
import json
import time
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from junmai_jobs.config import load_config, site_of
from junmai_jobs.context import current_job
from junmai_jobs.errors import Abort, RetryLater
from junmai_jobs.notify import DELIVERY, QUEUE
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.task import task

TIMEOUT = 10.0
"""Seconds in which an address has to answer."""
PREFIX = "whsec_"
"""How a secret begins; what follows is its key in base64."""
_RETRY = RetryPolicy(max_retries=5, base=60.0, factor=4.0, cap=14_400.0)
"""After about 1, 4, 16, 64 and 240 minutes: an address may be away for some hours."""
_EXPIRES = 2 * 86_400  # s
_SHORTEST_WAIT, _LONGEST_WAIT = 5.0, 3600.0
"""Seconds: within these the wait that an address asks for is granted."""
_MAY_PASS = {408, 425, 429}


class Undelivered(Exception):  # noqa: N818 - it is no error of ours
    """The address did not take it, which may pass."""


class Answer(NamedTuple):
    """What an address has answered: the status, and the seconds it asks to be left alone."""

    status: int
    wait: float | None = None


@task(
    name=DELIVERY, queue=QUEUE, priority=0, timeout=2 * TIMEOUT, soft_timeout=TIMEOUT, expires=_EXPIRES,
    retry=_RETRY,
)  # fmt: skip
def deliver_webhook(*, type: str, timestamp: str, data: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the body's
    """Post a notice to ``notify.webhook``. Each try has the same ``webhook-id``.

    Args:
        type: the event.
        timestamp: when it happened, ISO 8601.
        data: the notice's ``message`` and details.

    Returns:
        ``status``, the status code that it was taken with.

    Raises:
        Abort: the address does not want it, redirects, or there is none; no retry follows.
        RetryLater: the address asks to be left alone for a while.
        Undelivered: it did not answer, or could not take it just now.
    """
    config = load_config()
    if config.notify_webhook is None:
        raise Abort("this worker's configuration has no notify.webhook")
    document = {"type": type, "timestamp": timestamp, "data": data}
    answer = post(config.notify_webhook, config.notify_secret, current_job().id, document)
    _judge(answer, site_of(config.notify_webhook))
    return {"status": answer.status}


def post(address: str, secret: str | None, message_id: str, document: dict[str, Any]) -> Answer:
    """Post a document once. A redirect is an answer like any other; of an answer only the head is read.

    Raises:
        Undelivered: there was no answer.
    """
    content = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sent, parts = int(time.time()), urlsplit(address)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "junmai-jobs",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent),
    }
    if secret is not None:
        headers["webhook-signature"] = signature(secret, message_id, sent, content)
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[parts.scheme](parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request(
            "POST", (parts.path or "/") + f"?{parts.query}" * bool(parts.query), content, headers
        )
        response = connection.getresponse()
        return Answer(response.status, _wait_of(response.getheader("Retry-After")))
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        why = str(error) or type(error).__name__
        raise Undelivered(f"{site_of(address)} cannot be reached: {why}") from None
    finally:
        connection.close()


def signature(secret: str, message_id: str, sent: int, content: bytes) -> str:
    """The signature of a message, as in version 1 of Standard Webhooks: HMAC-SHA256."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b"%b.%d.%b" % (message_id.encode(), sent, content)
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def in_words(answer: Answer, site: str) -> str:
    """What an address has answered."""
    return f"{site} answered {answer.status} {http.client.responses.get(answer.status, '')}".rstrip()


def _judge(answer: Answer, site: str) -> None:
    """Raise what an answer comes to, unless it was taken."""
    told, kind = in_words(answer, site), answer.status // 100
    if kind == 2:
        return
    if kind == 3:
        raise Abort(f"{told}: redirects are not followed, so name the address that it leads to")
    if kind == 4 and answer.status not in _MAY_PASS:
        raise Abort(told)
    if answer.wait is not None:
        raise RetryLater(min(max(answer.wait, _SHORTEST_WAIT), _LONGEST_WAIT), told)
    raise Undelivered(told)


def _wait_of(header: str | None) -> float | None:
    """The seconds that a Retry-After asks for; it has these, or a date. None: it asks for nothing."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
