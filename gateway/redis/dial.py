"""How a connection is made: the socket, TLS, the greeting; all of it in bounded time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from gateway.config.addresses import UnixAddress
from gateway.config.redis import RedisSettings
from gateway.redis.address import Address, Credentials, credentials_of, greeting, tls_of
from gateway.redis.connection import Connection
from gateway.redis.errors import NOT_NOW, RedisDownError, RedisError, RedisReplyError

Push = Callable[[list[Any]], None]
Told = Callable[[Connection], None]
Lost = Callable[[Connection, str], None]


class Dialer:
    """Makes connections as the settings say."""

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self._credentials = credentials_of(settings)
        self._sentinel_credentials = credentials_of(settings, sentinel=True)
        self._tls: ssl.SSLContext | None = None

    async def dial(
        self,
        address: Address,
        on_push: Push,
        on_stall: Told,
        on_lost: Lost,
        *,
        timeout: float,
        database: int = 0,
        sentinel: bool = False,
        then: Sequence[tuple[bytes | str, ...]] = (),
    ) -> Connection:
        """A connection that has been greeted and has done `then`. `timeout` is for its commands afterwards.
        Raises RedisError."""
        settings = self.settings
        connection = Connection(settings.connect_timeout, on_push, on_stall, on_lost)
        credentials = self._sentinel_credentials if sentinel else self._credentials
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await self._connect(connection, address)
                commands = [*greeting(credentials, database), *then]
                for answer in await asyncio.gather(
                    *(connection.send(command) for command in commands), return_exceptions=True
                ):
                    if isinstance(answer, BaseException):
                        raise answer
        except BaseException as error:
            connection.abort("the greeting failed")
            raise _translated(error, credentials) from error
        connection.timeout = timeout
        return connection

    async def _connect(self, connection: Connection, address: Address) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(address, UnixAddress):
            await loop.create_unix_connection(lambda: connection, address.path)
            return
        if self.settings.uses_tls and self._tls is None:
            self._tls = await asyncio.to_thread(tls_of, self.settings)  # reads the authorities: some 20 ms
        name = None if self._tls is None else self.settings.tls.server_name or address.host
        await loop.create_connection(
            lambda: connection, address.host, address.port, ssl=self._tls, server_hostname=name
        )


def _translated(error: BaseException, credentials: Credentials) -> BaseException:
    """What went wrong, in words for the log, without secrets."""
    if isinstance(error, RedisReplyError):
        if error.kind in NOT_NOW:
            return RedisDownError(str(error))
        text = str(error)
        if error.kind == "ERR" and "HELLO" in text:
            return RedisError("it is too old: Redis 7.0 or a Valkey is needed")
        if credentials.password:
            text = text.replace(credentials.password, "…")
        return RedisError(text)
    if isinstance(error, RedisError):
        return error
    if isinstance(error, TimeoutError):
        return RedisDownError("it did not answer in time")
    if isinstance(error, OSError | ssl.SSLError):
        return RedisDownError(str(error) or type(error).__name__)
    return error  # a cancellation, or a mistake of ours
