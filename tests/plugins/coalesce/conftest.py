"""Whatever a test does, nothing may be left of it once all its clients have left."""

from collections.abc import AsyncIterator

import pytest

from tests.support.coalescing import Coalesced


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    Coalesced.opened.clear()
    yield
    for room in Coalesced.opened:
        for client in room.clients:
            client.leave()
    for room in Coalesced.opened:
        await room.end()
    Coalesced.opened.clear()
