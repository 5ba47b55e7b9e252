import asyncio

from gateway.websocket.gather import Gathering
from tests.support.transports import FakeTransport


class Member:
    """A connection in a burst."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport = FakeTransport()
        self.is_gathering = False
        self.woken = asyncio.Event()

    def gathered(self) -> None:
        self.woken.set()


async def test_a_burst_is_left_unread_for_a_moment() -> None:
    gathering, member = Gathering(asyncio.get_running_loop()), Member()
    gathering.hold(member)
    gathering.hold(member)
    assert member.is_gathering
    assert not member.transport.is_reading()
    async with asyncio.timeout(10):
        await member.woken.wait()
    assert not member.is_gathering


async def test_whoever_leaves_meanwhile_is_not_woken() -> None:
    gathering, gone, here = Gathering(asyncio.get_running_loop()), Member(), Member()
    gathering.hold(gone)
    gathering.hold(here)
    gone.transport.close()
    async with asyncio.timeout(10):
        await here.woken.wait()
    assert not gone.woken.is_set()


async def test_one_that_is_closing_is_left_alone() -> None:
    gathering, member = Gathering(asyncio.get_running_loop()), Member()
    member.transport.close()
    gathering.hold(member)
    assert not member.is_gathering
