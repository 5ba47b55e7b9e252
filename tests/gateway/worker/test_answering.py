from collections.abc import Awaitable, Callable
from typing import Any

from gateway.worker.answering import ChainControl

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]


class FakeChannel:
    """Notes who answers what."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def on(self, kind: str, handler: Handler) -> None:
        self.handlers[kind] = handler

    def off(self, kind: str) -> None:
        del self.handlers[kind]

    async def hand(self, kind: str, message: dict[str, Any]) -> dict[str, Any] | None:
        return await self.handlers[kind](message)

    def send(self, kind: str, **fields: Any) -> None:
        self.sent.append((kind, fields))

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        return {"kind": kind, "timeout": timeout, **fields}


async def first(message: dict[str, Any]) -> None: ...


async def second(message: dict[str, Any]) -> None: ...


def control(channel: FakeChannel, **handlers: Handler) -> ChainControl:
    made = ChainControl(channel)
    for kind, handler in handlers.items():
        made.on(kind, handler)
    return made


def test_nothing_is_answered_before_the_configuration_is_in_use() -> None:
    channel = FakeChannel()
    made = control(channel, purge=first)
    assert channel.handlers == {}
    made.take_over(None)
    assert channel.handlers == {"purge": first}


def test_the_next_configuration_takes_the_place_of_the_one_before() -> None:
    channel = FakeChannel()
    old, new = control(channel, purge=first, entries=first), control(channel, purge=second)
    old.take_over(None)
    new.take_over(old)
    assert channel.handlers == {"purge": second}


def test_what_others_answer_stays() -> None:
    channel = FakeChannel()
    channel.on("drain", first)
    control(channel, purge=second).take_over(None)
    assert channel.handlers == {"drain": first, "purge": second}


def test_a_plugin_may_begin_to_answer_later() -> None:
    channel = FakeChannel()
    made = control(channel)
    made.take_over(None)
    made.on("purge", first)
    assert channel.handlers == {"purge": first}


def test_one_whose_time_is_over_cannot_answer_any_more() -> None:
    channel = FakeChannel()
    old = control(channel)
    old.take_over(None)
    control(channel).take_over(old)
    old.on("purge", first)
    assert channel.handlers == {}


def test_of_several_that_answer_the_same_the_last_one_does() -> None:
    channel = FakeChannel()
    made = control(channel, purge=first)
    made.on("purge", second)
    made.take_over(None)
    assert channel.handlers == {"purge": second}


async def test_the_way_to_the_supervisor_is_open_from_the_start() -> None:
    channel = FakeChannel()
    made = control(channel)
    made.send("opened", breaker="app")
    assert channel.sent == [("opened", {"breaker": "app"})]
    assert await made.call("lease", timeout=1.0, of="key") == {"kind": "lease", "timeout": 1.0, "of": "key"}
