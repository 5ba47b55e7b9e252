"""Queues, back-pressure and limits of one direction."""

import pytest

from gateway.websocket.close_codes import WebSocketError
from gateway.websocket.terms import LegTerms, Message, QueueLimits, Slow
from tests.support.framed import Framed
from tests.support.frames import close, frame
from tests.support.roads import turns

SMALL = QueueLimits(messages=1000, octets=400_000, stop_above=100_000, go_on_below=30_000, slow_after=10.0)


async def test_what_comes_in_one_read_leaves_in_one_write() -> None:
    framed = Framed()
    framed.news("a", "b", "c")
    assert len(framed.client.writes) == 1
    assert framed.heard_texts == ["a", "b", "c"]
    assert framed.figures.value("websocket_writes_total", route="live", direction="down") == 1
    assert framed.figures.value("websocket_messages_total", route="live", direction="down", type="text") == 3


async def test_without_joining_each_message_is_a_write() -> None:
    framed = Framed(join=False)
    framed.news("a", "b", "c")
    assert len(framed.client.writes) == 3


async def test_control_frames_pass_through_and_past_what_waits() -> None:
    framed = Framed()
    framed.says(frame(9, b"are you there"))
    framed.answers(frame(10, b"are you there", masked=False))
    assert [(each.opcode, each.payload) for each in framed.told] == [(9, b"are you there")]
    assert [(each.opcode, each.payload) for each in framed.heard] == [(10, b"are you there")]


async def test_a_storm_of_pings_is_thinned_out_and_in_the_end_refused() -> None:
    framed = Framed()
    framed.says(frame(9, b"x") * 100)
    assert 0 < len(framed.told) < 30
    framed.says(frame(9, b"x") * 1000)
    assert framed.codes() == (1008, 1001)
    assert framed.figures.value("websocket_pings_dropped_total", route="live") > 100


async def test_the_rate_of_messages_is_bounded() -> None:
    framed = Framed(messages_per_second=1.0, burst=5)
    framed.says(frame(1, b"x") * 5)
    assert len(framed.told_texts) == 5
    framed.says(frame(1, b"x"))
    assert framed.codes() == (1008, 1001)


async def test_an_upstream_may_send_as_much_as_it_likes() -> None:
    framed = Framed(messages_per_second=1.0, burst=5)
    framed.news(*("x" for _ in range(50)))
    assert len(framed.heard_texts) == 50


def double(opcode: int, payload: bytes) -> list[Message]:
    if payload == b"bad":
        raise WebSocketError(1002, "batch")
    return [(opcode, payload), (opcode, payload)]


async def test_batches_are_opened_and_their_messages_counted() -> None:
    framed = Framed(downstream=LegTerms(unpack=double), messages_per_second=1.0, burst=5)
    framed.says(frame(1, b"a"), frame(1, b"b"))
    assert framed.told_texts == ["a", "a", "b", "b"]
    framed.says(frame(1, b"c"))
    assert framed.codes() == (1008, 1001)


async def test_what_came_before_a_bad_batch_counts() -> None:
    framed = Framed(downstream=LegTerms(unpack=double))
    framed.says(frame(1, b"a") + frame(1, b"bad") + frame(1, b"c"))
    assert framed.told_texts == ["a", "a"]
    assert framed.codes() == (1002, 1001)


async def test_a_client_that_takes_nothing_stops_the_upstream_and_nobody_loses_anything() -> None:
    framed = Framed(queue=SMALL)
    framed.client.is_stalled = True
    sent = [f"{at:010}" + "x" * 1000 for at in range(400)]
    for at in range(0, 400, 10):
        framed.news(*sent[at : at + 10])
    assert not framed.upstream.is_reading()
    assert framed.upstream.is_waiting
    assert framed.client.unsent + framed.pair.queued_octets < 64 * 1024 + 100_000 + 3 * 10_100
    assert framed.pair.describe()["paused"] == ["upstream"]
    for _ in range(100):
        framed.client.take()
        await turns()
    assert framed.heard_texts == sent
    assert framed.upstream.is_reading()
    assert framed.pair.queued_octets == 0
    assert framed.connections.queued == 0
    assert framed.figures.value("websocket_queue_bytes", route="live", direction="down") == 0
    assert framed.figures.value("websocket_paused_seconds_total", route="live", direction="down") > 0


async def test_the_other_direction_is_not_disturbed() -> None:
    framed = Framed(queue=SMALL)
    framed.client.is_stalled = True
    for _ in range(30):
        framed.news("x" * 10_000)
    framed.text("still here")
    assert framed.told_texts == ["still here"]


