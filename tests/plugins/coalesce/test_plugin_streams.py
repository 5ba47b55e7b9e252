"""Answers whose content comes bit by bit, to readers that come late or are slow."""

import pytest

from gateway.api import Fields, Request
from tests.support.coalescing import Client, Coalesced, turns
from tests.support.plugins import make_request, make_response

PIECE = bytes(range(256)) * 128  # 32 KiB
BUFFER = 64 * 1024
TAGGED = {"ETag": '"a"'}


def piece(number: int) -> bytes:
    """32 KiB that no other number has."""
    return b"%08d" % number + PIECE[8:]


def content(pieces: int) -> bytes:
    return b"".join(map(piece, range(pieces)))


@pytest.fixture(params=[True, False], ids=["light", "task"])
def room(request: pytest.FixtureRequest) -> Coalesced:
    return Coalesced(light=request.param, buffer="64KiB")


async def test_followers_receive_the_stream_while_it_comes(room: Coalesced) -> None:
    clients = await room.several(3)
    stream = room.calls[0].stream(length=9)
    await turns()
    for part in (b"one", b"two", b"six"):
        stream.feed(part)
        assert [client.sink.pieces[-1] for client in clients] == [part] * 3
    trailers = Fields([(b"X-End", b"1")])
    stream.finish(trailers)
    assert [client.sink.ends for client in clients] == [["finish"]] * 3
    assert [client.sink.trailers for client in clients] == [trailers] * 3
    assert [client.got.body.length for client in clients] == [9] * 3  # type: ignore[union-attr]  # a stream
    await turns()
    assert room.is_idle


async def test_a_late_request_joins_as_long_as_all_of_it_is_at_hand(room: Coalesced) -> None:
    first = room.ask()
    await turns()
    stream = room.calls[0].stream()
    await turns()
    stream.feed(b"one ")
    late = room.ask(fields={"User-Agent": "late"})
    await turns()
    assert late.body == b"one "
    stream.feed(b"two")
    stream.finish()
    assert (first.body, late.body) == (b"one two", b"one two")
    assert late.why == ["joined"]
    assert room.counted("upstream_calls_saved_total") == 1
    after = room.ask()
    await turns()
    assert len(room.calls) == 2
    assert after.is_waiting


def noted(epoch: object, outdated: object = None) -> Request:
    """A request with the word of a store in front."""
    request = make_request()
    request.epoch, request.outdated = epoch, outdated
    return request


async def test_nobody_joins_what_has_just_been_in_vain_and_who_asks_anew_is_joined(room: Coalesced) -> None:
    room.send(noted(1))
    await turns()
    room.calls[0].stream()
    late = room.send(noted(2))
    await turns()
    assert late.why == ["joined"]
    again = room.send(noted(2, outdated=1))
    await turns()
    assert (again.why, len(room.calls)) == (["purged"], 2)
    another = room.send(noted(2, outdated=1))
    await turns()
    room.calls[1].answer(b"new")
    await turns()
    assert (again.body, another.body, another.why) == (b"new", b"new", ["followed"])
    assert room.counted("not_shared_total", reason="purged") == 1


async def test_no_more_join_than_may_follow() -> None:
    room = Coalesced(followers=2)
    room.ask()
    stream = room.calls[0].stream()
    stream.feed(b"one")
    clients = [room.ask() for _ in range(3)]
    assert len(room.calls) == 2
    stream.finish()
    room.calls[1].answer()
    await turns()
    assert clients[0].body == b"one"


async def test_once_the_beginning_is_gone_a_late_request_asks_for_itself(room: Coalesced) -> None:
    room.ask()
    await turns()
    stream = room.calls[0].stream()
    await turns()
    for number in range(3):
        stream.feed(piece(number))
    assert room.held == 0, "nobody needs it"
    room.ask()
    await turns()
    assert len(room.calls) == 2
    room.ask()
    await turns()
    assert len(room.calls) == 2, "the third one follows the second"


async def test_nobody_joins_what_began_too_long_ago(room: Coalesced) -> None:
    room.ask()
    await turns()
    room.calls[0].stream().feed(b"one")
    await turns()
    room.clock.advance(1.5)
    room.ask()
    await turns()
    assert len(room.calls) == 2
    assert room.held == 0


