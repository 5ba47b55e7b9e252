"""The proxy we compare with answers correctly; otherwise the comparison would mean nothing."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from loadtests.aiohttp_proxy import Proxy
from loadtests.bench.scenarios import SCENARIOS
from loadtests.bench.verify import verify
from loadtests.support.ports import LOOPBACK, free_port


@pytest.fixture
async def proxy_port(origin_port: int) -> AsyncIterator[int]:
    """The port of the proxy in front of the origin."""
    port = free_port()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        runner = web.ServerRunner(web.Server(Proxy(session, origin_port).handle))
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield port
        await runner.cleanup()


@pytest.mark.parametrize("name", ["get-1k", "get-100k", "post-1m"])
async def test_its_answers_are_those_of_the_origin(name: str, proxy_port: int, origin_port: int) -> None:
    (scenario,) = [scenario for scenario in SCENARIOS if scenario.name == name]
    await asyncio.to_thread(verify, scenario, proxy_port, origin_port)


async def test_a_status_of_the_origin_is_passed_on(proxy_port: int) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"http://{LOOPBACK}:{proxy_port}/nowhere") as response:
        assert response.status == 404
