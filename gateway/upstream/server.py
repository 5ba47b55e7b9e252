"""One server of an upstream: where it is, how it is reached, its pool."""

from __future__ import annotations

import asyncio
import ssl
import time

from gateway.chain.deadlines import Deadlines
from gateway.chain.runtime import Tasks
from gateway.config.settings import UpstreamSettings, UpstreamTlsSettings
from gateway.errors import (
    OverloadedError,
    UpstreamConnectError,
    UpstreamConnectTimeoutError,
    UpstreamDnsError,
    UpstreamTlsError,
)
from gateway.tls import client_context
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.figures import ServerFigures, UpstreamFigures
from gateway.upstream.http1 import UpstreamConnection
from gateway.upstream.member import Member
from gateway.upstream.pool import Pool, PoolLimits
from gateway.upstream.resolver import Resolver


def upstream_context(settings: UpstreamTlsSettings) -> ssl.SSLContext:
    """TLS towards `https` servers. Raises OSError or ssl.SSLError when a file cannot be used."""
    context = client_context(settings)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Server(Member):
    """A server and what this worker has going with it."""

    __slots__ = ("_connect_timeout", "_name", "_resolver", "_tls", "authority", "endpoint", "figures", "pool")

    def __init__(
        self,
        endpoint: Endpoint,
        settings: UpstreamSettings,
        tls: ssl.SSLContext | None,
        deadlines: Deadlines,
        tasks: Tasks,
        figures: UpstreamFigures,
    ) -> None:
        super().__init__(endpoint.url, endpoint.weight)
        self.endpoint = endpoint
        self.authority = endpoint.authority.encode()
        self.figures: ServerFigures = figures.server(endpoint.url)
        self._tls = tls if endpoint.is_tls else None
        self._connect_timeout = settings.timeouts.connect
        self._name = settings.tls.server_name or endpoint.name
        self._resolver: Resolver | None = None
        if not endpoint.is_unix:
            self._resolver = Resolver(endpoint.host, endpoint.port, settings.dns_refresh, tasks)
        pool = settings.pool
        limits = PoolLimits(pool.connections, pool.wait, pool.waiting, pool.idle)
        self.pool = Pool(limits, self._connect, deadlines, figures)

    async def _connect(self, pool: Pool, until: float) -> UpstreamConnection:
        """A new connection, by `until` (monotonic seconds) at the latest. Raises UpstreamConnectError, whose text
        names the server."""
        try:
            async with asyncio.timeout(min(self._connect_timeout, until - time.monotonic())):
                if self._resolver is None:
                    return await self._dial(pool, None)
                return await self._dial_any(pool, await self._resolver.addresses())
        except TimeoutError:
            raise UpstreamConnectTimeoutError(f"no connection to {self.url} in time") from None

    async def _dial_any(self, pool: Pool, addresses: tuple[str, ...]) -> UpstreamConnection:
        error: UpstreamConnectError = UpstreamDnsError(f"{self.url} has no address")
        for address in addresses:
            try:
                return await self._dial(pool, address)
            except UpstreamConnectError as failed:
                error = failed
        raise error

    async def _dial(self, pool: Pool, address: str | None) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        endpoint = self.endpoint
        try:
            if address is None:
                _, connection = await loop.create_unix_connection(lambda: UpstreamConnection(pool), endpoint.host)
            elif self._tls is None:
                _, connection = await loop.create_connection(lambda: UpstreamConnection(pool), address, endpoint.port)
            else:
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(pool), address, endpoint.port, ssl=self._tls, server_hostname=self._name
                )
        except ssl.SSLError as error:
            raise UpstreamTlsError(f"no TLS with {self.url}: {error.reason or error}") from error
        except ConnectionRefusedError as error:
            raise UpstreamConnectError(f"{self.url} refused the connection") from error
        except OSError as error:
            if error.errno in (23, 24):  # ENFILE, EMFILE: ours, not the server's
                raise OverloadedError("no file descriptor left", limit="file_descriptors") from error
            raise UpstreamConnectError(f"no connection to {self.url}: {error.strerror or error}") from error
        return connection
