"""WebSockets over several servers and workers: evenly spread, and back to the same server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin
from tests.support.websockets import Socket, accept_for


def numbered(number: int) -> Origin:
    """An origin that says its number as soon as a connection is upgraded."""

    def serve(connection: Connection) -> None:
        received = connection.request()
        if received is None:
            return
        head = (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
        )
        connection.send(head + accept_for(received) + b"\r\n\r\n" + b"\x81\x01%d" % number)
        connection.left()

    return Origin(serve)


@pytest.fixture
def origins() -> Iterator[list[Origin]]:
    with ExitStack() as stack:
        yield [stack.enter_context(numbered(number)) for number in range(3)]


def server_of(socket: Socket) -> int:
    assert socket.answer.status == 101
    return int(socket.next().payload)


def upgraded(gateway: Gateway) -> list[int]:
    (upstream,) = gateway.admin("GET", "/api/upstreams").json().values()
    return [server["upgraded"] for server in upstream["servers"]]


def test_connections_are_spread_by_how_many_are_open(origins: list[Origin], tmp_path: Path) -> None:
    with (
        running(before(*(origin.url for origin in origins), balance="round_robin"), tmp_path) as gateway,
        ExitStack() as stack,
    ):
        sockets = [stack.enter_context(Socket(gateway)) for _ in range(9)]
        homes = [server_of(socket) for socket in sockets]
        assert Counter(homes) == {0: 3, 1: 3, 2: 3}
        wait_until(lambda: upgraded(gateway) == [3, 3, 3], "all are counted")
        for socket, home in zip(sockets, homes, strict=True):
            if home == 1:
                socket.client.close()
        wait_until(lambda: upgraded(gateway) == [3, 0, 3], "those that ended are not")
        more = [stack.enter_context(Socket(gateway)) for _ in range(3)]
        assert Counter(map(server_of, more)) == {1: 3}


def test_a_cookie_leads_back_to_the_same_server_by_any_worker(origins: list[Origin], tmp_path: Path) -> None:
    settings = before(*(origin.url for origin in origins), sticky={"cookie": "server"}) | {"workers": 2}
    with running(settings, tmp_path) as gateway:
        for _ in range(3):
            with Socket(gateway) as first:
                home = server_of(first)
                cookie = (first.answer.one(b"set-cookie") or b"").partition(b";")[0].decode()
                assert cookie.startswith("server=")
            for _ in range(6):
                with Socket(gateway, f"Cookie: {cookie}") as again:
                    assert server_of(again) == home
                    assert again.answer.one(b"set-cookie") is None


def test_a_server_that_is_gone_is_replaced_and_the_client_told(origins: list[Origin], tmp_path: Path) -> None:
    settings = before(*(origin.url for origin in origins), sticky={"cookie": "server"})
    with running(settings, tmp_path) as gateway:
        with Socket(gateway) as first:
            home = server_of(first)
            cookie = (first.answer.one(b"set-cookie") or b"").partition(b";")[0].decode()
        origins[home].stop_listening()
        with Socket(gateway, f"Cookie: {cookie}") as again:
            other = server_of(again)
            assert other != home
            new = (again.answer.one(b"set-cookie") or b"").partition(b";")[0].decode()
        with Socket(gateway, f"Cookie: {new}") as then:
            assert server_of(then) == other


def test_an_address_leads_back_as_well(origins: list[Origin], tmp_path: Path) -> None:
    settings = before(*(origin.url for origin in origins), sticky={"address": True})
    with running(settings, tmp_path) as gateway:
        homes = set()
        for _ in range(5):
            with Socket(gateway) as socket:
                homes.add(server_of(socket))
                assert socket.answer.one(b"set-cookie") is None
        assert len(homes) == 1
