"""What a client sends is taken in portions, and nothing of it is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from gateway.websocket.deflate import Deflate
from gateway.websocket.portions import PORTION
from gateway.websocket.terms import LegTerms, QueueLimits
from tests.support.framed import Framed, until
from tests.support.frames import close, frame

COMPRESSED = Deflate(12, 12, own_takeover=False, peer_takeover=False, memory_level=5, level=6, threshold=1 << 30)
SMALL = [b"%d" % number for number in range(20_000)]
MANY = b"".join(frame(1, each) for each in SMALL)
"""Several portions."""


def told(framed: Framed) -> list[bytes]:
    return [each.payload for each in framed.told if each.opcode in (1, 2)]


async def test_a_lot_is_taken_in_several_turns_and_all_of_it() -> None:
    framed = Framed()
    framed.says(MANY)
    after_one_turn = len(told(framed))
    assert 0 < after_one_turn < PORTION
    assert framed.pair.downstream.is_resting
    framed.says(frame(1, b"behind"))
    assert framed.client.is_waiting  # nothing is read until the rest was looked at
    await until(lambda: not framed.pair.downstream.is_resting and not framed.client.is_waiting)
    assert told(framed) == [*SMALL, b"behind"]


async def test_a_little_is_taken_at_once() -> None:
    framed = Framed()
    framed.says(frame(2, b"x" * (PORTION - 100)))
    assert len(told(framed)) == 1
    assert not framed.pair.downstream.is_resting


async def test_what_comes_although_nobody_reads_is_kept_in_order() -> None:
    framed = Framed()
    framed.pair.downstream.data_received(MANY)
    framed.pair.downstream.data_received(frame(1, b"behind"))
    await until(lambda: not framed.pair.downstream.is_resting)
    assert told(framed) == [*SMALL, b"behind"]


async def test_messages_that_inflate_take_turns() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -12, 5)
    packed = (packer.compress(bytes(500_000)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    framed = Framed(downstream=LegTerms(deflate=COMPRESSED))
    framed.says(frame(2, packed, rsv=4) * 5)
    assert len(told(framed)) == 1
    await until(lambda: len(told(framed)) == 5)
    assert {len(each) for each in told(framed)} == {500_000}


async def test_a_sink_that_is_full_stops_it_and_goes_on_with_the_rest() -> None:
    framed = Framed(queue=QueueLimits(stop_above=10_000, go_on_below=1000))
    framed.upstream.is_stalled = True
    framed.says(MANY)
    await until(lambda: framed.pair.downstream.is_held)
    assert framed.pair.upstream.is_blocked
    assert len(told(framed)) < len(SMALL)
    framed.says(frame(1, b"behind"))
    while framed.pair.downstream.is_resting or framed.client.is_waiting or framed.upstream.unsent:
        framed.upstream.take()
        await asyncio.sleep(0)
    assert told(framed) == [*SMALL, b"behind"]


async def test_a_mistake_in_the_middle_ends_it_and_gives_up_the_rest() -> None:
    framed = Framed()
    framed.says(MANY + frame(3, b"") + MANY)
    await until(lambda: framed.codes()[0] is not None)
    assert framed.codes() == (1002, 1001)
    assert told(framed) == SMALL
    assert framed.pair.downstream.reader.held == 0
    await until(lambda: not framed.pair.downstream.is_resting)
    framed.client.end()
    framed.upstream.end()
    await until(lambda: framed.is_over)


async def test_a_close_behind_a_lot_comes_behind_it() -> None:
    framed = Framed()
    framed.says(MANY + close(4000))
    await until(lambda: framed.codes()[1] == 4000)
    assert told(framed) == SMALL
    framed.answers(close(4000, masked=False))
    await until(lambda: framed.is_over)


@pytest.mark.parametrize("who", ["client", "upstream"])
async def test_whoever_leaves_meanwhile_leaves_nothing(who: str) -> None:
    framed = Framed()
    framed.says(MANY)
    getattr(framed, who).lose()
    await until(lambda: framed.codes()[who == "client"] is not None)
    if who == "client":
        framed.answers(close(1001, masked=False))
    else:
        framed.says(close(1014))
    await until(lambda: framed.is_over)
    assert framed.connections.queued == 0
