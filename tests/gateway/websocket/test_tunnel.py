import asyncio
import time

import pytest

from gateway.chain.deadlines import NEVER
from gateway.websocket.connections import Origins
from gateway.websocket.tunnel import Tunnel, UpgradedUpstream
from tests.support.roads import turns
from tests.support.transports import FakeTransport, as_callback


class Through:
    """A tunnel between two fake transports."""

    def __init__(self, *, behind_head: bytes = b"", behind_request: bytes = b"", tls: bool = False) -> None:
        self.near = FakeTransport(half_closes=not tls)
        self.far = FakeTransport()
        self.far.pause_reading()
        self.ended = 0
        origins = Origins("1", "live", "192.0.2.7", "/", "http://127.0.0.1:8000", time.monotonic())
        self.tunnel = Tunnel(self.near, self.far, origins, 60.0, self._end)
        self.tunnel.begin(behind_request, behind_head)

    def _end(self) -> None:
        self.ended += 1

    @property
    def is_over(self) -> bool:
        return self.ended == 1 and self.near.is_lost and self.far.is_lost

    def expire(self, later: float = 0.0) -> None:
        """The time-out has passed, `later` seconds ago."""
        with as_callback():
            self.tunnel.expire(self.tunnel.deadline + later)


async def test_octets_go_both_ways() -> None:
    through = Through()
    through.near.receive(b"up")
    through.far.receive(b"down")
    await turns()
    assert (bytes(through.near.sent), bytes(through.far.sent)) == (b"down", b"up")


async def test_what_came_behind_the_heads_goes_first() -> None:
    through = Through(behind_head=b"first down", behind_request=b"first up")
    through.near.receive(b", then")
    through.far.receive(b", then")
    await turns()
    assert bytes(through.near.sent) == b"first down, then"
    assert bytes(through.far.sent) == b"first up, then"


async def test_what_one_read_brings_is_one_write() -> None:
    through = Through()
    for octet in b"abc":
        through.near.receive(bytes([octet]))
    assert through.far.writes == [b"a", b"b", b"c"]


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_side_that_takes_nothing_pauses_the_other(way: str) -> None:
    through = Through()
    sender, taker = (through.near, through.far) if way == "up" else (through.far, through.near)
    taker.is_stalled = True
    sender.receive(bytes(100_000))
    await turns()
    assert not sender.is_reading()
    assert taker.is_reading()
    taker.take()
    assert sender.is_reading()


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_side_that_sends_no_more_may_still_receive(way: str) -> None:
    through = Through()
    ending, other = (through.near, through.far) if way == "up" else (through.far, through.near)
    ending.receive(b"last words")
    ending.end()
    assert (bytes(other.sent), other.has_ended) == (b"last words", True)
    other.receive(b"answer")
    await turns()
    assert bytes(ending.sent) == b"answer"
    assert not ending.is_closing()


async def test_when_both_sides_have_ended_the_tunnel_is_over() -> None:
    through = Through()
    through.far.end()
    await turns()
    through.near.receive(b"last words")
    through.near.end()
    await turns()
    assert bytes(through.far.sent) == b"last words"
    assert through.is_over


async def test_a_side_that_cannot_half_close_is_closed_instead() -> None:
    through = Through(tls=True)
    through.far.receive(b"last words")
    through.far.end()
    await turns()
    assert bytes(through.near.sent) == b"last words"
    assert through.is_over


@pytest.mark.parametrize("way", ["up", "down"])
async def test_when_one_side_is_lost_the_other_gets_what_waits_and_goes_too(way: str) -> None:
    through = Through()
    lost, other = (through.near, through.far) if way == "up" else (through.far, through.near)
    lost.receive(b"last words")
    lost.lose(ConnectionResetError())
    await turns()
    assert bytes(other.sent) == b"last words"
    assert through.is_over


async def test_a_side_that_does_not_take_its_last_octets_is_cut() -> None:
    through = Through()
    through.far.is_stalled = True
    through.near.receive(b"last words")
    through.near.lose()
    await turns()
    assert not through.is_over
    assert time.monotonic() < through.tunnel.deadline < NEVER
    through.expire()
    await turns()
    assert through.far.was_aborted
    assert through.is_over


async def test_an_idle_tunnel_is_closed_after_its_time() -> None:
    through = Through()
    assert 59 < through.tunnel.deadline - time.monotonic() <= 60
    through.expire()
    await turns()
    assert through.is_over


async def test_a_tunnel_that_is_used_is_looked_at_again_later() -> None:
    through = Through()
    first = through.tunnel.deadline
    through.near.receive(b"x")
    through.tunnel.expire(first)
    assert through.tunnel.deadline > first
    assert not through.near.is_closing()


async def test_an_idle_tunnel_whose_sides_take_nothing_is_cut_in_the_end() -> None:
    through = Through()
    through.near.is_stalled = through.far.is_stalled = True
    through.near.receive(b"x")
    through.far.receive(b"x")
    await turns()
    through.expire(later=1.0)
    await turns()
    assert not through.is_over
    assert through.tunnel.deadline > time.monotonic()
    through.expire()
    await turns()
    assert through.is_over


async def test_closing_sends_what_waits() -> None:
    through = Through()
    through.near.receive(b"up")
    through.far.receive(b"down")
    with as_callback():
        through.tunnel.close()
    await turns()
    assert (bytes(through.near.sent), bytes(through.far.sent)) == (b"down", b"up")
    assert through.is_over


async def test_aborting_ends_both_sides_at_once() -> None:
    through = Through()
    through.near.is_stalled = True
    through.far.receive(b"x")
    await turns()
    with as_callback():
        through.tunnel.abort()
    await turns()
    assert through.near.was_aborted
    assert through.is_over


async def test_a_tunnel_describes_itself() -> None:
    through = Through()
    through.near.receive(b"up")
    through.far.receive(b"down!")
    assert through.tunnel.mode == "tunnel"
    assert through.tunnel.queued_octets == 0
    assert through.tunnel.describe() == {"octets": {"down": 5, "up": 2}, "paused": [], "feeds": [], "closing": False}
    through.tunnel.close(1012, "has no words for it")
    await turns()
    assert through.is_over


async def test_what_comes_for_a_side_that_is_closing_is_dropped() -> None:
    through = Through()
    through.near.close()
    through.far.receive(b"late")
    await turns()
    assert bytes(through.near.sent) == b""
    assert through.is_over


async def test_an_upgrade_that_nobody_wants_is_undone() -> None:
    transport, ended = FakeTransport(), list[bool]()
    transport.connect(asyncio.Protocol())
    UpgradedUpstream(transport, b"", lambda: ended.append(True)).abort()
    await turns()
    assert (transport.was_aborted, ended) == (True, [True])