async def test_the_sweep_lets_go_of_what_is_kept_for_newcomers(room: Coalesced) -> None:
    await room.plugin.open()
    room.ask()
    await turns()
    room.calls[0].stream().feed(b"one")
    await turns()
    assert room.held > 0
    room.clock.advance(1.5)
    for sweep in room.sweeps:
        sweep()
    assert room.held == 0
    assert room.figures.value("coalesce_buffer_bytes") == 0
    await room.plugin.close()
    assert room.sweeps == []


@pytest.mark.parametrize(
    "fields", [{"Set-Cookie": "a=1"}, {"Cache-Control": "private"}, {"Vary": "*"}, {"Vary": "User-Agent"}]
)
async def test_nobody_joins_what_is_not_for_him(room: Coalesced, fields: dict[str, str]) -> None:
    room.ask(fields={"User-Agent": "first"})
    await turns()
    room.calls[0].stream(fields).feed(b"mine")
    room.ask(fields={"User-Agent": "second"})
    await turns()
    assert len(room.calls) == 2


async def test_where_nobody_may_join_late_a_stream_without_company_is_left_alone() -> None:
    room = Coalesced(join_for="off")
    client = room.ask()
    stream = room.calls[0].stream()
    assert client.got.body is stream
    room.ask()
    assert len(room.calls) == 2


async def test_a_slow_reader_holds_up_neither_the_origin_nor_the_others(room: Coalesced) -> None:
    fast, slow = await room.several(2)
    stream = room.calls[0].stream(TAGGED)
    await turns()
    slow.stop()
    for part in (b"one ", b"two ", b"three"):
        stream.feed(part)
    assert (fast.body, slow.body) == (b"one two three", b"")
    assert room.calls[0].source.told == []
    slow.go_on()
    stream.finish()
    assert slow.body == b"one two three"
    assert slow.is_whole
    assert room.held == 0


async def test_when_all_are_slow_the_origin_waits(room: Coalesced) -> None:
    clients = await room.several(2)
    stream = room.calls[0].stream()
    await turns()
    for client in clients:
        client.stop()
    stream.feed(piece(0))
    assert room.calls[0].source.paused
    clients[1].go_on()
    assert not room.calls[0].source.paused


async def slow_one(room: Coalesced, fields: dict[str, str], length: int | None) -> tuple[Client, Client]:
    """Two readers, one of which has fallen behind a content of 8 pieces after the first one."""
    fast, slow = await room.several(2)
    stream = room.calls[0].stream(fields, length)
    await turns()
    stream.feed(piece(0))
    slow.stop()
    for number in range(1, 8):
        stream.feed(piece(number))
        assert room.held <= BUFFER + len(PIECE) + 1000
    stream.finish()
    await turns()
    assert fast.body == content(8)
    assert fast.is_whole
    assert slow.body == piece(0)
    assert len(room.calls) == 2
    return fast, slow


async def test_who_falls_behind_gets_the_rest_by_range(room: Coalesced) -> None:
    _, slow = await slow_one(room, TAGGED, len(content(8)))
    call = room.calls[1]
    assert (call["Range"], call["If-Range"]) == (f"bytes={len(PIECE)}-", '"a"')
    size = len(content(8))
    fields = {**TAGGED, "Content-Range": f"bytes {len(PIECE)}-{size - 1}/{size}"}
    call.answer(content(8)[len(PIECE) :], fields, status=206)
    slow.go_on()
    await turns()
    assert slow.body == content(8)
    assert slow.is_whole
    assert room.counted("continuations_total", outcome="rest") == 1
    assert room.is_idle


@pytest.mark.parametrize("fields", [TAGGED, {}, {"ETag": 'W/"a"'}, {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}])
async def test_or_the_whole_once_more_if_it_is_the_same(room: Coalesced, fields: dict[str, str]) -> None:
    _, slow = await slow_one(room, fields, None)
    stream = room.calls[1].stream(fields)
    for number in range(8):
        stream.feed(piece(number)[:1000])
        stream.feed(piece(number)[1000:])
    slow.go_on()
    stream.finish()
    await turns()
    assert slow.body == content(8)
    assert slow.is_whole
    assert (room.calls[1]["Range"] is not None) == (fields == TAGGED)
    assert room.counted("continuations_total", outcome="whole") == 1


