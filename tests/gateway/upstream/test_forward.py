import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.errors import GatewayError, UpstreamClosedError, UpstreamConnectError, UpstreamTimeoutError
from gateway.upstream.forward import Upstream
from tests.gateway.upstream.forwarding import HANG_UP, OK, Origin
from tests.gateway.upstream.forwarding import Forwarding as SharedForwarding
from tests.support.loopback import listening
from tests.support.plugins import make_request
from tests.support.ports import free_port
from tests.support.streams import stream_of

Origins = Callable[[], Any]
_upstreams: list[Upstream] = []


@pytest.fixture
async def origins() -> AsyncIterator[Origins]:
    async with AsyncExitStack() as stack:

        async def start() -> Origin:
            origin = Origin()
            origin.port = await stack.enter_async_context(listening(origin.serve))
            return origin

        yield start
        while _upstreams:
            _upstreams.pop().retire()


class Forwarding(SharedForwarding):
    """One that is retired when the test ends."""

    def __init__(self, *urls: str, **settings: Any) -> None:
        super().__init__(*urls, **settings)
        _upstreams.append(self.upstream)


async def test_a_request_goes_to_the_server_and_its_answer_back(origins: Origins) -> None:
    origin = await origins()
    forwarding = Forwarding(origin.url)
    request = make_request(fields={"Host": "shop.example"})
    response = await forwarding.handler(request)
    assert (response.status, response.body) == (200, b"ok")
    assert origin.seen[0].startswith(b"GET / HTTP/1.1\r\nHost: shop.example\r\n")
    assert (request.served_by, request.upstream_wait > 0) == (origin.url, True)
    assert (forwarding.outcome("answered"), forwarding.retries) == (1, 0)


@pytest.mark.parametrize(("policy", "host"), [("keep", b"shop.example"), ("other.example", b"other.example")])
async def test_the_host_the_origin_sees_is_a_setting(origins: Origins, policy: str, host: bytes) -> None:
    origin = await origins()
    await Forwarding(origin.url, host=policy).handler(make_request(fields={"Host": "shop.example"}))
    assert b"\r\nHost: %b\r\n" % host in origin.seen[0]


async def test_the_servers_own_host_may_be_sent(origins: Origins) -> None:
    origin = await origins()
    await Forwarding(origin.url, host="upstream").handler(make_request(fields={"Host": "shop.example"}))
    assert b"\r\nHost: 127.0.0.1:%d\r\n" % origin.port in origin.seen[0]


async def test_connections_are_kept(origins: Origins) -> None:
    origin = await origins()
    forwarding = Forwarding(origin.url)
    for _ in range(3):
        await forwarding.send()
    assert (origin.connections, len(origin.seen)) == (1, 3)
    assert forwarding.connections(origin.url) == (0, 1, 1)


