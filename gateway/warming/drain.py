"""Content that nobody wants but the stores it passes on its way."""

from __future__ import annotations

import asyncio
from enum import Enum

from gateway.http.body import BodyStream, StreamEnd
from gateway.http.fields import Fields
from gateway.http.message import Response


class Ended(Enum):
    """How the content of an answer ended."""

    WHOLE = "whole"
    TOO_LARGE = "too_large"
    BROKEN = "broken"


class Drain:
    """A sink that counts octets and drops them."""

    def __init__(self, largest: int) -> None:
        self.octets = 0
        self._largest = largest
        self._stream: BodyStream | None = None
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    async def take(self, response: Response) -> Ended:
        """Take the content of `response`; how it ended. Cancelled, it gives the rest up."""
        body = response.body
        if isinstance(body, bytes):
            self.octets = len(body)
            response.sent(True)
            return Ended.WHOLE
        if body.length is not None and body.length > self._largest:
            response.discard()
            return Ended.TOO_LARGE
        self._stream = body
        try:
            body.attach(self)
            body.on_end(self._aborted)
            end = await self._ended
        except BaseException:
            response.discard()
            raise
        if end is Ended.TOO_LARGE:
            response.discard()
        else:
            response.sent(end is Ended.WHOLE)
        return end

    def feed(self, data: bytes) -> None:
        """Octets came."""
        self.octets += len(data)
        if self.octets > self._largest:
            self._end(Ended.TOO_LARGE)

    def finish(self, trailers: Fields | None) -> None:
        """That was all."""
        self._end(Ended.WHOLE)

    def fail(self, error: Exception) -> None:
        """It broke off."""
        self._end(Ended.BROKEN)

    def _aborted(self, end: StreamEnd) -> None:
        if end is StreamEnd.ABORTED:
            self._end(Ended.BROKEN)

    def _end(self, end: Ended) -> None:
        if not self._ended.done():
            self._ended.set_result(end)
