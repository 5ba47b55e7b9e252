"""Addresses of a server's name: kept for a while, renewed behind the requests, used stale rather than not at all."""

from __future__ import annotations

import asyncio
import socket
import time
from ipaddress import ip_address

from gateway.chain.runtime import Tasks
from gateway.errors import UpstreamDnsError

_RETRY_SECONDS = 1.0
"""How long a failed look-up is believed."""
MAX_ADDRESSES = 32


class Resolver:
    """Resolves one host name. An address needs no resolving and never grows old."""

    __slots__ = ("_addresses", "_error", "_expires", "_host", "_port", "_refresh", "_running", "_tasks")

    def __init__(self, host: str, port: int, refresh: float, tasks: Tasks) -> None:
        self._host = host
        self._port = port
        self._refresh = refresh
        self._tasks = tasks
        self._addresses: tuple[str, ...] = ()
        self._expires = 0.0
        self._error = ""
        self._running: asyncio.Task[None] | None = None
        if _is_address(host):
            self._addresses = (host,)
            self._expires = float("inf")

    async def addresses(self) -> tuple[str, ...]:
        """Where the name points to. Raises UpstreamDnsError when nobody ever knew."""
        if time.monotonic() < self._expires:
            if self._addresses:
                return self._addresses
            raise UpstreamDnsError(self._error)
        if self._running is None:
            self._running = self._tasks.spawn(self._look_up(), name="upstream.resolve")
        if not self._addresses:
            await asyncio.shield(self._running)
        if not self._addresses:
            raise UpstreamDnsError(self._error)
        return self._addresses

    async def _look_up(self) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
            addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))[:MAX_ADDRESSES]
            if addresses:
                self._addresses = addresses
                self._expires = time.monotonic() + self._refresh
                return
            self._error = f"{self._host} has no address"
        except (OSError, UnicodeError) as error:
            self._error = f"{self._host} cannot be resolved: {error}"
        finally:
            self._running = None
        self._expires = time.monotonic() + min(_RETRY_SECONDS, self._refresh)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