class TestSecondAttempts:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    async def test_a_kept_connection_that_died_is_replaced_when_the_method_may_be_repeated(
        self, origins: Origins, method: str
    ) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url)
        origin.script = [OK, HANG_UP, b"HTTP/1.1 204 No Content\r\n\r\n"]
        await forwarding.send()
        assert (await forwarding.send(method)).status == 204
        assert (forwarding.retries, forwarding.outcome("closed")) == (1, 1)

    @pytest.mark.parametrize("method", ["POST", "PATCH", "ODD"])
    async def test_a_method_that_may_not_be_repeated_is_not(self, origins: Origins, method: str) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url)
        origin.script = [OK, HANG_UP, OK]
        await forwarding.send()
        with pytest.raises(UpstreamClosedError):
            await forwarding.send(method)
        assert (len(origin.seen), forwarding.retries) == (2, 0)

    async def test_a_streamed_body_is_not_sent_again(self, origins: Origins) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url)
        origin.script = [OK, HANG_UP, OK]
        await forwarding.send()
        with pytest.raises(GatewayError):
            await forwarding.send("PUT", stream_of(b"once"))
        assert forwarding.retries == 0

    async def test_a_new_connection_that_died_is_not_tried_again(self, origins: Origins) -> None:
        origin = await origins()
        origin.script = [HANG_UP, OK]
        with pytest.raises(UpstreamClosedError):
            await Forwarding(origin.url).send()
        assert len(origin.seen) == 1

    async def test_half_an_answer_is_not_tried_again(self, origins: Origins) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url, timeouts={"total": "20ms"})
        origin.script = [OK, b"HTTP/1.1 2", OK]
        await forwarding.send()
        forwarding.deadlines.adapt(0.01)
        forwarding.deadlines.start()
        with pytest.raises(UpstreamTimeoutError):
            await forwarding.send()
        forwarding.deadlines.close()
        assert (len(origin.seen), forwarding.retries) == (2, 0)

    async def test_an_interim_answer_is_an_answer(self, origins: Origins) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url)
        origin.script = [OK, b"HTTP/1.1 103 Hints\r\n\r\n" + b"HTTP/1.0 200 OK\r\n\r\n", OK]
        await forwarding.send()
        response = await forwarding.send()
        assert response.status == 200
        assert forwarding.retries == 0
        response.discard()

    async def test_they_may_be_switched_off(self, origins: Origins) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url, retry=False)
        origin.script = [OK, HANG_UP, OK]
        await forwarding.send()
        with pytest.raises(UpstreamClosedError):
            await forwarding.send()

    async def test_there_is_only_one(self, origins: Origins) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url)
        origin.script = [OK, HANG_UP, HANG_UP, OK]
        await forwarding.send()
        with pytest.raises(UpstreamClosedError):
            await forwarding.send()
        assert len(origin.seen) == 3

    async def test_they_have_a_budget(self, origins: Origins) -> None:
        origin = await origins()
        forwarding = Forwarding(origin.url)
        origin.script = [OK, HANG_UP] * 100
        failed = 0
        for _ in range(60):
            try:
                await forwarding.send()
            except UpstreamClosedError:
                failed += 1
        assert forwarding.retries < 60 * 0.2 + 11
        assert failed > 0

    async def test_another_server_is_tried_when_one_refuses_whatever_the_method(self, origins: Origins) -> None:
        origin = await origins()
        refusing = f"http://127.0.0.1:{free_port()}"
        forwarding = Forwarding(refusing, origin.url, balance="round_robin")
        for _ in range(4):
            assert (await forwarding.send("POST", b"once")).status == 200
        assert forwarding.retries == forwarding.outcome("connect") > 0
        assert forwarding.connections(refusing) == (0, 0, 0)

    async def test_a_server_that_is_alone_is_not_tried_again_when_it_refuses(self) -> None:
        forwarding = Forwarding(f"http://127.0.0.1:{free_port()}")
        with pytest.raises(UpstreamConnectError):
            await forwarding.send()
        assert forwarding.retries == 0


async def test_the_wait_for_an_upstream_that_fails_is_the_upstreams_time(origins: Origins) -> None:
    origin = await origins()
    origin.script = [b"HTTP/1.1 2"]
    forwarding = Forwarding(origin.url, timeouts={"total": "30ms"})
    forwarding.deadlines.adapt(0.01)
    forwarding.deadlines.start()
    request = make_request()
    with pytest.raises(UpstreamTimeoutError):
        await forwarding.handler(request)
    forwarding.deadlines.close()
    assert request.upstream_wait >= 0.03


async def test_a_request_that_is_cancelled_is_not_pending_any_more(origins: Origins) -> None:
    origin = await origins()
    origin.script = [b"HTTP/1.1 2"]
    forwarding = Forwarding(origin.url)
    sending = asyncio.ensure_future(forwarding.send())
    await origin.has_request.wait()
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled()
    assert forwarding.connections(origin.url) == (0, 0, 0)


async def test_a_retired_upstream_keeps_no_connection_and_shows_none(origins: Origins) -> None:
    origin = await origins()
    forwarding = Forwarding(origin.url)
    await forwarding.send()
    looks = len(forwarding.deadlines.at_each_sweep)
    forwarding.upstream.retire()
    forwarding.upstream.retire()
    assert len(forwarding.deadlines.at_each_sweep) == looks - 1
    assert forwarding.upstream.status()[origin.url]["connections"] == 0
    await forwarding.send()
    assert forwarding.upstream.status()[origin.url]["connections"] == 0
