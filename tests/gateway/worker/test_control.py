import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.worker import control
from gateway.worker.control import (
    CallRefusedError,
    Channel,
    ChannelClosedError,
    UnknownKindError,
    open_channel,
    socket_pair,
)

Pair = tuple[Channel, Channel]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    here, there = socket_pair()
    ends = await open_channel(here), await open_channel(there)
    for end in ends:
        end.listen()
    yield ends
    for end in ends:
        end.close()
    await asyncio.sleep(0)


async def test_a_call_gets_the_answer_of_the_handler(pair: Pair) -> None:
    here, there = pair
    there.on("add", lambda message: {"sum": message["a"] + message["b"]})
    assert await here.call("add", a=1, b=2) == {"sum": 3}


async def test_a_handler_may_wait_and_others_go_on_meanwhile(pair: Pair) -> None:
    here, there = pair
    gate = asyncio.Event()

    async def slow(message: object) -> dict[str, object]:
        await gate.wait()
        return {"slow": True}

    there.on("slow", slow)
    there.on("quick", lambda message: None)
    waiting = asyncio.create_task(here.call("slow"))
    assert await here.call("quick") == {}
    gate.set()
    assert await waiting == {"slow": True}


async def test_both_ends_may_ask_at_once(pair: Pair) -> None:
    for end in pair:
        end.on("twice", lambda message: {"n": 2 * message["n"]})
    answers = await asyncio.gather(*(end.call("twice", n=n) for end in pair for n in range(20)))
    assert [answer["n"] for answer in answers] == [2 * n for n in range(20)] * 2


async def test_messages_arrive_in_order_whatever_their_size(pair: Pair) -> None:
    here, there = pair
    seen: list[int] = []
    there.on("note", lambda message: seen.append(len(message["text"])))
    there.on("done", lambda message: None)
    sizes = [0, 300_000, 1, 70_000, 2]
    for size in sizes:
        here.send("note", text="x" * size)
    await here.call("done")
    assert seen == sizes


async def test_an_error_of_the_handler_refuses_the_call_with_its_text(pair: Pair) -> None:
    here, there = pair

    def fail(message: object) -> None:
        raise ValueError("no such route")

    there.on("purge", fail)
    with pytest.raises(CallRefusedError, match="no such route"):
        await here.call("purge")


async def test_a_kind_nobody_answers_is_refused(pair: Pair) -> None:
    with pytest.raises(CallRefusedError, match="nobody here answers 'purge'"):
        await pair[0].call("purge")


async def test_a_failing_handler_leaves_the_channel_usable(pair: Pair) -> None:
    here, there = pair
    there.on("note", lambda message: message["missing"])
    there.on("ping", lambda message: {"pong": 1})
    here.send("note")
    here.send("unknown")
    assert await here.call("ping") == {"pong": 1}


async def test_a_call_ends_when_its_time_is_over_and_a_late_answer_harms_nobody(pair: Pair) -> None:
    here, there = pair
    gate = asyncio.Event()

    async def late(message: object) -> None:
        await gate.wait()

    there.on("late", late)
    there.on("ping", lambda message: {"pong": 1})
    with pytest.raises(TimeoutError, match="late: no answer"):
        await here.call("late", timeout=0.01)
    gate.set()
    assert await here.call("ping") == {"pong": 1}


async def test_a_peer_that_leaves_ends_the_calls_that_wait(pair: Pair) -> None:
    here, there = pair
    there.on("leave", lambda message: there.close())
    with pytest.raises(ChannelClosedError):
        await here.call("leave")
    await asyncio.wait_for(here.closed, 5)
    with pytest.raises(ChannelClosedError):
        await here.call("leave")
    here.send("note")  # nobody is there: no error


@pytest.mark.parametrize(
    "octets",
    [b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x02{}", b"\x00\x00\x00\x03abc", b"\xff\xff\xff\xff"],
    ids=["no object", "no kind", "no JSON", "above the limit"],
)
async def test_octets_that_are_no_message_end_the_channel(octets: bytes) -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    channel = await open_channel(here)
    channel.listen()
    with there:
        there.sendall(octets)
        await asyncio.wait_for(channel.closed, 5)


async def test_a_peer_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_MESSAGE_OCTETS", 1_000_000)
    here, there = socket_pair()
    channel = await open_channel(here)
    with there:
        for _ in range(20):
            channel.send("note", text="x" * 100_000)
        await asyncio.wait_for(channel.closed, 5)


async def test_what_was_sent_before_closing_still_arrives(pair: Pair) -> None:
    here, there = pair
    seen: list[int] = []
    there.on("note", lambda message: seen.append(message["n"]))
    for n in range(5):
        here.send("note", n=n)
    here.close()
    await asyncio.wait_for(there.closed, 5)
    assert seen == [0, 1, 2, 3, 4]


async def test_what_comes_before_anybody_listens_is_kept() -> None:
    here, there = socket_pair()
    early, late = await open_channel(here), await open_channel(there)
    early.listen()
    asked = asyncio.create_task(early.call("ping"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late.on("ping", lambda message: {"pong": 1})
    late.listen()
    assert await asked == {"pong": 1}
    early.close()
    late.close()
    await asyncio.sleep(0)


async def test_a_kind_that_nobody_answers_is_told_apart_from_a_refusal(pair: Pair) -> None:
    here, there = pair
    there.on("refuse", lambda message: 1 // 0)  # type: ignore[arg-type, return-value]  # it fails before it answers
    with pytest.raises(UnknownKindError, match="purge"):
        await here.call("purge")
    with pytest.raises(CallRefusedError) as refused:
        await here.call("refuse")
    assert not isinstance(refused.value, UnknownKindError)


async def test_an_answer_can_be_taken_back(pair: Pair) -> None:
    here, there = pair
    there.on("purge", lambda message: None)
    assert await here.call("purge") == {}
    there.off("purge")
    there.off("purge")
    with pytest.raises(UnknownKindError):
        await here.call("purge")


async def test_a_message_that_came_another_way_is_answered_as_well(pair: Pair) -> None:
    here, _ = pair

    async def slow(message: dict[str, object]) -> dict[str, object]:
        return {"heard": message["news"], "kind": message["kind"]}

    here.on("slow", slow)
    here.on("quick", lambda message: {"heard": message["news"]})
    assert await here.hand("slow", {"news": 1}) == {"heard": 1, "kind": "slow"}
    assert await here.hand("quick", {"news": 2}) == {"heard": 2}
    with pytest.raises(LookupError):
        await here.hand("unknown", {})
