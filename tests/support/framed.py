"""A framed pair of connections between two fake transports, each played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.chain.deadlines import Deadlines
from gateway.figures import Figures
from gateway.http.fields import Fields
from gateway.http.message import Downstream, Request
from gateway.websocket.connections import Connections
from gateway.websocket.terms import FrameTerms, TunnelTerms
from gateway.websocket.tunnel import UpgradedUpstream
from tests.support.frames import Seen, all_frames, close, frame
from tests.support.transports import FakeTransport, as_callback


def an_upgrade(route: str = "live", client: str = "192.0.2.7") -> Request:
    """The request of a handshake."""
    request = Request("GET", b"/socket?token=secret", Fields(), downstream=Downstream(client, "http"))
    request.route = route
    request.upgrade = b"websocket"
    request.served_by = "http://127.0.0.1:8000"
    return request


class Framed:
    """A client and an upstream with the gateway between them."""

    def __init__(
        self,
        terms: FrameTerms | TunnelTerms | None = None,
        *,
        connections: Connections | None = None,
        behind_head: bytes = b"",
        behind_request: bytes = b"",
        tls: bool = False,
        **more: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.figures = Figures.in_memory(1 << 15)
        self.deadlines = Deadlines(loop)
        self.connections = connections or Connections(loop, self.deadlines, self.figures)
        self.client = FakeTransport(half_closes=not tls)
        self.upstream = FakeTransport()
        self.upstream.pause_reading()
        self.ended: list[str] = []
        terms = FrameTerms(**more) if terms is None else terms
        upgraded = UpgradedUpstream(self.upstream, behind_head, lambda: self.ended.append("upstream"), terms)
        self.pair: Any = self.connections.begin(
            an_upgrade(), upgraded, self.client, behind_request, 60.0, lambda: self.ended.append("downstream")
        )

    def says(self, *frames: bytes) -> None:
        """The client sends, each piece for itself."""
        for each in frames:
            self.client.receive(each)

    def answers(self, *frames: bytes) -> None:
        """The upstream sends."""
        for each in frames:
            self.upstream.receive(each)

    def text(self, content: str) -> None:
        """The client sends a text message."""
        self.says(frame(1, content.encode()))

    def news(self, *contents: str) -> None:
        """The upstream sends text messages, all in one piece."""
        self.answers(b"".join(frame(1, content.encode(), masked=False) for content in contents))

    @property
    def heard(self) -> list[Seen]:
        """What the client got."""
        return all_frames(bytes(self.client.sent))

    @property
    def told(self) -> list[Seen]:
        """What the upstream got."""
        return all_frames(bytes(self.upstream.sent))

    @property
    def heard_texts(self) -> list[str]:
        """The text messages that the client got."""
        return [each.payload.decode() for each in self.heard if each.opcode == 1]

    @property
    def told_texts(self) -> list[str]:
        """The text messages that the upstream got."""
        return [each.payload.decode() for each in self.told if each.opcode == 1]

    def codes(self) -> tuple[int | None, int | None]:
        """Close codes that client and upstream heard."""
        return _code(self.heard), _code(self.told)

    def expire(self, later: float = 0.0) -> None:
        """The time that the pair waits for has passed, `later` seconds ago."""
        with as_callback():
            self.pair.expire(self.pair.deadline + later)

    def ring(self, seconds: float = 10.0) -> None:
        """What waits for company has waited long enough."""
        with as_callback():
            for lane in (self.pair.up, self.pair.down):
                if lane.due_at < float("inf"):
                    lane.due(lane.due_at)

    def say_goodbye(self, code: int = 1000) -> None:
        """Both peers answer a Close frame."""
        self.says(close(code))
        self.answers(close(code, masked=False))

    @property
    def is_over(self) -> bool:
        """Whether both are gone and everybody was told, once."""
        return self.ended == ["downstream", "upstream"] and self.client.is_lost and self.upstream.is_lost


def _code(frames: list[Seen]) -> int | None:
    codes = [each.code for each in frames if each.opcode == 8]
    assert len(codes) < 2, "more than one Close frame"
    return codes[0] if codes else None


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.001)
