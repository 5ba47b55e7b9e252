import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.websocket.connections import Origins
from gateway.websocket.feeds import CAN_POLL, MUCH, READS_IN_A_ROW, Feeds, descriptor_of
from gateway.websocket.tunnel import Tunnel
from tests.support.roads import turns
from tests.support.transports import FakeTransport, as_callback

pytestmark = pytest.mark.skipif(not CAN_POLL, reason="edge-triggered polling is Linux's")
LONG = 3600.0
"""Seconds between two rounds of a test that wants none."""


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # sockets of another end set no events
            await asyncio.sleep(0.001)


async def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        own, _ = server.accept()
    peer.setblocking(False)
    own.setblocking(False)
    return peer, own


class Fed:
    """An upstream with a real connection, and a client whose transport a test plays, or that is real as well."""

    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds
        self.near: Any
        self.far: asyncio.Transport
        self.origin: socket.socket
        self.client: socket.socket | None = None
        self.tunnel: Tunnel
        self.ended = 0

    async def begin(self, *, real: bool) -> None:
        loop = asyncio.get_running_loop()
        self.origin, own = await _tcp_pair()
        self.far, _ = await loop.connect_accepted_socket(asyncio.Protocol, own)
        self.far.pause_reading()
        if real:
            self.client, own = await _tcp_pair()
            self.near, _ = await loop.connect_accepted_socket(asyncio.Protocol, own)
        else:
            self.near = FakeTransport()
        origins = Origins("1", "live", "192.0.2.7", "/", "http://127.0.0.1:8000", time.monotonic())
        self.tunnel = Tunnel(self.near, self.far, origins, 60.0, self._end, self.feeds)
        self.tunnel.begin(b"", b"")

    def _end(self) -> None:
        self.ended += 1

    async def says(self, data: bytes) -> None:
        """The upstream sends, and the client has it."""
        before = len(self.near.sent)
        self.origin.sendall(data)
        await _until(lambda: len(self.near.sent) == before + len(data))

    async def feed(self) -> None:
        """The upstream speaks until it is a feed."""
        for number in range(READS_IN_A_ROW):
            await self.says(b"%d" % number)
        assert self.tunnel.describe()["feeds"] == ["upstream"]

    def is_feed(self) -> bool:
        return bool(self.tunnel.describe()["feeds"] == ["upstream"])

    async def close(self) -> None:
        self.origin.close()
        if self.client is not None:
            self.client.close()
        with as_callback():
            self.tunnel.abort()
        await _until(lambda: self.ended == 1)


@contextlib.asynccontextmanager
async def fed(seconds: float = 0.001, *, feeds: Feeds | None = None, real: bool = False) -> AsyncIterator[Fed]:
    tunnel = Fed(Feeds(asyncio.get_running_loop(), seconds) if feeds is None else feeds)
    await tunnel.begin(real=real)
    try:
        yield tunnel
    finally:
        await tunnel.close()
        assert len(tunnel.feeds) == 0 or feeds is not None


async def test_who_speaks_and_speaks_is_a_feed_and_loses_nothing() -> None:
    async with fed() as tunnel:
        await tunnel.feed()
        for number in range(200):
            tunnel.origin.sendall(b"<%d>" % number)
        wanted = b"0123" + b"".join(b"<%d>" % number for number in range(200))
        await _until(lambda: bytes(tunnel.near.sent) == wanted)
        assert tunnel.tunnel.describe()["octets"]["down"] == len(wanted)


async def test_first_octets_go_at_once_and_what_follows_goes_together() -> None:
    async with fed(LONG) as tunnel:
        await tunnel.feed()
        await tunnel.says(b"first")
        for piece in (b"to", b"geth", b"er"):
            tunnel.origin.sendall(piece)
        await turns(20)
        assert tunnel.near.writes[-1] == b"first"
        tunnel.near.receive(b"answer")
        assert not tunnel.is_feed()
        await _until(lambda: bytes(tunnel.near.sent).endswith(b"together"))
        assert tunnel.near.writes[-1] == b"together"


async def test_who_is_answered_each_time_is_never_a_feed() -> None:
    async with fed(LONG) as tunnel:
        for _ in range(3 * READS_IN_A_ROW):
            await tunnel.says(b"question")
            tunnel.near.receive(b"answer")
            assert not tunnel.is_feed()


async def test_who_says_much_at_once_is_no_feed() -> None:
    async with fed(LONG) as tunnel:
        await tunnel.feed()
        tunnel.origin.setblocking(True)
        await asyncio.to_thread(tunnel.origin.sendall, bytes(4 * MUCH))
        await _until(lambda: len(tunnel.near.sent) >= 4 * MUCH)
        assert not tunnel.is_feed()


async def test_who_was_silent_for_long_is_a_feed_no_more() -> None:
    feeds = Feeds(asyncio.get_running_loop(), 0.001)
    async with fed(feeds=feeds) as silent, fed(feeds=feeds) as other:
        await silent.feed()
        await other.feed()
        silent.tunnel._upstream.active = 0.0
        async with asyncio.timeout(20):
            while silent.is_feed():
                await other.says(b"a round")
        assert other.is_feed()
        await silent.says(b"news")


