"""On real sockets: what is read, by whom, and in which order."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any

import pytest

from gateway.websocket.feeds import CAN_POLL
from gateway.websocket.rounds import Rounds
from tests.support.framed import until
from tests.support.roads import turns
from tests.support.transports import FakeTransport

pytestmark = pytest.mark.skipif(not CAN_POLL, reason="edge-triggered polling is Linux's")


class Box:
    """What the rounds need to know of an outbox."""

    def __init__(self) -> None:
        self.rests_until = 0.0
        self.first_rest = 0.0

    def comes(self, since: float, now: float) -> float:
        assert since <= now
        return time.monotonic() + self.first_rest if self.first_rest else 0.0


class Source(asyncio.Protocol):
    """What they need to know of a leg and its lane."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.rounds: Rounds | None = None
        self.file = -1
        self.is_ready = self.sent_close = self.is_held = self.has_ended = self.is_lost = False
        self.armed = 0
        self.rests_until = 0.0
        self.inward = self
        self.got = bytearray()
        self.by_transport = bytearray()
        self.fails = False
        self.rest = 0.0
        self.in_vain = 0
        self.paced = Box()

    def vain(self, now: float) -> None:
        self.in_vain += 1
        self.rest = 0.0

    def take(self, data: bytes, now: float) -> None:
        assert now <= time.monotonic()
        if self.fails:
            raise ValueError("of the protocol")
        self.got += data
        self.paced.rests_until = time.monotonic() + self.rest if self.rest else 0.0

    def read_on(self) -> None:
        self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.by_transport += data

    def eof_received(self) -> bool:
        self.has_ended = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self.rounds is not None:
            self.rounds.forget(self)  # type: ignore[arg-type]  # a stand-in


