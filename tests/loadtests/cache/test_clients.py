"""The clients of the cache's load test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.cache.clients import Answer, ClientError, Steady, ask_all, connect, percentile
from loadtests.support.ports import LOOPBACK

ANSWER = b"HTTP/1.1 200 OK\r\nCache-Status: slipstream; hit; ttl=5\r\nContent-Length: 4\r\n\r\nshop"


class Slowly(asyncio.Protocol):
    """Sends its answer in single octets, or leaves."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /leave"):
            self.transport.close()
            return
        for octet in ANSWER:
            self.transport.write(bytes([octet]))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(Slowly, LOOPBACK, 0)
    port: int = server.sockets[0].getsockname()[1]
    yield port
    server.close()
    await server.wait_closed()


async def test_an_answer_in_pieces_is_one_answer(port: int) -> None:
    (client,) = await connect(port, 1)
    for _ in range(3):
        answer = await client.ask("/")
        assert (answer.status, answer.cache_status, answer.is_hit) == (200, b"slipstream; hit; ttl=5", True)
        assert answer.seconds >= 0
    client.close()


async def test_a_connection_that_ends_before_its_answer_is_a_failure(port: int) -> None:
    (client,) = await connect(port, 1)
    with pytest.raises(ClientError):
        await client.ask("/leave")


async def test_every_target_is_asked_for_once(port: int) -> None:
    clients = await connect(port, 3)
    assert len(await ask_all(clients, [f"/{number}" for number in range(20)])) == 20
    for client in clients:
        client.close()


async def test_steady_clients_note_when_they_asked(port: int) -> None:
    clients = await connect(port, 2)
    steady = Steady(clients, ["/a", "/b"], rate=1000.0)
    steady.start()
    while len(steady.samples) < 6:  # noqa: ASYNC110  # samples set no events
        await asyncio.sleep(0.001)
    await steady.stop()
    asked = sorted(at for at, _ in steady.samples)
    assert len(steady.between(asked[0], asked[-1])) == len(asked)
    assert steady.between(asked[-1] + 1, asked[-1] + 2) == []
    for client in clients:
        client.close()


async def test_what_went_wrong_with_a_steady_client_is_raised_at_its_end(port: int) -> None:
    clients = await connect(port, 1)
    steady = Steady(clients, ["/leave"], rate=1000.0)
    steady.start()
    await asyncio.wait(steady._tasks)
    with pytest.raises(ClientError):
        await steady.stop()


def test_a_percentile_is_what_so_many_do_not_exceed() -> None:
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 100.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    with pytest.raises(ClientError):
        percentile([], 0.99)


def test_an_answer_of_the_origin_is_no_hit() -> None:
    assert not Answer(200, b"slipstream; fwd=uri-miss; stored", 0.1).is_hit