async def test_another_content_never_goes_on_where_this_one_stopped(room: Coalesced) -> None:
    _, slow = await slow_one(room, {}, None)
    stream = room.calls[1].stream()
    slow.go_on()
    stream.feed(b"x" + content(8)[1:])
    await turns()
    assert slow.sink.ends == ["fail"]
    assert slow.body == piece(0)
    await turns()
    assert room.is_idle


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (200, {"ETag": '"b"'}),
        (206, {"ETag": '"b"', "Content-Range": "bytes 32768-262143/262144"}),
        (206, {"ETag": '"a"', "Content-Range": "bytes 32767-262143/262144"}),
        (206, {"ETag": '"a"', "Content-Range": "bytes 32768-262143/*"}),
        (404, {}),
        (304, TAGGED),
    ],
)
async def test_an_answer_that_is_no_continuation_ends_it(room: Coalesced, status: int, fields: dict[str, str]) -> None:
    _, slow = await slow_one(room, TAGGED, len(content(8)))
    room.calls[1].answer(content(8)[len(PIECE) :], fields, status)
    await turns()
    assert slow.sink.ends == ["fail"]
    assert room.counted("readers_lost_total") == 1
    assert room.counted("continuations_total", outcome="other") == 1
    assert room.is_idle


async def test_a_stream_without_end_is_cut_for_who_cannot_keep_up(room: Coalesced) -> None:
    fast, slow = await room.several(2)
    stream = room.calls[0].stream({"Content-Type": "text/event-stream"})
    await turns()
    slow.stop()
    for number in range(4):
        stream.feed(piece(number))
    assert fast.body == content(4)
    assert slow.sink.ends == ["fail"]
    assert len(room.calls) == 1


async def test_where_no_further_exchange_is_allowed_all_go_as_fast_as_the_slowest() -> None:
    room = Coalesced(buffer="64KiB", continuations=0)
    fast, slow = await room.several(2)
    stream = room.calls[0].stream()
    await turns()
    slow.stop()
    for number in range(3):
        stream.feed(piece(number))
    assert room.calls[0].source.told[-1] == "pause"
    assert fast.body == content(3)
    slow.go_on()
    assert room.calls[0].source.told[-1] == "resume"
    stream.finish()
    assert slow.body == content(3)


async def test_slow_readers_share_their_further_exchange(room: Coalesced) -> None:
    fast, *slow = await room.several(10)
    stream = room.calls[0].stream(TAGGED, len(content(8)))
    await turns()
    for number in range(8):
        if number < 3:
            for client in slow[number::3]:
                client.stop()
        stream.feed(piece(number))
    stream.finish()
    await turns()
    assert len(room.calls) == 2
    room.calls[1].give(make_response(200, TAGGED, content(8)))
    for client in slow:
        client.go_on()
    await turns()
    assert {client.body for client in (fast, *slow)} == {content(8)}
    assert all(client.is_whole for client in slow)
    assert room.is_idle


async def test_slow_readers_that_leave_while_the_rest_is_asked_for_are_not_sent_it(room: Coalesced) -> None:
    _, slow = await slow_one(room, TAGGED, len(content(8)))
    slow.leave()
    await turns()
    assert room.calls[1].given_up
    assert room.is_idle


async def test_buffers_of_all_answers_together_keep_to_the_memory() -> None:
    room = Coalesced(buffer="64KiB", memory="64KiB")
    other = Coalesced(buffer="64KiB", memory="64KiB", beside=room)
    pairs = []
    for place in (room, other):
        clients = await place.several(2)
        clients[0].request.trail.clear()
        pairs.append((place.calls[0].stream(TAGGED, len(content(8))), clients))
    await turns()
    for stream, clients in pairs:
        clients[1].stop()
        for number in range(4):
            stream.feed(piece(number))
            assert room.held <= BUFFER + len(PIECE) + 1000
        assert clients[0].body == content(4)
