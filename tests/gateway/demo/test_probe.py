import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from gateway.demo.probe import Probe


@asynccontextmanager
async def asking(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Probe]:
    """A probe whose gateway answers everything by `handler`."""
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    async with TestServer(application) as server, ClientSession() as session:
        yield Probe(session, f"{server.host}:{server.port}")


async def test_figures_are_read_from_the_metrics_page() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/metrics"
        return web.Response(text="slipstream_config_generation 3\n")

    async with asking(answer) as probe:
        figures = await probe.figures()
    assert figures is not None
    assert figures.total("config_generation") == 3


async def test_the_status_is_a_document() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/api/status"
        return web.json_response({"workers": []})

    async with asking(answer) as probe:
        assert await probe.status() == {"workers": []}


async def test_circuits_are_a_document() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/api/breakers"
        return web.json_response({"circuits": []})

    async with asking(answer) as probe:
        assert await probe.circuits() == {"circuits": []}


async def test_a_gateway_that_talks_nonsense_gives_nothing() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text='{"a" 1')

    async with asking(answer) as probe:
        assert await probe.figures() is None
        assert await probe.status() is None
        assert await probe.circuits() is None


async def test_a_gateway_that_refuses_gives_nothing() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async with asking(answer) as probe:
        assert await probe.figures() is None
        assert await probe.status() is None
        assert await probe.circuits() is None


async def test_a_gateway_that_is_not_there_gives_nothing() -> None:
    async with ClientSession() as session:
        probe = Probe(session, "127.0.0.1:1")
        assert await probe.figures() is None
        assert await probe.status() is None
        assert await probe.circuits() is None


async def test_readiness_is_asked_for_until_it_is_there() -> None:
    answers = iter([503, 503, 200])

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/ready"
        return web.Response(status=next(answers))

    async with asking(answer) as probe:
        await asyncio.wait_for(probe.until_ready(), 30)
    assert next(answers, None) is None