async def test_the_end_of_a_feed_is_told_after_its_last_words() -> None:
    async with fed() as tunnel:
        await tunnel.feed()
        tunnel.origin.sendall(b"last words")
        tunnel.origin.shutdown(socket.SHUT_WR)
        await _until(lambda: tunnel.near.has_ended)
        assert bytes(tunnel.near.sent) == b"0123last words"
        tunnel.near.receive(b"late answer")
        await _until(lambda: len(tunnel.origin.recv(100, socket.MSG_PEEK)) == 11)


async def test_a_feed_that_breaks_ends_the_tunnel() -> None:
    async with fed() as tunnel:
        await tunnel.feed()
        tunnel.origin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tunnel.origin.close()
        await _until(lambda: tunnel.ended == 1)
        assert tunnel.near.is_lost


async def test_when_the_client_is_lost_its_feed_ends() -> None:
    async with fed(LONG) as tunnel:
        await tunnel.feed()
        tunnel.near.lose()
        assert len(tunnel.feeds) == 0
        await _until(lambda: tunnel.ended == 1)


async def test_closing_a_tunnel_ends_its_feed_after_what_has_come() -> None:
    async with fed(LONG) as tunnel:
        await tunnel.feed()
        await tunnel.says(b"first")
        tunnel.origin.sendall(b"last words")
        with as_callback():
            tunnel.tunnel.close()
        assert bytes(tunnel.near.sent).endswith(b"last words")
        assert len(tunnel.feeds) == 0
        await _until(lambda: tunnel.ended == 1)


async def test_a_client_that_takes_nothing_stops_the_feed() -> None:
    async with fed(0.001) as tunnel:
        await tunnel.feed()
        tunnel.near.is_stalled = True
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += tunnel.origin.send(bytes(1000))
                await turns(2)
        assert tunnel.tunnel.describe()["paused"] == ["upstream"]
        assert not tunnel.is_feed()
        assert len(tunnel.near.sent) < sent
        tunnel.near.is_stalled = False
        tunnel.near.take()
        await _until(lambda: len(tunnel.near.sent) == sent + READS_IN_A_ROW)


async def test_a_full_socket_of_the_client_keeps_the_order() -> None:
    async with fed(0.001, real=True) as tunnel:
        assert tunnel.client is not None
        client, sent, got = tunnel.client, bytearray(), bytearray()
        number = 0
        while not tunnel.tunnel.describe()["paused"]:
            piece = b"%07d," % number * 100
            with contextlib.suppress(BlockingIOError):
                sent += piece[: tunnel.origin.send(piece)]
            number += 1
            await turns(2)
        while len(got) < len(sent):
            await turns(2)
            with contextlib.suppress(BlockingIOError):
                got += client.recv(1 << 16)
        assert got == sent


async def test_a_descriptor_that_comes_again_is_another_feed() -> None:
    feeds = Feeds(asyncio.get_running_loop(), 0.001)
    for _ in range(3):
        async with fed(feeds=feeds) as tunnel:
            await tunnel.feed()
            await tunnel.says(b"more")
        assert len(feeds) == 0


async def test_many_feeds_are_all_read() -> None:
    feeds = Feeds(asyncio.get_running_loop(), 0.001)
    async with contextlib.AsyncExitStack() as stack:
        every = [await stack.enter_async_context(fed(feeds=feeds)) for _ in range(150)]
        for tunnel in every:
            await tunnel.feed()
        assert len(feeds) == 150
        for tunnel in every:
            tunnel.origin.sendall(b"all")
        await _until(lambda: all(bytes(tunnel.near.sent) == b"0123all" for tunnel in every))


async def test_a_round_of_many_ends_though_the_first_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.websocket.feeds.SIDES_AT_ONCE", 2)
    feeds = Feeds(asyncio.get_running_loop(), LONG)
    async with contextlib.AsyncExitStack() as stack:
        every = [await stack.enter_async_context(fed(feeds=feeds)) for _ in range(4)]
        for tunnel in every:
            await tunnel.feed()

            def heard(data: bytes, tunnel: Fed = tunnel, write: Callable[[bytes], None] = tunnel.near.write) -> None:
                write(data)
                tunnel.origin.sendall(b"more")

            monkeypatch.setattr(tunnel.near, "write", heard)
        for tunnel in every:
            tunnel.origin.sendall(b"said")
        await _until(lambda: all(b"said" in tunnel.near.sent for tunnel in every))
        await turns(20)
        assert [bytes(tunnel.near.sent) for tunnel in every] == [b"0123said"] * 4
        with as_callback():
            every[0].tunnel.close()  # what had come is passed on all the same
        assert bytes(every[0].near.sent).startswith(b"0123saidmore")


async def test_only_plain_connections_have_a_descriptor() -> None:
    class Coded(FakeTransport):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return object() if name == "sslcontext" else default

    assert descriptor_of(FakeTransport()) is None
    assert descriptor_of(Coded()) is None
