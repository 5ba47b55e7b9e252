import asyncio
from typing import Any

import pytest

from gateway.api import BodyStream, Fields, OverloadedError, Request, Response, UpstreamClosedError
from plugins.idempotency.reasons import IdempotencyReason
from tests.support.light_tasks import outcome, turns
from tests.support.plugins import ScriptedUpstream, make_request, make_response, pairs
from tests.support.repeated import Room, Told, asks, made, order, refused
from tests.support.roads import Later, read_now
from tests.support.streams import RecordingSink, RecordingSource, stream_of


@pytest.fixture
def room() -> Room:
    return Room()


async def test_a_request_that_is_sent_again_gets_the_first_answer_marked(room: Room) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    first, second, third = [await handler(order()) for _ in range(3)]
    assert pairs(first.fields) == [("Location", "/orders/7")]
    assert pairs(second.fields) == pairs(third.fields) == [("Location", "/orders/7"), ("Idempotency-Replayed", "true")]
    assert (second.status, second.body, len(upstream.requests)) == (201, b"made", 1)
    assert (room.requests("first"), room.requests("replayed"), room.answers("kept")) == (1, 2, 1)


async def test_what_comes_further_out_is_not_kept(room: Room) -> None:
    handler = await room.before(
        ScriptedUpstream(lambda request: Response(200, made(request).fields, stream_of(b"made")))
    )
    first = await handler(order())
    first.fields.set(b"RateLimit", b"for this client now")
    assert read_now(first).data == b"made"
    assert b"ratelimit" not in (await handler(order())).fields


@pytest.mark.parametrize(
    "request_", [order(key="k2"), order(Authorization="other"), make_request("POST", "/orders"), order(method="PUT")]
)
async def test_another_key_another_identity_no_key_and_other_methods_are_other_requests(
    room: Room, request_: Request
) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    await handler(order())
    await handler(request_)
    assert len(upstream.requests) == 2


async def test_a_key_that_was_used_for_something_else_is_422(room: Room) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    await handler(order(b"one"))
    for other in (order(b"two"), order(stream_of(b"tw", b"o")), order(method="PATCH")):
        error = await refused(handler, other)
        assert (error.status, error.retry_after) == (422, None)
    assert (await handler(order(stream_of(b"o", b"ne")))).status == 201
    assert len(upstream.requests) == 1


async def test_while_it_is_under_way_others_get_409(room: Room) -> None:
    upstream = Later()
    handler = await room.before(upstream)
    first = asks(handler, order())
    await turns()
    request = order()
    error = await refused(handler, request)
    assert (error.status, error.retry_after) == (409, 1.0)
    assert [decision.reason for decision in request.trail] == [IdempotencyReason.RUNNING]
    await upstream.answer(made(request))
    assert (await outcome(first)).status == 201
    assert (await handler(order())).status == 201


async def test_a_client_that_leaves_does_not_stop_it_and_finds_the_answer_later(room: Room) -> None:
    upstream = Later()
    handler = await room.before(upstream)
    first = asks(handler, order())
    await turns()
    first.cancel()
    assert isinstance(await outcome(first), asyncio.CancelledError)
    assert upstream.cancelled == 0
    assert (await refused(handler, order())).status == 409
    answer, told = made(order()), Told()
    answer.on_sent(told)
    await upstream.answer(answer)
    await turns()
    assert told.ends == [False]
    assert (await handler(order())).body == b"made"


@pytest.mark.parametrize("length", [9, None])
async def test_who_has_the_whole_answer_may_ask_again_at_once(room: Room, length: int | None) -> None:
    stream = BodyStream(length, RecordingSource())
    handler = await room.before(ScriptedUpstream(lambda request: Response(201, Fields(), stream)))
    first = (await handler(order())).body
    assert isinstance(first, BodyStream)
    kept: list[float] = []
    first.attach(RecordingSink(lambda data: kept.append(room.answers("kept"))))
    first.on_end(lambda end: kept.append(room.answers("kept")))
    stream.feed(b"first, ")
    stream.feed(b"OK")
    stream.finish()
    assert kept == ([0, 1, 1] if length is not None else [0, 0, 1])


async def test_an_answer_whose_client_leaves_in_the_middle_is_kept_whole(room: Room) -> None:
    source = RecordingSource()
    body = BodyStream(None, source)
    upstream = ScriptedUpstream(Response(200, make_response().fields, body))
    handler = await room.before(upstream)
    response = await handler(order())
    body.feed(b"half ")
    response.discard()
    assert source.told == []
    body.feed(b"and half")
    body.finish()
    assert (await handler(order())).body == b"half and half"


async def test_an_answer_that_streams_to_nobody_is_kept_whole_and_then_let_go(room: Room) -> None:
    upstream = Later()
    handler = await room.before(upstream)
    first = asks(handler, order())
    await turns()
    first.cancel()
    await outcome(first)
    body = BodyStream(None, RecordingSource())
    response, told = Response(200, make_response().fields, body), Told()
    response.on_sent(told)
    await upstream.answer(response)
    await turns()
    assert told.ends == []
    body.feed(b"all of it")
    body.finish()
    assert told.ends == [False]
    assert (await handler(order())).body == b"all of it"


