"""A batched pair whose upstream is a real socket, read in rounds, and whose client is played by the test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from gateway.websocket.feeds import CAN_POLL
from gateway.websocket.terms import FrameTerms, LegTerms, QueueLimits
from gateway.websocket.tunnel import UpgradedUpstream
from plugins.websocket_batch import binary
from plugins.websocket_batch.outbox import Rules, Strategy
from plugins.websocket_batch.records import RecordOutbox
from tests.support.framed import Framed, an_upgrade, until
from tests.support.frames import all_frames, close, frame
from tests.support.transports import FakeTransport

pytestmark = pytest.mark.skipif(not CAN_POLL, reason="edge-triggered polling is Linux's")
QUEUE = QueueLimits(messages=1000, octets=400_000, stop_above=100_000, go_on_below=30_000, slow_after=10.0)


class Pair:
    """One of them."""

    def __init__(self, framed: Framed, pair: Any, client: FakeTransport, upstream: Any, origin: socket.socket) -> None:
        self.connections = framed.connections
        self.pair = pair
        self.client = client
        self.upstream = upstream
        self.origin = origin

    def heard(self) -> list[str]:
        """The messages that the client got in batches."""
        frames = [each for each in all_frames(bytes(self.client.sent)) if each.opcode == 2]
        return [payload.decode() for each in frames for _, payload in binary.unpack(2, each.payload)]

    def codes(self) -> list[int | None]:
        return [each.code for each in all_frames(bytes(self.client.sent)) if each.opcode == 8]

    async def says(self, data: bytes) -> None:
        """The origin sends, however slowly it is read."""
        await asyncio.get_running_loop().sock_sendall(self.origin, data)


def news(*contents: str) -> bytes:
    return b"".join(frame(1, content.encode(), masked=False) for content in contents)


@contextlib.asynccontextmanager
async def a_pair(strategy: Strategy = Strategy.HYBRID, **more: Any) -> AsyncIterator[Pair]:
    loop = asyncio.get_running_loop()
    framed = Framed()  # for what it makes around a pair
    with socket.create_server(("127.0.0.1", 0)) as server:
        origin = socket.create_connection(server.getsockname())
        own, _ = server.accept()
    own.setblocking(False)
    origin.setblocking(False)
    upstream, _ = await loop.connect_accepted_socket(asyncio.Protocol, own)
    upstream.pause_reading()
    outbox = partial(RecordOutbox, Rules(strategy, **more))
    terms = FrameTerms(LegTerms(outbox, binary.unpack), ping_every=None, queue=QUEUE)
    client = FakeTransport()
    upgraded = UpgradedUpstream(upstream, b"", lambda: None, terms)
    pair: Any = framed.connections.begin(an_upgrade(), upgraded, client, b"", 60.0, lambda: None)
    try:
        yield Pair(framed, pair, client, upstream, origin)
    finally:
        origin.close()
        pair.abort()
        await until(lambda: pair.upstream.is_lost and pair.downstream.is_lost)
        assert len(framed.connections.rounds) == 0
        assert framed.connections.queued == 0


async def test_everything_arrives_in_order_and_in_batches() -> None:
    async with a_pair() as pair:
        sent = [f"message {at}" for at in range(3000)]
        for at in range(0, 3000, 100):
            await pair.says(news(*sent[at : at + 100]))
        await until(lambda: len(pair.heard()) == 3000)
        assert pair.heard() == sent
        assert len(pair.client.writes) < 1000


async def test_a_steady_flow_with_its_rests_loses_nothing() -> None:
    async with a_pair(max_messages=5, max_delay=0.05) as pair:
        sent = [f"message {at}" for at in range(100)]
        for each in sent:
            await pair.says(news(each))
            await asyncio.sleep(0.002)  # a flow, not a wait for anything
        await until(lambda: len(pair.heard()) == 100)
        assert pair.heard() == sent


async def test_a_client_that_takes_nothing_stops_the_reading_and_gets_everything_in_the_end() -> None:
    async with a_pair() as pair:
        pair.client.is_stalled = True
        sent = [f"{at:06}" + "x" * 994 for at in range(3000)]
        saying = asyncio.ensure_future(pair.says(news(*sent)))
        await until(lambda: pair.pair.upstream.is_held)
        assert pair.client.unsent + pair.pair.queued_octets < 2 * 64 * 1024 + 100_000 + 64 * 1024
        while len(pair.heard()) < 3000:
            pair.client.take()
            await asyncio.sleep(0)
            pair.pair.down.due(float("inf"))
        await saying
        assert pair.heard() == sent
        assert not pair.pair.upstream.is_held


async def test_messages_before_a_close_or_an_end_go_first() -> None:
    async with a_pair(max_delay=5.0) as pair:
        await pair.says(news("a", "b") + close(4001, b"bye", masked=False))
        await until(lambda: pair.codes() == [4001])
        assert pair.heard() == ["a", "b"]
    async with a_pair(max_delay=5.0) as pair:
        await pair.says(news("a", "b"))
        pair.origin.shutdown(socket.SHUT_WR)
        await until(lambda: pair.codes() == [1014])
        assert pair.heard() == ["a", "b"]


async def test_what_an_upstream_has_said_while_it_rests_goes_before_our_own_close() -> None:
    async with a_pair(Strategy.TIME, max_delay=3600.0) as pair:
        await pair.says(news("a"))
        await until(lambda: pair.pair.upstream.rests_until > 0.0)
        await pair.says(news("b", "c"))
        pair.pair.close(1012, "the gateway restarts")
        assert pair.codes() == [1012]
        assert pair.heard() == ["a", "b", "c"]
        await pair.says(close(1001, b"", masked=False))
        await until(lambda: pair.pair.upstream.is_lost)


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_bursts_and_single_messages_by_turns_all_arrive(strategy: Strategy) -> None:
    async with a_pair(strategy, max_delay=0.05) as pair:
        sent = [f"message {at}" for at in range(200)]
        at = 0
        for number in (1, 1, 1, 10, 10, 1, 33, 7, 1, 25, 60, 50):
            await pair.says(news(*sent[at : at + number]))
            at += number
            await until(lambda at=at: len(pair.heard()) == at)  # type: ignore[misc]
        assert pair.heard() == sent


async def test_an_upstream_that_breaks_the_protocol_is_left_to_its_transport() -> None:
    async with a_pair() as pair:
        await pair.says(news("a") + frame(3, b"", masked=False) + news("b"))
        await until(lambda: pair.codes() == [1014])
        assert pair.heard() == ["a"]
        assert len(pair.connections.rounds) == 0
        await pair.says(news("more"))
        assert pair.heard() == ["a"]


async def test_text_that_is_no_utf8_is_refused_after_what_came_before() -> None:
    async with a_pair() as pair:
        await pair.says(news("a") + frame(1, b"\xff", masked=False))
        await until(lambda: pair.codes() == [1014])
        assert pair.heard() == ["a"]


async def test_below_a_delay_of_rounds_the_transport_reads() -> None:
    framed = Framed(downstream=LegTerms(partial(RecordOutbox, Rules()), None), max_delay=0.005)
    assert len(framed.connections.rounds) == 0
    framed.news(*"abcdefghij")
    assert len(framed.heard) == 1