async def connected(rounds: Rounds) -> tuple[Source, socket.socket]:
    """A connection that is read in rounds, and its other end."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        own, _ = server.accept()
    own.setblocking(False)
    _, source = await loop.connect_accepted_socket(Source, own)
    assert rounds.take(source)  # type: ignore[arg-type]  # a stand-in
    source.rounds = rounds
    return source, peer


async def test_what_comes_is_read_in_the_place_of_the_transport() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    other, other_peer = await connected(rounds)
    with peer, other_peer:
        for at in range(20):
            peer.sendall(b"%02d" % at)
            other_peer.sendall(b"%02d" % at)
            await until(lambda at=at: len(source.got) == len(other.got) == 2 * at + 2)  # type: ignore[misc]
        assert source.got == other.got == b"".join(b"%02d" % at for at in range(20))
        assert not source.by_transport
        source.transport.abort()
        other.transport.abort()
        await until(lambda: source.is_lost and other.is_lost)
    assert len(rounds) == 0


async def test_more_than_one_read_takes_arrives_whole() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    sent = b"".join(b"%08d" % at for at in range(100_000))
    with peer:
        await asyncio.get_running_loop().run_in_executor(None, peer.sendall, sent)
        await until(lambda: len(source.got) == len(sent))
        assert source.got == sent
        source.transport.abort()
        await until(lambda: source.is_lost)


async def test_after_quiet_the_loop_watches_and_reading_goes_on() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    with peer:
        for at in range(3):
            peer.sendall(b"x")
            await until(lambda at=at: len(source.got) == at + 1)  # type: ignore[misc]
            await until(lambda: not rounds._is_round)
        source.transport.abort()
        await until(lambda: source.is_lost)


async def test_who_rests_is_not_read_and_others_are() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    other, other_peer = await connected(rounds)
    with peer, other_peer:
        source.rest = 3600.0
        peer.sendall(b"first")
        await until(lambda: source.got == b"first")
        peer.sendall(b"second")
        other_peer.sendall(b"third")
        await until(lambda: other.got == b"third")
        assert source.got == b"first"
        source.transport.abort()
        other.transport.abort()
        await until(lambda: source.is_lost and other.is_lost)


@pytest.mark.parametrize("is_in_vain", [False, True])
async def test_a_rest_ends(is_in_vain: bool) -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    with peer:
        source.rest = 0.05
        peer.sendall(b"first")
        await until(lambda: bool(source.got))
        if is_in_vain:
            await until(lambda: source.in_vain == 1)
        peer.sendall(b"second")
        await until(lambda: source.got == b"firstsecond")
        peer.sendall(b"third")
        await until(lambda: source.got == b"firstsecondthird")
        source.transport.abort()
        await until(lambda: source.is_lost)


async def test_who_rests_first_is_read_once_for_all_that_comes_meanwhile() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    other, other_peer = await connected(rounds)
    with peer, other_peer:
        for at in range(3):
            source.paced.first_rest = 3600.0
            peer.sendall(b"<")
            await until(lambda: source.rests_until > 0.0)
            peer.sendall(b"%d>" % at)
            other_peer.sendall(b"x")
            await until(lambda at=at: len(other.got) == at + 1)  # type: ignore[misc]
            assert len(source.got) == 3 * at
            rounds.hurry(source)  # type: ignore[arg-type]  # a stand-in
            assert source.got.endswith(b"<%d>" % at)
        source.paced.first_rest = 0.0
        peer.sendall(b"at once")
        await until(lambda: source.got.endswith(b"at once"))
        source.transport.abort()
        other.transport.abort()
        await until(lambda: source.is_lost and other.is_lost)


async def test_what_comes_as_a_rest_ends_begins_no_other() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    with peer:
        source.paced.first_rest = 3600.0
        peer.sendall(b"x")
        await until(lambda: source.rests_until > 0.0)
        source.rests_until = 0.001  # is over, and nobody has noticed
        peer.sendall(b"y")
        await until(lambda: not rounds._is_round)
        assert source.rests_until == 0.001
        rounds.hurry(source)  # type: ignore[arg-type]  # a stand-in
        assert source.got == b"xy"
        source.transport.abort()
        await until(lambda: source.is_lost)


async def test_who_was_told_of_the_end_is_let_rest_no_more() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    with peer:
        source.paced.first_rest = source.rest = 3600.0
        peer.sendall(b"x")
        await until(lambda: source.rests_until > 0.0)
        rounds.hurry(source)  # type: ignore[arg-type]  # a stand-in
        assert source.got == b"x"
        source.sent_close = True
        peer.sendall(b"y")
        await until(lambda: source.got == b"xy")
        peer.sendall(b"z")
        await until(lambda: source.got == b"xyz")
        source.transport.abort()
        await until(lambda: source.is_lost)


async def test_while_all_rest_the_loop_watches_and_a_rest_ends_all_the_same() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    other, other_peer = await connected(rounds)
    with peer, other_peer:
        source.paced.first_rest = 3600.0
        peer.sendall(b"x")
        await until(lambda: source.rests_until > 0.0 and not rounds._is_round)
        other.paced.first_rest = 0.05
        other_peer.sendall(b"y")
        await until(lambda: other.got == b"y")
        assert not source.got
        source.transport.abort()
        other.transport.abort()
        await until(lambda: source.is_lost and other.is_lost)


async def test_who_is_held_is_read_again_when_somebody_says_so() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    with peer:
        source.is_held = True
        peer.sendall(b"x")
        await until(lambda: source.is_ready)
        assert not source.got
        source.is_held = False
        rounds.again(source)  # type: ignore[arg-type]  # a stand-in
        await until(lambda: source.got == b"x")
        source.transport.abort()
        await until(lambda: source.is_lost)


@pytest.mark.parametrize("rest", [0.0, 0.05])
async def test_an_end_is_for_the_transport_with_all_that_came_before(rest: float) -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    with peer:
        source.rest = rest
        peer.sendall(b"first ")
        await until(lambda: bool(source.got))
        peer.sendall(b"second ")
        peer.shutdown(socket.SHUT_WR)
        await until(lambda: source.is_lost)  # also after a rest
    assert source.got + source.by_transport == b"first second "
    assert source.has_ended
    assert len(rounds) == 0


async def test_a_reset_ends_the_connection() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source, peer = await connected(rounds)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    await until(lambda: source.is_lost)
    assert len(rounds) == 0


async def test_a_protocol_that_fails_costs_its_connection_and_no_other() -> None:
    loop = asyncio.get_running_loop()
    rounds = Rounds(loop)
    source, peer = await connected(rounds)
    other, other_peer = await connected(rounds)
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    with peer, other_peer:
        source.fails = True
        peer.sendall(b"x")
        await until(lambda: source.is_lost)
        other_peer.sendall(b"y")
        await until(lambda: other.got == b"y")
        assert [str(each["exception"]) for each in told] == ["of the protocol"]
        other.transport.abort()
        await until(lambda: other.is_lost)


async def test_what_only_a_transport_can_read_is_not_taken() -> None:
    rounds = Rounds(asyncio.get_running_loop())
    source = Source()
    source.transport = FakeTransport()
    assert not rounds.take(source)  # type: ignore[arg-type]  # a stand-in
    await turns()
    assert len(rounds) == 0
