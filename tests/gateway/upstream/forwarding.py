"""Scripted origins on loopback, and an upstream before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from gateway.chain.deadlines import Deadlines
from gateway.chain.runtime import Tasks
from gateway.config import UpstreamSettings
from gateway.figures import Figures
from gateway.http.body import BodyStream
from gateway.http.message import Response
from gateway.upstream.forward import Upstream
from tests.support.loopback import listening
from tests.support.plugins import make_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HANG_UP = b""
"""The end of the connection instead of an answer."""
SILENCE = b"HTTP/1.1 2"
"""The beginning of an answer whose rest never comes."""


class Origin:
    """Gives one answer after the other, over all its connections; the last one repeats."""

    def __init__(self) -> None:
        self.script = [OK]
        self.seen: list[bytes] = []
        self.has_request = asyncio.Event()
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.seen.append(head)
            self.has_request.set()
            answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if answer == HANG_UP:
                break
            writer.write(answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Forwarding:
    """An upstream with these servers, and what it counts."""

    def __init__(self, *urls: str | dict[str, object], **settings: Any) -> None:
        self.figures = Figures.in_memory()
        self.deadlines = Deadlines(asyncio.get_running_loop())
        checked = UpstreamSettings.model_validate({"servers": list(urls), **settings})
        self.upstream = Upstream("app", checked, "slipstream", self.deadlines, Tasks(), self.figures)
        self.handler = self.upstream.handler(checked.timeouts)

    async def send(self, method: str = "GET", body: bytes | BodyStream = b"") -> Response:
        return await self.handler(make_request(method, body=body))

    def connections(self, url: str) -> tuple[int, int, int]:
        """Pending requests, connections, and those of them that are idle."""
        shown = self.upstream.status()[url]
        return shown["pending"], shown["connections"], shown["idle"]

    @property
    def retries(self) -> float:
        return self.figures.value("upstream_retries_total", upstream="app")

    def outcome(self, name: str) -> float:
        return self.figures.value("upstream_requests_total", upstream="app", outcome=name)


class Stage:
    """Starts origins and upstreams, and ends them together."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def origin(self, *script: bytes) -> Origin:
        origin = Origin()
        origin.script = list(script) or [OK]
        origin.port = await self._stack.enter_async_context(listening(origin.serve))
        return origin

    def before(self, *urls: str | dict[str, object], **settings: Any) -> Forwarding:
        forwarding = Forwarding(*urls, **settings)
        self._stack.callback(forwarding.upstream.retire)
        return forwarding


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(stack)
