"""WebSockets through a real gateway: who is connected, the end of one, a reload, and the end of the gateway."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.client import Client, request
from tests.support.frames import close, frame
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import well_behaved
from tests.support.websockets import KEY, Socket, switch, talk


def vanish(connection: Connection, received: Received) -> bool:
    """Switch and be gone."""
    switch(connection, received)
    return False


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        origin.acts[b"talk"] = talk
        origin.acts[b"vanish"] = vanish
        yield origin


def settings(origin: Origin, **websocket: object) -> dict[str, object]:
    routes = [
        {"name": "live", "match": "/act/talk", "plugins": {"websocket_batch": {"max_delay": "5s", **websocket}}},
        {"name": "plain", "match": "/*", "plugins": {"websocket_batch": "off"}},
    ]
    return before(origin.url) | {"plugins": [{"websocket_batch": {}}], "routes": routes, "drain": "5s"}


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(settings(origin), tmp_path_factory.mktemp("websocket")) as gateway:
        yield gateway


def listed(gateway: Gateway, query: str = "") -> list[dict[str, object]]:
    answer = gateway.admin("GET", f"/api/connections{query}")
    assert answer.status == 200
    rows: list[dict[str, object]] = answer.json()["connections"]
    return rows


def post(gateway: Gateway, document: object) -> tuple[int, dict[str, object]]:
    body = json.dumps(document).encode()
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        host = f"127.0.0.1:{gateway.admin_port}"
        fields = ("Content-Type: application/json", "Connection: close")
        client.send(request("POST", "/api/connections/close", *fields, host=host, body=body))
        answer = client.answer("POST")
        return answer.status, answer.json()


def test_connections_are_listed_and_one_can_be_closed(gateway: Gateway) -> None:
    with (
        Socket(gateway, "Sec-WebSocket-Protocol: batch.v1") as batched,
        Socket(gateway) as framed,
        Socket(gateway, target="/elsewhere/act/talk") as other,
    ):
        _list_and_close(gateway, batched, framed, other)


def _list_and_close(gateway: Gateway, batched: Socket, tunnel: Socket, other: Socket) -> None:
    assert [each.answer.status for each in (batched, tunnel, other)] == [101, 101, 101]
    tunnel.say(frame(1, b"hello"))
    assert tunnel.next().payload == b"hello"
    rows = listed(gateway, "?order=age")
    assert [(row["route"], row["mode"]) for row in rows] == [
        ("live", "batch.v1"),
        ("live", "framed"),
        ("plain", "tunnel"),
    ]
    assert rows[1]["messages"] == {"down": 1, "up": 1}
    assert rows[1]["target"] == "/act/talk"
    assert [row["mode"] for row in listed(gateway, "?route=plain")] == ["tunnel"]
    status, document = post(gateway, {"id": rows[1]["id"], "code": 4000, "reason": "enough"})
    assert (status, document["closed"]) == (200, 1)
    ended = tunnel.next()
    assert (ended.code, ended.payload[2:]) == (4000, b"enough")
    tunnel.say(close(4000))
    wait_until(lambda: len(listed(gateway)) == 2, "it is no longer listed")
    assert post(gateway, {"id": rows[1]["id"]})[0] == 404
    assert post(gateway, {"id": rows[0]["id"], "code": 1005})[0] == 422
    assert post(gateway, ["x"])[0] == 422
    assert gateway.admin("GET", "/api/connections?order=name").status == 422
    batched.say(close(1000))
    assert batched.next().code == 1000
    other.client.close()
    wait_until(lambda: listed(gateway) == [], "nobody is left")


def test_a_batched_client_is_answered_in_batches(gateway: Gateway) -> None:
    records = b"".join(b"\x00\x02%02d" % at for at in range(10))
    with Socket(gateway, "Sec-WebSocket-Protocol: chat+batch.v1, chat") as socket:
        assert socket.answer.one(b"sec-websocket-protocol") == b"chat+batch.v1"
        socket.say(frame(2, b"\x01\x00" + records))
        assert socket.next().payload == b"\x01\x00" + records
    assert gateway.metric("slipstream_websocket_flush_total", route="live", direction="down", reason="size") >= 1


def test_an_upstream_that_vanishes_is_a_bad_gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> None:
    bare = before(origin.url) | {"plugins": [{"websocket_batch": {}}]}
    with (
        running(bare, tmp_path_factory.mktemp("vanish")) as gateway,
        Socket(gateway, target="/act/vanish") as socket,
    ):
        assert socket.next().code == 1014


def test_who_does_not_speak_the_protocol_hears_so(gateway: Gateway) -> None:
    with Socket(gateway) as socket:
        socket.say(frame(1, b"\xff"))
        assert socket.next().code == 1007
    with gateway.client() as client:
        fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8", f"Sec-WebSocket-Key: {KEY}")
        client.send(request("GET", "/act/talk", *fields))
        answer = client.answer()
        assert (answer.status, answer.one(b"sec-websocket-version")) == (426, b"13")
        assert (answer.one(b"upgrade"), answer.one(b"connection")) == (b"websocket", b"Upgrade")


def test_a_reload_drops_nobody_and_the_end_delivers_what_waits(
    origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(settings(origin, strategy="time"), tmp_path_factory.mktemp("drain")) as gateway, ExitStack() as stack:
        sockets = [stack.enter_context(Socket(gateway, "Sec-WebSocket-Protocol: batch.v1")) for _ in range(20)]
        generation = gateway.status()["generation"]
        gateway.write(gateway.settings | {"name": "renamed"})
        gateway.send_signal(signal.SIGHUP)
        wait_until(lambda: gateway.status()["generation"] > generation, "the new configuration is in use")
        for socket in sockets:
            socket.say(frame(2, b"\x01\x00\x00\x05hello"))
        wait_until(
            lambda: gateway.metric("slipstream_websocket_queue_messages", direction="down") == 20, "answers wait"
        )
        gateway.send_signal(signal.SIGTERM)
        for socket in sockets:
            assert socket.next().payload == b"\x01\x00\x00\x05hello"
            assert socket.next().code == 1012
            socket.say(close(1012))
            assert socket.client.closed()
        assert gateway.wait() == 0