async def test_a_client_that_leaves_in_the_turn_of_the_answer_leaves_nothing_behind(room: Room) -> None:
    upstream = Later()
    handler = await room.before(upstream)
    first = asks(handler, order())
    await turns()
    response, told = made(order()), Told()
    response.on_sent(told)
    upstream._waiting[0].set_result(response)
    await asyncio.sleep(0)
    first.cancel()
    await outcome(first)
    await turns()
    assert told.ends == [False]
    assert (await handler(order())).body == b"made"


@pytest.mark.parametrize("trouble", [make_response(503), make_response(429), UpstreamClosedError()])
async def test_what_another_try_may_change_is_tried_again(room: Room, trouble: Any) -> None:
    upstream = ScriptedUpstream(trouble, made)
    handler = await room.before(upstream)
    if isinstance(trouble, Exception):
        with pytest.raises(type(trouble)):
            await handler(order())
    else:
        await handler(order())
    assert (await handler(order())).status == 201
    assert len(upstream.requests) == 2


async def test_an_answer_that_breaks_off_is_not_kept(room: Room) -> None:
    body = BodyStream(None, RecordingSource())
    handler = await room.before(ScriptedUpstream(Response(200, make_response().fields, body), made))
    response = await handler(order())
    read_now(response)
    body.feed(b"half")
    body.fail(UpstreamClosedError())
    assert room.answers("failed") == 1
    assert (await handler(order())).status == 201


@pytest.mark.parametrize("body", [b"x" * 11, stream_of(b"x" * 6, b"x" * 5), stream_of(b"x" * 11, length=11)])
async def test_what_is_too_large_is_not_carried_out_again_either(room: Room, body: Any) -> None:
    upstream = ScriptedUpstream(Response(200, make_response().fields, body))
    handler = await room.before(upstream, max_response=10)
    assert read_now(await handler(order())).data == b"x" * 11
    error = await refused(handler, order())
    assert (error.status, len(upstream.requests)) == (409, 1)
    assert "too large" in error.detail
    assert (await refused(handler, order(b"two"))).status == 422


async def test_large_content_of_requests_passes_by_and_keeps_its_length(room: Room) -> None:
    seen: list[Any] = []

    async def upstream(request: Request) -> Response:
        assert isinstance(request.body, BodyStream)
        seen.append((request.body.length, await request.body.read(1 << 20)))
        return made(request)

    handler = await room.before(upstream, buffer=10)
    content = b"x" * 100
    await handler(order(stream_of(content, length=100)))
    assert seen == [(100, content)]
    assert (await handler(order(stream_of(content[:50], content[50:], length=100)))).status == 201
    assert (await refused(handler, order(content + b"x"))).status == 422
    assert len(seen) == 1


async def test_small_content_is_at_hand_further_in(room: Room) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    await handler(order(stream_of(b"one", length=3)))
    assert upstream.requests[0].body == b"one"
    assert (await handler(order(b"one"))).status == 201
    assert len(upstream.requests) == 1


async def test_an_answer_that_came_before_the_content_is_not_kept(room: Room) -> None:
    body = BodyStream(None, RecordingSource())
    upstream = ScriptedUpstream(make_response(401), made)
    handler = await room.before(upstream)
    await handler(order(body))
    assert room.answers("unfinished") == 1
    await handler(order())
    assert len(upstream.requests) == 2


async def test_a_client_that_leaves_before_its_content_has_come_has_asked_nothing(room: Room) -> None:
    body = BodyStream(5, RecordingSource())
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    first = asks(handler, order(body))
    first.cancel()
    await outcome(first)
    assert upstream.requests == []
    assert (await handler(order())).status == 201


@pytest.mark.parametrize(("key", "reason"), [(None, "missing"), ("", "malformed"), ("a b", "malformed")])
async def test_a_key_may_be_required_and_must_be_one(room: Room, key: str | None, reason: str) -> None:
    handler = await room.before(ScriptedUpstream(made), required=True)
    request = make_request("POST", "/orders", {} if key is None else {"Idempotency-Key": key})
    assert (await refused(handler, request)).status == 400
    assert room.requests(reason) == 1


async def test_so_many_may_be_under_way(room: Room) -> None:
    upstream = Later()
    handler = await room.before(upstream, running=1)
    first = asks(handler, order())
    await turns()
    with pytest.raises(OverloadedError) as crowded:
        await handler(order(key="k2"))
    assert crowded.value.limit == "idempotency.running"
    await upstream.answer()
    await outcome(first)
    second = asks(handler, order(key="k2"))
    await turns()
    await upstream.answer()
    assert isinstance(await outcome(second), Response)


async def test_methods_without_keys_have_a_short_way(room: Room) -> None:
    await room.before(ScriptedUpstream())
    answer = make_response()
    at_once = room.plugin.wrap_at_once(lambda request: answer)
    assert at_once is not None
    assert at_once(make_request("GET")) is answer
    assert at_once(order()) is None
    assert room.plugin.wrap_at_once(None) is None
