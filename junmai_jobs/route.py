"""Where the server is now: at one of several addresses, on another node of its cluster, where sentinels say.

A connection asks its ``Route`` whenever it connects, and all connections of a client share one. A cluster
needs no more than that, since the keys of a namespace share a slot and so a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import redis
from redis.connection import parse_url
from redis.exceptions import ClusterDownError, InvalidResponse, MovedError, ReadOnlyError

from junmai_jobs.address import Address, Place, parse_address


class Astray(redis.ConnectionError):
    """No server was found; the text is the end of a sentence about it."""


class UnknownService(Astray):
    """The sentinels know no such service, and will not soon."""


class Route:
    """The addresses that were given, the last that served first, and before them where the slot has moved."""

    def __init__(self, given: Sequence[Place]) -> None:
        self._given = tuple(given)
        self._moved: Place | None = None
        self.now = self._given[0]
        """Where the last connection went."""
        self.picky = len(given) > 1
        """Whether a replica is passed by."""

    def ways(self) -> Iterator[Place]:
        """Where to try to connect, in this order."""
        return iter(dict.fromkeys((*filter(None, [self._moved]), *self._given)))

    def reached(self, place: Place) -> None:
        """This place answers: the next connections try it first."""
        self.now = place
        if place != self._moved:
            self._moved = None
            self._given = tuple(sorted(self._given, key=place.__ne__))

    def lead_on(self, error: Exception) -> bool:
        """Heed an error by which a server says that it is not, or not any more, the one; False for others."""
        if isinstance(error, MovedError):
            self._moved = (error.host or self.now[0], error.port)
        elif isinstance(error, (ReadOnlyError, ClusterDownError)) or str(error).startswith("UNBLOCKED "):
            self._moved, self._given = None, (*self._given[1:], self._given[0])
        else:
            return False
        return True


class SentinelRoute(Route):
    """What each of the sentinels takes for the primary, in turn: so one that is behind misleads nobody."""

    def __init__(self, sentinels: Sequence[Place], service: str, options: dict[str, Any]) -> None:
        super().__init__(sentinels)
        self._service = service
        self._options = options
        self.picky = True

    def ways(self) -> Iterator[Place]:
        """The primary's place, once for each opinion.

        Raises:
            Astray: no sentinel answers.
            UnknownService: none that answers knows the service.
        """
        answers: list[Place | None] = []
        for host, port in self._given:
            try:
                with redis.Redis(host, port, **self._options) as sentinel:
                    found: Any = sentinel.execute_command(
                        "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service
                    )
            except redis.AuthenticationError:
                raise
            except (redis.ConnectionError, redis.TimeoutError):
                continue
            place = (found[0].decode(), int(found[1])) if found else None
            if place and place not in answers:
                yield place
            answers.append(place)
        if not answers:
            raise Astray(
                "cannot be found: none of its sentinels answers: start one, or correct the addresses"
            )
        if not any(answers):
            raise UnknownService(
                f"cannot be found: its sentinels know no service {self._service}: correct the name"
            )

    def reached(self, place: Place) -> None:
        """This place is the primary."""
        self.now = place


class RoutedConnection(redis.Connection):
    """A connection to where the route leads."""

    def __init__(self, *, route: Route, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._route = route

    def connect_check_health(self, *arguments: Any, **options: Any) -> None:
        """Connect, at the first place that will do."""
        if self.is_connected:
            return
        failure: Exception = Astray("cannot be found: no address of it leads to a primary")
        try:
            for place in self._route.ways():
                self.host, self.port = place
                try:
                    self._greet(*arguments, **options)
                    self._pass_a_replica_by()
                except redis.AuthenticationError:
                    raise
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    failure = error
                else:
                    self._route.reached(place)
                    return
            raise failure
        finally:
            del failure  # it leads to this frame, and this frame to a socket

    def _greet(self, *arguments: Any, **options: Any) -> None:
        """Connect; what answers in Redis' form, but to something else, is told as what is no Redis."""
        try:
            super().connect_check_health(*arguments, **options)
        except (AttributeError, TypeError, ValueError) as error:  # redis-py takes any reply for a greeting
            self.disconnect()  # type: ignore[no-untyped-call]
            raise InvalidResponse("its greeting is none") from error

    def _pass_a_replica_by(self) -> None:
        greeting: Any = self.handshake_metadata or {}
        told = {key: greeting.get(key, greeting.get(key.encode())) for key in ("role", "mode")}
        if self._route.picky and told == {"role": b"replica", "mode": b"standalone"}:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise Astray("is a replica and takes no jobs: use the address of its primary, or wait for one")


class RoutedTLSConnection(RoutedConnection, redis.SSLConnection):
    """The same through TLS, by the certificate and the name of each place."""


def routed_client(url: str, options: dict[str, Any]) -> redis.Redis:
    """A client for a URL, not yet connected; what the URL says of connections counts more than the options.

    Raises:
        ValueError, TypeError: the URL is none, or says what redis-py does not know.
    """
    address = parse_address(url)
    told: dict[str, Any] = parse_url(address.plain)  # type: ignore[no-untyped-call]
    kind = told.pop("connection_class", RoutedConnection)
    if address.places:
        kind = RoutedTLSConnection if kind is redis.SSLConnection else RoutedConnection
        told = _with_route(told, address, options, secure=kind is RoutedTLSConnection)
    pool = redis.ConnectionPool(connection_class=kind, **options | told)
    kind(**pool.connection_kwargs)  # does not connect, but refuses an option that is none
    return redis.Redis.from_pool(pool)


def _with_route(
    told: dict[str, Any], address: Address, options: dict[str, Any], *, secure: bool
) -> dict[str, Any]:
    """What a URL says of connections, and the way to its places, which share the time there is to connect."""
    told = {name: value for name, value in told.items() if name not in {"host", "port"}}
    credentials = {name: told.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    patience = (options | told)["socket_connect_timeout"]
    share = patience / (len(address.places) + (address.service is not None))
    waits = {"socket_connect_timeout": share, "socket_timeout": share, "retry": options["retry"]}
    tls = {name: value for name, value in told.items() if name.startswith("ssl_")} | {"ssl": secure}
    if address.service is None:
        route = Route(address.places)
    else:
        route = SentinelRoute(address.places, address.service, credentials | waits | tls)
    return told | {"socket_connect_timeout": share, "route": route}


def route_of(client: redis.Redis) -> Route | None:
    """The route that the connections of a client share; None for a Unix socket."""
    route: Route | None = client.connection_pool.connection_kwargs.get("route")
    return route
