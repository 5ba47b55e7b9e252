"""Where a Redis server is, how it is greeted, and what a connection to it takes. No I/O but for the files of TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.redis import RedisSettings, RedisUrl
from gateway.tls import client_context

Address = TcpAddress | UnixAddress

CLIENT_NAME = "slipstream"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are. Never shown."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


def credentials_of(settings: RedisSettings, *, sentinel: bool = False) -> Credentials:
    """What a server, or a sentinel, is to know us by."""
    username, password = settings.username, settings.password
    if sentinel:
        username, password = settings.sentinel_username, settings.sentinel_password
    return Credentials(username, None if password is None else password.get_secret_value())


def greeting(credentials: Credentials, database: int = 0) -> list[tuple[str, ...]]:
    """The commands that a connection begins with. The last one fails while the server cannot be used."""
    hello: tuple[str, ...] = ("HELLO", "3")
    if credentials.password is not None:
        hello += ("AUTH", credentials.username or "default", credentials.password)
    commands = [(*hello, "SETNAME", CLIENT_NAME)]
    if database:
        commands.append(("SELECT", str(database)))
    commands.append(("PING",))
    return commands


def tls_of(settings: RedisSettings) -> ssl.SSLContext | None:
    """How connections are encrypted, if they are. Raises OSError, ssl.SSLError for files that cannot be used."""
    if not settings.uses_tls:
        return None
    return client_context(settings.tls)


def address_of(host: str, port: int) -> TcpAddress:
    """An address as a sentinel or a node of a cluster tells it."""
    return TcpAddress(host.strip("[]"), port)


def urls_of(settings: RedisSettings) -> list[Address]:
    """Where to begin: the server itself, sentinels, or nodes of a cluster."""
    return [url.address for url in settings.url]


def database_of(settings: RedisSettings) -> int:
    """The number of the database. Sentinels have none: it is the master's."""
    first: RedisUrl = settings.url[0]
    return first.database
