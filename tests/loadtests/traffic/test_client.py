"""Many connections against an origin."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.support.ports import LOOPBACK
from loadtests.traffic.client import Client
from loadtests.traffic.exchanges import MIX, get

CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def test_at_full_speed_everything_of_the_mix_is_answered(origin_port: int) -> None:
    client = Client(origin_port, MIX, 4)
    await client.open()
    assert await client.run_at_full_speed(0.1) > 0
    await client.close()
    assert client.answered >= len(MIX)
    assert not client.wrong


async def test_at_a_rate_no_more_is_asked_than_that(origin_port: int) -> None:
    client = Client(origin_port, MIX, 4)
    await client.open()
    await client.run_at(100, 0.2)
    await client.close()
    assert 0 < client.answered <= 21
    assert not client.wrong


async def test_a_wrong_answer_is_counted_by_what_was_wrong(origin_port: int) -> None:
    client = Client(origin_port, (get("/nowhere", 2),), 1)
    await client.open()
    await client.run_at_full_speed(0.02)
    await client.close()
    assert client.answered == 0
    assert set(client.wrong) == {"status 404 with 2 octets"}


@pytest.fixture
async def closing_port() -> AsyncIterator[int]:
    """The port of a server that answers once on each connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(CLOSING)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    port: int = server.sockets[0].getsockname()[1]
    yield port
    server.close()
    await server.wait_closed()


async def test_a_connection_that_ends_is_replaced(closing_port: int) -> None:
    client = Client(closing_port, (get("/", 2),), 2)
    await client.open()
    await client.run_at_full_speed(0.1)
    await client.close()
    assert client.answered > 2
    assert not client.wrong


async def test_a_refused_connection_is_wrong(unused_tcp_port: int) -> None:
    client = Client(unused_tcp_port, MIX, 1)
    await client.open()
    await client.close()
    (wrong,) = client.wrong
    assert wrong.startswith("no connection")
