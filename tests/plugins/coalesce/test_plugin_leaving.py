"""Clients that leave, at any time: the exchange belongs to nobody, and ends when the last one has gone."""

import asyncio
from typing import Any

import pytest

from gateway.api import Response
from tests.support.coalescing import Client, Coalesced, turns
from tests.support.plugins import make_request


@pytest.fixture(params=[True, False], ids=["light", "task"])
def room(request: pytest.FixtureRequest) -> Coalesced:
    return Coalesced(light=request.param)


async def test_when_the_first_one_leaves_nobody_else_notices(room: Coalesced) -> None:
    first, *others = await room.several(5)
    first.leave()
    await turns()
    assert not room.calls[0].given_up
    later = room.ask()
    await turns()
    room.calls[0].answer(b"for the others")
    await turns()
    assert {client.body for client in (*others, later)} == {b"for the others"}
    assert len(room.calls) == 1
    assert first.response is None
    assert room.is_idle


async def test_when_the_last_one_leaves_the_exchange_ends(room: Coalesced) -> None:
    clients = await room.several(4)
    for client in clients:
        assert not room.calls[0].given_up
        client.leave()
        await turns()
    assert room.calls[0].given_up
    assert room.is_idle


async def test_when_followers_leave_the_first_one_goes_on(room: Coalesced) -> None:
    first, *others = await room.several(4)
    for client in others:
        client.leave()
    await turns()
    room.calls[0].answer()
    await turns()
    assert first.body == b"content"
    assert room.is_idle


async def test_a_request_alone_that_leaves_takes_its_exchange_along(room: Coalesced) -> None:
    client = room.ask()
    await turns()
    client.leave()
    await turns()
    assert room.calls[0].given_up
    assert room.is_idle
    again = room.ask()
    await turns()
    room.calls[1].answer()
    await turns()
    assert again.body == b"content"


async def test_nobody_follows_an_exchange_that_was_given_up(room: Coalesced) -> None:
    """The task of the exchange may need a turn of the loop to end."""
    first, second = await room.several(2)
    first.leave()
    second.leave()
    late = room.ask()
    await turns()
    room.calls[-1].answer(b"another")
    await turns()
    assert late.body == b"another"


async def test_the_first_one_leaves_and_what_comes_is_only_for_him(room: Coalesced) -> None:
    first, *others = await room.several(3)
    first.leave()
    await turns()
    room.calls[0].answer(b"his", {"Set-Cookie": "session=his"})
    await turns()
    assert len(room.calls) == 3
    room.calls[1].answer(b"one")
    room.calls[2].answer(b"two")
    await turns()
    assert [client.body for client in others] == [b"one", b"two"]


async def test_the_first_one_leaves_in_the_middle_of_a_stream(room: Coalesced) -> None:
    first, *others = await room.several(3)
    stream = room.calls[0].stream()
    await turns()
    stream.feed(b"one ")
    first.leave()
    await turns()
    stream.feed(b"two")
    stream.finish()
    assert [client.body for client in others] == [b"one two"] * 2
    assert all(client.is_whole for client in others)
    assert room.calls[0].sent == [True]
    assert room.is_idle


async def test_all_leave_in_the_middle_of_a_stream(room: Coalesced) -> None:
    clients = await room.several(3)
    stream = room.calls[0].stream()
    await turns()
    stream.feed(b"one ")
    for client in clients:
        assert room.calls[0].source.told == []
        client.leave()
    assert room.calls[0].source.told == ["cancel"]
    assert room.calls[0].sent == [False]
    await turns()
    assert room.is_idle


async def test_one_that_leaves_between_the_head_and_its_turn_to_wake_leaves_nothing_behind(room: Coalesced) -> None:
    first, second = await room.several(2)
    stream = room.calls[0].stream()
    second.leave()
    first.leave()
    await turns()
    assert stream.end is not None
    assert room.is_idle


async def test_the_first_one_is_cancelled_from_outside_and_another_one_asks() -> None:
    """A time-out of a plugin in front cancels the task itself: the others are not left without an answer."""
    room = Coalesced()
    first = Impatient(room)
    others = await room.several(3)
    first.release.set()
    await turns()
    assert first.ended == ["TimeoutError"]
    assert room.calls[0].given_up
    assert len(room.calls) == 2
    room.calls[1].answer(b"second try")
    await turns()
    assert [client.body for client in others] == [b"second try"] * 3
    assert room.counted("not_shared_total", reason="left") == 3
    assert room.counted("exchanges_total", end="given_up") == 1


class Impatient:
    """A plugin in front that gives its request up in the middle."""

    def __init__(self, room: Coalesced) -> None:
        self.release = asyncio.Event()
        self.ended: list[str] = []
        self.client = Client(self._work(room), make_request(), light=True)
        room.clients.append(self.client)

    def _work(self, room: Coalesced) -> Any:
        async def work(request: Any) -> Response:
            task: Any = asyncio.current_task()
            loop = asyncio.get_running_loop()
            waiting = loop.create_task(self.release.wait())
            waiting.add_done_callback(lambda _: task.cancel())
            try:
                return await room.handle(request)
            except asyncio.CancelledError:
                self.ended.append("TimeoutError")
                raise

        return work


async def test_a_permit_of_a_plugin_behind_lasts_as_long_as_the_exchange(room: Coalesced) -> None:
    first, second = await room.several(2)
    stream = room.calls[0].stream()
    await turns()
    first.leave()
    assert room.calls[0].sent == []
    stream.feed(b"x")
    second.stop()
    stream.finish()
    assert room.calls[0].sent == [True]
    assert second.is_whole


async def test_a_reload_lets_what_is_under_way_go_on(room: Coalesced) -> None:
    clients = await room.several(3)
    await room.plugin.close()
    room.calls[0].answer()
    await turns()
    assert [client.body for client in clients] == [b"content"] * 3


async def test_two_exchanges_in_one_light_task_are_both_kept_from_its_client() -> None:
    """A plugin in front that asks twice, one within the other: the second gets a task of its own."""
    inner = Coalesced()

    async def through(request: Any) -> Response:
        return await inner.handle(make_request(target="/inner"))

    outer = Coalesced(origin=through)
    first, second = outer.ask(), outer.ask()
    await turns()
    assert len(inner.calls) == 1
    beside = inner.ask("/inner")
    first.leave()
    await turns()
    assert not inner.calls[0].given_up
    inner.calls[0].answer(b"deep")
    await turns()
    assert (second.body, beside.body) == (b"deep", b"deep")
