"""The client for aiohttp through a real road: what it sends arrives, and what comes back is in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from gateway.websocket.client import BINARY, JSON, BatchingSocket, connect
from tests.support.ports import free_port
from tests.support.websocket_road import road_before

NUMBER = 10_000


async def _talk(request: web.Request) -> web.WebSocketResponse:
    """Count when asked to; echo otherwise."""
    socket = web.WebSocketResponse(protocols=("chat",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data == "count":
            for number in range(NUMBER):
                await socket.send_str(f'{{"number":  {number}}}')
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


@pytest.fixture
async def origin() -> AsyncIterator[int]:
    application = web.Application()
    application.router.add_get("/socket", _talk)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield port
    await runner.cleanup()


@pytest.mark.parametrize("form", [BINARY, JSON])
@pytest.mark.parametrize("protocols", [(), ("chat",)], ids=["bare", "chat"])
async def test_ten_thousand_messages_come_in_order_and_what_is_said_comes_back(
    origin: int, form: str, protocols: tuple[str, ...]
) -> None:
    said = ["[1, 2]", "no JSON", "", '"m":["t"]', "gr\u00fc\u00dfe \U0001f600"]
    async with road_before(origin, {"websocket_batch": {}}) as road, aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{road.port}/socket"
        async with connect(session, url, protocols=protocols, form=form) as socket:
            assert (socket.form, socket.protocol) == (form, protocols[0] if protocols else None)
            await socket.send_str("count")
            assert [(await socket.receive(10)).data for _ in range(NUMBER)] == [
                f'{{"number":  {number}}}' for number in range(NUMBER)
            ]
            for text in said:
                await socket.send_str(text)
            await socket.send_bytes(b"\x00\xff")
            await socket.send_str("urgent", priority=9)
            heard = [(await socket.receive(10)).data for _ in range(len(said) + 2)]
            assert heard == [*said, b"\x00\xff", "urgent"]
            await socket.close(code=4000)
        assert socket.closed
        batches = road.figures.value("websocket_batch_messages", route="default", direction="down")
        assert 0 < batches < NUMBER / 2


async def test_without_a_gateway_it_is_a_plain_client(origin: int) -> None:
    async with aiohttp.ClientSession() as session:
        async with connect(session, f"ws://127.0.0.1:{origin}/socket", protocols=("chat",)) as socket:
            assert (socket.form, socket.protocol) == (None, "chat")
            await socket.send_str("hello")
            await socket.send_bytes(b"\x01")
            assert [(await socket.receive(10)).data for _ in range(2)] == ["hello", b"\x01"]
            await socket.ping()
            await socket.plain.close()
            async for message in socket:
                raise AssertionError(message)
        async with connect(session, f"ws://127.0.0.1:{origin}/socket") as socket:
            assert (socket.form, socket.protocol) == (None, None)


@pytest.mark.parametrize("form", [BINARY, JSON])
async def test_many_large_messages_at_once_are_not_too_much_for_a_batch(origin: int, form: str) -> None:
    said = [letter * 200_000 for letter in "abcdefgh"]
    async with road_before(origin, {"websocket_batch": {}}) as road, aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{road.port}/socket"
        async with connect(session, url, form=form) as socket:
            await asyncio.gather(socket.send_str("first"), *(socket.send_str(text) for text in said))
            assert [await socket.receive_str(timeout=20) for _ in range(9)] == ["first", *said]


async def test_it_speaks_as_a_client_of_aiohttp_does(origin: int) -> None:
    async with (
        road_before(origin, {"websocket_batch": {}}) as road,
        aiohttp.ClientSession() as session,
        connect(session, f"ws://127.0.0.1:{road.port}/socket") as socket,
    ):
        await socket.send_json({"number": 1}, priority=9)
        assert await socket.receive_json(timeout=20) == {"number": 1}
        await socket.pong()
        await socket.send_bytes(b"octets")
        assert await socket.receive_bytes(timeout=20) == b"octets"
        await socket.send_str("text")
        with pytest.raises(aiohttp.WSMessageTypeError):
            await socket.receive_bytes(timeout=20)
        await socket.send_bytes(b"octets")
        with pytest.raises(aiohttp.WSMessageTypeError):
            await socket.receive_str(timeout=20)


async def _say_on_and_on(socket: BatchingSocket) -> None:
    async with asyncio.timeout(20):
        while True:
            await socket.send_str("anybody?")
            await asyncio.sleep(0)


async def test_who_sends_when_the_connection_is_gone_hears_so(origin: int) -> None:
    async with (
        road_before(origin, {"websocket_batch": {}}) as road,
        aiohttp.ClientSession() as session,
        connect(session, f"ws://127.0.0.1:{road.port}/socket") as socket,
    ):
        await socket.plain.close()
        with pytest.raises(ConnectionError):
            await _say_on_and_on(socket)
