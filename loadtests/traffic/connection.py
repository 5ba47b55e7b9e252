"""One keep-alive connection that asks, reads the whole answer, and says whether it was right."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from loadtests.traffic.exchanges import Exchange

Answered = Callable[["Connection", str | None], None]
"""Called after each exchange, with None or with what was wrong."""
Gone = Callable[["Connection"], None]
"""Called once, when the connection has ended."""


class Connection(asyncio.Protocol):
    """Idle until `ask`; `is_open` says whether it can ask again."""

    def __init__(self, answered: Answered, gone: Gone) -> None:
        self._answered = answered
        self._gone = gone
        self._exchange: Exchange | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self.is_open = True

    def ask(self, exchange: Exchange) -> None:
        """Send one request; the connection must be idle."""
        self._exchange = exchange
        self._received = 0
        self._transport.write(exchange.octets)

    def close(self) -> None:
        """Drop the connection, whatever it is doing; nothing is said about an exchange that was going on."""
        self.is_open = False
        self._exchange = None
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; nonsense ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.is_open = False
            self._end(f"not HTTP: {error}")
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """An answer that was not complete by now never will be."""
        self.is_open = False
        if self._exchange is not None:
            self._end(f"connection lost after {self._received} octets")
        self._gone(self)

    # httptools' call-backs

    def on_body(self, body: bytes) -> None:
        """Count content and forget it."""
        self._received += len(body)

    def on_message_complete(self) -> None:
        """Compare with what had to come."""
        if not self._parser.should_keep_alive():
            self.is_open = False
            self._transport.close()
        exchange, status = self._exchange, self._parser.get_status_code()
        if exchange is None:
            self._end("an answer nobody asked for")
        elif (status, self._received) != (exchange.status, exchange.length):
            self._end(f"status {status} with {self._received} octets")
        else:
            self._end(None)

    def _end(self, wrong: str | None) -> None:
        self._exchange = None
        self._answered(self, wrong)
