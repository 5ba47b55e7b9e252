import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.overload.crowd import Crowd, Seen
from loadtests.support.ports import LOOPBACK


async def serving(answer: bytes) -> tuple[asyncio.Server, int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.fixture(
    params=[b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b""]
)
async def answered(request: pytest.FixtureRequest) -> AsyncIterator[tuple[bytes, Seen]]:
    server, port = await serving(request.param)
    async with server:
        yield request.param, await Crowd(port, "/", 200, patience=1.0).run(0.5)


async def test_every_request_is_good_refused_or_given_up(answered: tuple[bytes, Seen]) -> None:
    answer, seen = answered
    assert len(seen.good) + len(seen.refused) + seen.left == seen.asked
    assert seen.in_time <= len(seen.good)
    if b"200" in answer:
        assert seen.refused == []
    elif answer:
        assert seen.good == []
    else:
        assert seen.left == seen.asked


def test_percentiles_are_milliseconds_of_good_answers() -> None:
    seen = Seen(good=[0.1] * 99 + [0.9], refused=[5.0], asked=200)
    assert (seen.percentile(0.5), seen.percentile(0.99), seen.success) == (100.0, 900.0, 0.5)
    assert (Seen().percentile(0.5), Seen().success) == (0.0, 0.0)
