"""An origin inside the event loop of a test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.origin.protocol import FixedAnswers, OriginProtocol
from loadtests.support.ports import LOOPBACK


@pytest.fixture
async def origin_port() -> AsyncIterator[int]:
    """The port of a running origin."""
    fixed = FixedAnswers()
    server = await asyncio.get_running_loop().create_server(lambda: OriginProtocol(fixed), LOOPBACK, 0)
    port: int = server.sockets[0].getsockname()[1]
    yield port
    server.close()
    await server.wait_closed()