async def test_a_client_that_takes_nothing_for_long_is_closed_on_both_sides() -> None:
    framed = Framed(queue=SMALL, ping_every=None)
    framed.client.is_stalled = True
    for _ in range(30):
        framed.news("x" * 10_000)
    framed.expire(later=5.0)
    assert framed.codes()[1] is None
    framed.expire(later=20.0)
    assert framed.codes()[1] == 1013
    assert framed.figures.value("websocket_slow_closes_total", route="live") == 1
    framed.expire()
    await turns()
    assert framed.is_over
    assert framed.figures.value("websocket_paused_seconds_total", route="live", direction="down") > 0
    assert framed.connections.queued == 0


async def test_one_that_takes_a_little_now_and_then_is_not_given_up() -> None:
    framed = Framed(queue=SMALL, ping_every=None)
    framed.client.is_stalled = True
    for _ in range(30):
        framed.news("x" * 10_000)
    for _ in range(3):
        framed.client.take(100)
        framed.expire(later=8.0)
    assert framed.codes()[1] is None


async def test_for_feeds_the_oldest_messages_are_given_up_instead() -> None:
    queue = QueueLimits(messages=50, octets=1 << 20, slow=Slow.DROP_OLDEST)
    framed = Framed(queue=queue)
    framed.client.is_stalled = True
    framed.news("x" * 100_000)
    for at in range(200):
        framed.news(str(at))
    assert framed.upstream.is_reading()
    assert framed.pair.down.queued[0] == 50
    framed.client.is_stalled = False
    framed.client.take()
    assert framed.heard_texts[1:] == [str(at) for at in range(150, 200)]
    assert framed.figures.value("websocket_dropped_total", route="live", direction="down") == 150


async def test_what_waits_goes_before_a_close() -> None:
    framed = Framed(queue=SMALL)
    framed.client.is_stalled = True
    for at in range(12):
        framed.news(f"{at}" + "x" * 10_000)
    framed.answers(close(1000, masked=False))
    assert [text[:2].rstrip("x") for text in framed.heard_texts] == [str(at) for at in range(12)]
    assert framed.heard[-1].code == 1000


async def test_messages_in_crumbs_of_compression_are_not_all_unfolded_for_a_client_that_takes_none() -> None:
    from gateway.websocket.deflate import Deflate, Deflater

    agreed = Deflate(threshold=0)
    packed = Deflater(agreed).deflate(bytes(200_000))
    assert packed is not None
    framed = Framed(queue=SMALL, downstream=LegTerms(deflate=agreed))
    framed.upstream.is_stalled = True
    framed.says(frame(2, packed, rsv=4) * 50)
    assert framed.upstream.unsent + framed.pair.queued_octets < 1 << 20
    for _ in range(200):
        framed.upstream.take()
        await turns()
    assert [len(each.payload) for each in framed.told] == [200_000] * 50


@pytest.mark.parametrize("size", [255, 100_000])
async def test_messages_to_a_client_that_asked_for_it_are_compressed(size: int) -> None:
    from gateway.websocket.deflate import Deflate, Inflater

    agreed = Deflate()
    framed = Framed(downstream=LegTerms(deflate=agreed))
    framed.news("x" * size)
    (heard,) = framed.heard
    if size < agreed.threshold:
        assert (heard.rsv, heard.payload) == (0, b"x" * size)
    else:
        assert heard.rsv == 4
        assert Inflater(Deflate(peer_window=15)).inflate(heard.payload, 1 << 20) == b"x" * size


async def test_frames_of_an_upstream_go_on_as_they_came_and_are_counted() -> None:
    framed = Framed()
    pieces = [frame(1, "é".encode(), masked=False), frame(2, b"\xff" * 300, masked=False)]
    framed.answers(b"".join(pieces) + pieces[0][:2])
    framed.answers(pieces[0][2:])
    assert framed.client.writes == [b"".join(pieces), pieces[0]]
    count = framed.figures.value
    assert count("websocket_messages_total", route="live", direction="down", type="text") == 2
    assert count("websocket_messages_total", route="live", direction="down", type="binary") == 1
    assert count("websocket_message_bytes_total", route="live", direction="down") == 304
    assert count("websocket_frames_total", route="live", direction="down") == 3
    assert framed.pair.describe()["messages"] == {"down": 3, "up": 0}


async def test_what_came_before_a_mistake_goes_on() -> None:
    framed = Framed()
    framed.answers(frame(1, b"a", masked=False) + frame(1, b"\xff", masked=False))
    framed.answers(frame(1, b"b", masked=False))
    assert framed.heard_texts == ["a"]
    assert framed.codes() == (1014, 1007)
