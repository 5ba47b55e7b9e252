"""Exchanges that fail or take too long: never a herd."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from gateway.api import (
    BodyTooLargeError,
    Fields,
    OverloadedError,
    RefusedError,
    Request,
    Response,
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamTimeoutError,
)
from gateway.chain.runtime import SystemClock
from tests.support.coalescing import Coalesced, turns
from tests.support.plugins import make_request, make_response


async def until(holds: object) -> None:
    """Wait for a condition, however slow the machine is."""
    assert callable(holds)
    for _ in range(20_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never holds")


@pytest.fixture(params=[True, False], ids=["light", "task"])
def room(request: pytest.FixtureRequest) -> Coalesced:
    return Coalesced(light=request.param)


@pytest.mark.parametrize("error", [UpstreamConnectError("no"), UpstreamClosedError("no"), OverloadedError("full")])
async def test_when_the_exchange_fails_one_tries_again_for_all_the_others(room: Coalesced, error: Exception) -> None:
    first, *others = await room.several(10)
    room.calls[0].fail(error)
    await turns()
    assert first.error is error
    assert len(room.calls) == 2
    room.calls[1].answer(b"second try")
    await turns()
    assert {client.body for client in others} == {b"second try"}
    assert room.counted("exchanges_total", end="failed") == 1
    assert room.is_idle


async def test_when_that_fails_too_all_get_its_error_each_his_own(room: Coalesced) -> None:
    _, *others = await room.several(10)
    for number in range(2):
        room.calls[number].fail(UpstreamClosedError(f"failure {number}"))
        await turns()
    assert len(room.calls) == 2
    errors = [client.error for client in others]
    assert {type(error) for error in errors} == {UpstreamClosedError}
    assert {str(error) for error in errors} == {"failure 1"}
    assert len({id(error) for error in errors}) == 9
    assert room.is_idle


async def test_or_all_get_the_first_error() -> None:
    room = Coalesced(on_failure="share")
    clients = await room.several(5)
    room.calls[0].request.error_fields = Fields([(b"X-Page", b"1")])
    room.calls[0].fail(UpstreamTimeoutError("slow"))
    await turns()
    assert len(room.calls) == 1
    assert {(type(client.error), str(client.error)) for client in clients} == {(UpstreamTimeoutError, "slow")}
    for client in clients:
        assert client.request.error_fields is not None
        assert client.request.error_fields.get(b"x-page") == b"1"


@pytest.mark.parametrize("error", [RefusedError("too many", 429), BodyTooLargeError("large")])
@pytest.mark.parametrize("on_failure", ["elect", "share"])
async def test_a_refusal_of_the_first_one_is_nobody_elses(error: Exception, on_failure: str) -> None:
    room = Coalesced(on_failure=on_failure)
    first, *others = await room.several(4)
    room.calls[0].fail(error)
    await turns()
    assert first.error is error
    assert len(room.calls) == 2
    room.calls[1].answer()
    await turns()
    assert [client.body for client in others] == [b"content"] * 3


async def test_refusals_one_after_another_end_in_requests_of_their_own() -> None:
    room = Coalesced(apart_at_once=100)
    clients = await room.several(8)
    for number in range(3):
        assert len(room.calls) == number + 1
        room.calls[number].fail(RefusedError("no"))
        await turns(40)
    assert len(room.calls) == 8, "three refusals are enough"
    for call in room.calls[3:]:
        call.fail(RefusedError("no"))
    await turns()
    assert [type(client.error) for client in clients] == [RefusedError] * 8


async def test_a_mistake_of_a_plugin_behind_is_not_worth_more_than_one_more_try(room: Coalesced) -> None:
    clients = await room.several(3)
    room.calls[0].fail(ValueError("mine"))
    await turns()
    room.calls[1].fail(ValueError("mine"))
    await turns()
    assert [type(client.error) for client in clients] == [ValueError] * 3
    assert len(room.calls) == 2


async def test_an_error_that_cannot_be_copied_is_raised_as_it_is() -> None:
    class OwnError(UpstreamError):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} {b}")

    room = Coalesced(on_failure="share")
    clients = await room.several(3)
    room.calls[0].fail(OwnError(1, 2))
    await turns()
    assert [str(client.error) for client in clients] == ["1 2"] * 3


class _Odd:
    def __await__(self) -> Generator[Any, None, None]:
        yield 42


async def test_a_plugin_behind_that_awaits_what_nobody_knows_leaves_nobody_waiting() -> None:
    async def odd(request: Request) -> Response:
        await _Odd()
        return make_response()

    room = Coalesced(origin=odd)
    clients = [room.ask() for _ in range(6)]
    await turns(60)
    assert [type(client.error) for client in clients] == [RuntimeError] * 6
    assert room.is_idle


async def test_a_stream_that_breaks_off_breaks_off_for_all(room: Coalesced) -> None:
    clients = await room.several(3)
    stream = room.calls[0].stream()
    await turns()
    stream.feed(b"half")
    error = UpstreamClosedError("gone")
    stream.fail(error)
    assert [client.sink.data for client in clients] == [b"half"] * 3
    assert [client.sink.ends for client in clients] == [["fail"]] * 3
    assert {client.sink.error for client in clients} == {error}
    await turns()
    assert room.is_idle


async def test_a_flood_of_newcomers_never_makes_more_than_one_call_at_a_time(room: Coalesced) -> None:
    for number in range(30):
        for _ in range(5):
            room.ask()
        await turns()
        assert len(room.calls) == number + 1
        room.calls[number].fail(UpstreamClosedError("down"))
        await turns()


# --- time ---------------------------------------------------------------------------------------


async def test_who_has_waited_long_enough_elects_a_new_leader() -> None:
    room = Coalesced(wait="400ms", clock=SystemClock())
    first, *others = await room.several(5)
    await until(lambda: len(room.calls) == 2 and room.counted("not_shared_total", reason="late") == 4)
    room.calls[1].answer(b"faster")
    await until(lambda: not any(client.is_waiting for client in others))
    assert {client.body for client in others} == {b"faster"}
    assert first.is_waiting
    room.calls[0].answer(b"slow")
    await turns()
    assert first.body == b"slow"
    assert room.counted("not_shared_total", reason="late") == 4


async def test_or_gets_504() -> None:
    room = Coalesced(wait="20ms", on_failure="share", clock=SystemClock())
    first, *others = await room.several(5)
    await until(lambda: not any(client.is_waiting for client in others))
    assert {type(client.error) for client in others} == {UpstreamTimeoutError}
    assert len(room.calls) == 1
    late = room.ask()
    await turns()
    assert len(room.calls) == 1
    room.calls[0].answer()
    await turns()
    assert (first.body, late.body) == (b"content", b"content")


async def test_a_deadline_of_its_own_ends_a_wait_and_disturbs_nobody() -> None:
    clock = SystemClock()
    room = Coalesced(clock=clock)
    first = room.ask()
    request = make_request()
    request.deadline = type(clock.monotonic())(clock.monotonic() + 0.02)
    hasty = room.send(request)
    patient = room.ask()
    await until(lambda: not hasty.is_waiting)
    assert isinstance(hasty.error, UpstreamTimeoutError)
    assert len(room.calls) == 1
    room.calls[0].answer()
    await turns()
    assert (first.body, patient.body) == (b"content", b"content")


async def test_when_the_last_one_who_waits_is_late_the_exchange_ends() -> None:
    room = Coalesced(wait="20ms", on_failure="share", clock=SystemClock())
    first, second = await room.several(2)
    first.leave()
    await until(lambda: not second.is_waiting)
    await turns()
    assert room.calls[0].given_up
    assert room.is_idle


async def test_a_turn_that_does_not_come_in_time_is_not_waited_for() -> None:
    room = Coalesced(apart_at_once=1, wait="20ms", clock=SystemClock())
    await room.several(4)
    room.calls[0].answer(fields={"Set-Cookie": "a=1"})
    await until(lambda: len(room.calls) == 4)
    for call in room.calls[1:]:
        call.answer()
    await turns()
    assert room.is_idle
