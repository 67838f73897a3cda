"""The original's WebSocket at ``/ws``: its clients hear what happens to photos and jobs, in its own messages.

A client tells nothing that changes anything. It hears of all channels until it subscribes to some.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from flask_sock import Sock
from simple_websocket import ConnectionClosed

from junmai_jobs.bridge.messages import CHANNELS, Message, messages_of, now, progress_of
from junmai_jobs.codec import from_json
from junmai_jobs.errors import EventsLost, StoreUnavailable

if TYPE_CHECKING:
    from flask import Blueprint
    from flask.blueprints import BlueprintSetupState
    from simple_websocket import Server

    from junmai_jobs.bridge.hub import Hub
    from junmai_jobs.events import Event
    from junmai_jobs.jobqueue import JobQueue

LARGEST = 1 << 16
"""Bytes that a client may say at a time."""
_PING_EVERY = 25.0
_LOOK_EVERY = 0.1
_PROGRESS_EVERY = 1.0
_AGAIN = 1.0
_PAGE = 100
_GOING_AWAY, _TRY_LATER = 1001, 1013
_OPTIONS = "SOCK_SERVER_OPTIONS"


def add_websocket(blueprint: Blueprint, jobs: JobQueue, hub: Hub) -> None:
    """Have a blueprint answer at ``/ws``; what it does before each request is done here, too."""
    blueprint.record_once(_set_limits)

    def talk(wire: Server) -> None:
        wire.sock = line = _Line(wire.sock)
        # How a client goes: it says so, or its connection is dead.
        with contextlib.closing(line), contextlib.suppress(ConnectionClosed, OSError):
            _Talk(wire, jobs, hub).hold()

    Sock().route("/ws", bp=blueprint)(talk)


def _set_limits(state: BlueprintSetupState) -> None:
    """Where a host has limits of its own for WebSockets, they count."""
    own = {"ping_interval": _PING_EVERY, "max_message_size": LARGEST}
    state.app.config[_OPTIONS] = own | state.app.config.get(_OPTIONS, {})


class _Line:
    """The socket of a server's connection, in the hands of simple-websocket, two of whose threads use it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, data: bytes) -> int:
        """Send all of it: nobody looks how much was sent."""
        with self._sending:
            self._connection.sendall(data)
        return len(data)

    def close(self) -> None:
        """End the talk. The socket is the server's to close; the answer that it still sends goes nowhere."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _Talk:
    """One client, from its coming to its going."""

    def __init__(self, wire: Server, jobs: JobQueue, hub: Hub) -> None:
        self._wire = wire
        self._jobs = jobs
        self._hub = hub
        self._channels: frozenset[str] | None = None
        self._shown: dict[str, Any] = {}
        """Of each running job the progress that was told last."""
        self._show_at = 0.0

    def hold(self) -> None:
        """Listen and tell until one of both goes."""
        try:
            cursor = self._jobs.broker.listen()
        except StoreUnavailable as error:
            self._say("error", error=str(error))
            self._wire.close(_TRY_LATER, "the server is away")
            return
        self._say("connection_established", client_id=secrets.token_hex(8), server_time=now())
        with self._hub.listening(cursor):
            while not self._hub.closed:
                text = self._wire.receive(timeout=_LOOK_EVERY)
                if text is not None:
                    self._answer(text)
                try:
                    cursor = self._tell_after(cursor)
                    self._tell_progress()
                except StoreUnavailable:
                    time.sleep(_AGAIN)
            self._wire.close(_GOING_AWAY, "the bridge stops")

    def _answer(self, text: str | bytes) -> None:
        try:
            given = from_json(text)
        except ValueError:
            self._say("error", error="Invalid JSON format")
            return
        match given:
            case {"type": "ping"}:
                self._say("pong")
            case {"type": "register"}:
                named = {name: _text(given.get(name)) for name in ("client_type", "client_name")}
                self._say("registration_confirmed", **named)
            case {"type": "subscribe" | "unsubscribe" as kind, "channels": [*channels]}:
                self._choose(kind, [_text(each) for each in channels])
            case {"type": str(kind)}:
                self._say("error", error=f"Unknown message type: {kind:.100}")
            case _:
                self._say("error", error="Message type is required")

    def _choose(self, kind: str, channels: list[str]) -> None:
        if kind == "subscribe":
            self._channels = (self._channels or frozenset()) | CHANNELS.intersection(channels)
        else:
            self._channels = (CHANNELS if self._channels is None else self._channels).difference(channels)
        self._say(
            "subscription_confirmed" if kind == "subscribe" else "unsubscription_confirmed", channels=channels
        )

    def _tell_after(self, cursor: str) -> str:
        """The cursor of the last event that was told."""
        try:
            found = self._hub.after(cursor, 0)[:_PAGE]
        except EventsLost as lost:
            self._say("error", error=str(lost))
            return lost.cursor
        for event, message in self._messages(found):
            self._tell(message)
            cursor = event.cursor
        return found[-1].cursor if found else cursor

    def _messages(self, events: list[Event]) -> list[tuple[Event, Message]]:
        ids = {event.id for event in events if event.word != "governed"}
        jobs = {job.id: job for job in self._jobs.inspector.load(list(ids))}
        return [(event, message) for event in events for message in messages_of(event, jobs.get(event.id))]

    def _tell_progress(self) -> None:
        """What running jobs say of themselves is no event: it is looked for."""
        if time.monotonic() < self._show_at:
            return
        self._show_at = time.monotonic() + _PROGRESS_EVERY
        running = {job.id: job for job in self._jobs.jobs(status="running", limit=_PAGE)}
        for job in running.values():
            if job.progress and job.progress != self._shown.get(job.id):
                self._tell(progress_of(job))
        self._shown = {job.id: job.progress for job in running.values()}

    def _tell(self, message: Message) -> None:
        if self._channels is None or message.channel in self._channels:
            self._send(message.document)

    def _say(self, kind: str, **more: Any) -> None:
        self._send({"type": kind, "timestamp": now(), **more})

    def _send(self, document: dict[str, Any]) -> None:
        self._wire.send(json.dumps(document, default=str))


def _text(given: object) -> str:
    """A name that a client gives, or the form of what is none."""
    return given if isinstance(given, str) else type(given).__name__
