import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.supervisor.process import State
from gateway.supervisor.relay import RELAY_SECONDS, Relay
from gateway.worker.control import CallRefusedError, ChannelClosedError, UnknownKindError

NEWS = {"to": "invalidate", "news": {"urls": ["http://a.test/"]}}


class StandIn:
    """A worker as the relay sees it."""

    def __init__(self, name: str, state: State = State.READY, outcome: Exception | None = None) -> None:
        self.name = name
        self.state = state
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.patience: float | None = None
        self._outcome = outcome

    async def call(self, kind: str, *, timeout: float, **fields: Any) -> dict[str, Any]:
        self.called.append((kind, fields))
        self.patience = timeout
        if self._outcome is not None:
            raise self._outcome
        return {}

    def tell(self, kind: str, **fields: Any) -> None:
        self.told.append((kind, fields))


def relay(*workers: StandIn) -> Callable[[StandIn], Any]:
    made = Relay(lambda: workers)  # type: ignore[arg-type,return-value]  # stand-ins for processes
    return lambda sender: made.pass_on(sender, NEWS)  # type: ignore[arg-type]


async def test_all_others_are_told_and_the_sender_is_not() -> None:
    sender, *others = StandIn("0"), StandIn("1"), StandIn("2")
    assert await relay(sender, *others)(sender) == {"told": 2, "done": 2}
    for other in others:
        assert other.called == [("invalidate", {"news": {"urls": ["http://a.test/"]}})]
        assert other.patience == RELAY_SECONDS
    assert sender.called == sender.told == []


@pytest.mark.parametrize("state", [State.STARTING, State.DRAINING])
async def test_one_that_starts_or_drains_is_told_and_not_waited_for(state: State) -> None:
    sender, other = StandIn("0"), StandIn("1", state)
    assert await relay(sender, other)(sender) == {"told": 1, "done": 0}
    assert (len(other.told), other.called) == (1, [])


async def test_one_that_has_ended_is_left_out() -> None:
    sender, other = StandIn("0"), StandIn("1", State.ENDED)
    assert await relay(sender, other)(sender) == {"told": 0, "done": 0}
    assert other.called == other.told == []


async def test_a_worker_alone_has_nobody_to_tell() -> None:
    sender = StandIn("0")
    assert await relay(sender)(sender) == {"told": 0, "done": 0}


@pytest.mark.parametrize("outcome", [UnknownKindError("nobody here"), ChannelClosedError("gone")])
async def test_one_that_has_nothing_of_the_kind_is_no_trouble(outcome: Exception) -> None:
    sender, other, third = StandIn("0"), StandIn("1", outcome=outcome), StandIn("2")
    with capture_logs() as logs:
        assert await relay(sender, other, third)(sender) == {"told": 2, "done": 1}
    assert logs == []


@pytest.mark.parametrize("outcome", [TimeoutError("no answer"), CallRefusedError("no room")])
async def test_one_that_does_not_take_it_over_is_named_in_the_log(outcome: Exception) -> None:
    sender, other = StandIn("0"), StandIn("1", outcome=outcome)
    with capture_logs() as logs:
        assert await relay(sender, other)(sender) == {"told": 1, "done": 0}
    assert [(entry["worker"], entry["kind"], entry["reason"]) for entry in logs] == [("1", "invalidate", str(outcome))]


async def test_an_error_of_our_own_is_not_hidden() -> None:
    sender, other = StandIn("0"), StandIn("1", outcome=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await relay(sender, other)(sender)


async def test_the_others_are_told_side_by_side() -> None:
    arrived: list[str] = []
    both = asyncio.Event()

    class Waiting(StandIn):
        async def call(self, kind: str, *, timeout: float, **fields: Any) -> dict[str, Any]:
            arrived.append(self.name)
            if len(arrived) == 2:
                both.set()
            await both.wait()
            return {}

    sender = StandIn("0")
    async with asyncio.timeout(10):
        assert await relay(sender, Waiting("1"), Waiting("2"))(sender) == {"told": 2, "done": 2}
