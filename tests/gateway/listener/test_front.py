import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.http.message import Request, Response
from gateway.listener.front import Front
from gateway.websocket.tunnel import TunnelSide, UpgradedUpstream
from tests.support.plugins import make_response
from tests.support.roads import CLIENT, Lane, Later, echo, get, make_front, turns
from tests.support.transports import FakeTransport


def trusting(*networks: str) -> Front:
    front, _, _ = make_front(echo)
    front.trusted = tuple(ip_network(network) for network in networks)
    return front


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("fe80::1%eth0", False),
        ("unix", False),
        ("nonsense", False),
    ],
)
async def test_who_is_believed(address: str, trusted: bool) -> None:
    assert trusting("10.0.0.0/8", "2001:db8::/32").is_trusted(address) is trusted


async def test_a_unix_socket_counts_as_this_machine() -> None:
    assert trusting("127.0.0.0/8").is_trusted("unix")


async def test_nobody_is_believed_by_default() -> None:
    assert not trusting().is_trusted("127.0.0.1")


async def test_a_trusted_peer_speaks_for_its_client() -> None:
    seen: list[Request] = []

    async def handle(request: Request) -> Response:
        seen.append(request)
        return make_response()

    lane = Lane(handle)
    lane.front.trusted = (ip_network("192.0.2.0/24"),)
    trusted = FakeTransport()
    connection = type(lane.connection)(lane.front, "http", CLIENT)
    trusted.connect(connection)
    fields = ("X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https")
    trusted.receive(get("/", *fields))
    lane.send(get("/", *fields))
    assert [(request.client, request.scheme) for request in seen] == [("198.51.100.1", "https"), (CLIENT, "http")]


async def test_busy_counts_exchanges_and_tunnels_but_not_idle_connections() -> None:
    lane = Lane(later := Later())
    assert lane.front.busy == 0
    lane.send(get("/"))
    assert lane.front.busy == 1
    lane.front.show()
    assert lane.figures.value("http_requests_in_flight") == 1
    assert lane.figures.value("http_downstream_connections") == 1
    await later.answer()
    assert lane.front.busy == 0


class TestUpgrade:
    """What becomes of a connection's place when it turns into a tunnel."""

    UPGRADE = get("/", "Connection: Upgrade", "Upgrade: websocket")

    async def upgraded(self, **limits: Any) -> tuple[Lane, FakeTransport]:
        far = FakeTransport()
        later = Later()
        lane = Lane(later, **limits)
        lane.send(self.UPGRADE)
        lane.send(b"early frame")
        response = make_response(101)
        response.upgraded = UpgradedUpstream(far, b"hello", lambda: None)
        await later.answer(response)
        return lane, far

    async def test_it_becomes_a_tunnel_with_what_came_behind_the_request(self) -> None:
        lane, far = await self.upgraded()
        assert lane.sent.startswith(b"HTTP/1.1 101 ")
        assert lane.sent.endswith(b"\r\n\r\nhello")
        assert bytes(far.sent) == b"early frame"
        assert (len(lane.front.tunnels), len(lane.front.connections), lane.front.occupied) == (1, 0, 1)
        assert lane.front.busy == 1
        assert lane.requests("1xx") == 1
        far.lose()
        await turns()

    @pytest.mark.parametrize(("limit", "seconds"), [("5ms", 0.005), ("off", None)])
    async def test_it_is_read_in_rounds_as_the_limits_say(self, limit: str, seconds: float | None) -> None:
        lane, far = await self.upgraded(tunnel_join=limit)
        side = far.get_protocol()
        assert isinstance(side, TunnelSide)
        assert side.feeds is lane.front.tunnels.feeds_of(seconds)
        assert (side.feeds is None) == (seconds is None)
        far.lose()
        await turns()

    async def test_its_place_is_free_when_both_sides_have_ended(self) -> None:
        lane, far = await self.upgraded()
        far.end()
        lane.transport.end()
        await turns()
        assert len(lane.front.tunnels) == 0
        assert lane.figures.value("http_tunnels") == 0
        lane.assert_gone()

    async def test_a_client_that_left_before_the_101_gets_no_tunnel(self) -> None:
        far = FakeTransport()
        far.connect(asyncio.Protocol())
        response = make_response(101)
        response.upgraded = UpgradedUpstream(far, b"", lambda: None)

        async def stubborn(request: Request) -> Response:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
            return response

        lane = Lane(stubborn)
        lane.send(self.UPGRADE)
        lane.transport.lose()
        await turns()
        assert far.was_aborted
        lane.assert_gone()
