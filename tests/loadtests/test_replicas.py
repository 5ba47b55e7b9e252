"""The client and the origin of the measurement with two gateways."""

from __future__ import annotations

import asyncio

from loadtests.replicas import Origin, askers


async def test_the_origin_tells_its_version_and_counts_calls() -> None:
    origin = Origin()
    listening = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with askers(port, 2) as clients:
        assert [await each.get("/page") for each in clients] == [(200, b"0")] * 2
        origin.version = 7
        assert await clients[0].get("/page") == (200, b"7")
        assert await clients[0].get("/other") == (200, b"7")
    assert origin.calls == {b"/page": 3, b"/other": 1}
    listening.close()
    await listening.wait_closed()
