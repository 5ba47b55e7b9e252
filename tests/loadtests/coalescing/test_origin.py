"""The origin and its clients, against each other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.coalescing.content import checksum
from loadtests.coalescing.origin import DRIP_SIZE, Calls, OriginProtocol, page
from loadtests.coalescing.reader import Reader
from loadtests.support.ports import LOOPBACK


@pytest.fixture
async def served() -> AsyncIterator[tuple[int, Calls]]:
    calls = Calls()
    server = await asyncio.get_running_loop().create_server(lambda: OriginProtocol(calls), LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1], calls
    server.close()
    await server.wait_closed()


async def asked(port: int, target: str, fields: str = "", rate: float | None = None) -> Reader:
    reader = Reader(rate)
    await reader.connect(port)
    reader.ask(target, fields)
    await reader.ended
    reader.close()
    return reader


async def test_a_page_says_who_asked_and_the_call_is_counted(served: tuple[int, Calls]) -> None:
    port, calls = served
    reader = await asked(port, "/slow/1", "Cookie: id=7\r\n")
    assert reader.is_whole
    assert reader.first == page(b"id=7")[:64]
    assert (calls.total, calls.by_who["id=7"]) == (1, 1)


@pytest.mark.parametrize("target", ["/large/300000", "/unmarked/300000"])
async def test_a_large_content_is_right(served: tuple[int, Calls], target: str) -> None:
    reader = await asked(served[0], target, rate=50e6)
    assert (reader.is_whole, reader.checksum) == (True, checksum(300_000))


async def test_the_rest_of_it_can_be_asked_for(served: tuple[int, Calls]) -> None:
    reader = await asked(served[0], "/large/300000", "Range: bytes=299000-\r\n")
    assert reader.head.startswith(b"HTTP/1.1 206")
    assert b"Content-Range: bytes 299000-299999/300000" in reader.head
    assert reader.received == 1000
    whole = await asked(served[0], "/unmarked/300000", "Range: bytes=299000-\r\n")
    assert whole.received == 300_000


async def test_drips_add_up(served: tuple[int, Calls]) -> None:
    reader = await asked(served[0], "/drip/16")
    assert (reader.is_whole, reader.checksum) == (True, checksum(DRIP_SIZE))


async def test_what_it_does_not_know_is_404_and_no_call(served: tuple[int, Calls]) -> None:
    reader = await asked(served[0], "/other")
    assert reader.head.startswith(b"HTTP/1.1 404")
    assert served[1].total == 0


async def test_a_client_that_is_cut_off_has_ended_and_is_not_whole(served: tuple[int, Calls]) -> None:
    reader = Reader()
    await reader.connect(served[0])
    reader.ask("/slow/60000")
    reader.leave()
    await reader.ended
    assert not reader.is_whole
