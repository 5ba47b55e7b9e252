"""After a real 101 a connection is a tunnel of octets; without one it stays HTTP (RFC 9110 §7.8, RFC 6455 §4)."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer, content, digest, well_behaved

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


def _accept_for(received: Received) -> bytes:
    return base64.b64encode(hashlib.sha1((received.one(b"sec-websocket-key") or b"") + _GUID).digest())


def _switch(connection: Connection, accept: bytes, *, upgrade: bytes = b"websocket", first: bytes = b"") -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n"
    connection.send(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + first)


def echo(connection: Connection, received: Received) -> bool:
    """Switch, greet in the same breath, and send back what comes."""
    connection.content(received)
    _switch(connection, _accept_for(received), first=b"hello")
    while octets := connection.wire.some():
        connection.send(octets)
    return False


def pour(connection: Connection, received: Received) -> bool:
    """Switch, send 8 MiB and leave."""
    connection.content(received)
    _switch(connection, _accept_for(received))
    for piece in content(8 << 20):
        connection.send(piece)
    return False


def drink(connection: Connection, received: Received) -> bool:
    """Switch, read 8 MiB and tell their digest."""
    connection.content(received)
    _switch(connection, _accept_for(received))
    hashed = hashlib.sha256()
    for piece in connection.wire.exactly(8 << 20):
        hashed.update(piece)
    connection.send(hashed.hexdigest().encode())
    connection.left()
    return False


def tick(connection: Connection, received: Received) -> bool:
    """Switch, and speak a thousand times."""
    connection.content(received)
    _switch(connection, _accept_for(received))
    for number in range(1000):
        connection.send(b"%06d\n" % number)
    return False


def lie(connection: Connection, received: Received) -> bool:
    """Switch with an accept value that proves nothing."""
    connection.content(received)
    _switch(connection, b"bm90IHRoZSByaWdodCBvbmU=")
    connection.left()
    return False


def forget(connection: Connection, received: Received) -> bool:
    """Switch without an accept value."""
    connection.content(received)
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    connection.left()
    return False


def other(connection: Connection, received: Received) -> bool:
    """Switch to something that was not asked for."""
    connection.content(received)
    _switch(connection, _accept_for(received), upgrade=b"chat")
    connection.left()
    return False


def decline(connection: Connection, received: Received) -> bool:
    """Answer as if nothing else had been asked."""
    connection.content(received)
    return connection.send(answer(b"no, thanks", b"Sec-WebSocket-Version: 13", status=b"426 Upgrade Required"))


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        for act in (echo, pour, drink, tick, lie, forget, other, decline):
            origin.acts[act.__name__.encode()] = act
        yield origin


@pytest.fixture(scope="module", params=["off", "2ms"], ids=["at_once", "joined"])
def gateway(
    origin: Origin, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Gateway]:
    settings = before(origin.url) | {"drain": "1s", "limits": {"tunnel_join": request.param}}
    with running(settings, tmp_path_factory.mktemp("tunnel")) as gateway:
        yield gateway


def _ask(client: Client, name: str) -> None:
    client.send(
        request(
            "GET",
            f"/act/{name}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {_KEY.decode()}",
            "Sec-WebSocket-Protocol: superchat",
            "Origin: http://shop.test",
        )
    )


def _open(client: Client, name: str) -> None:
    _ask(client, name)
    got = client.answer()
    assert got.status == 101
    assert got.one(b"sec-websocket-accept") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (got.one(b"upgrade") or b"").lower() == b"websocket"
    assert (got.one(b"connection") or b"").lower() == b"upgrade"


def _next(client: Client, size: int) -> bytes:
    return b"".join(client.wire.exactly(size))


def test_octets_pass_both_ways(gateway: Gateway) -> None:
    with gateway.client() as client:
        _open(client, "echo")
        assert _next(client, 5) == b"hello"
        every = bytes(range(256))
        client.send(every, 1)
        assert _next(client, 256) == every
        client.send(b"GET / HTTP/1.1\r\n\r\n")  # only octets, now
        assert _next(client, 18) == b"GET / HTTP/1.1\r\n\r\n"


def test_the_origin_sees_the_upgrade_as_it_was_asked_for(gateway: Gateway, origin: Origin) -> None:
    origin.forget()
    with gateway.client() as client:
        _open(client, "echo")
    (received,) = origin.requests
    assert (received.one(b"upgrade") or b"").lower() == b"websocket"
    assert (received.one(b"connection") or b"").lower() == b"upgrade"
    assert received.one(b"sec-websocket-key") == _KEY
    assert received.one(b"sec-websocket-version") == b"13"
    assert received.one(b"sec-websocket-protocol") == b"superchat"


def test_much_passes_down(gateway: Gateway) -> None:
    hashed = hashlib.sha256()
    with gateway.client() as client:
        _open(client, "pour")
        for piece in client.wire.exactly(8 << 20):
            hashed.update(piece)
        assert client.closed()
    assert hashed.hexdigest() == digest(8 << 20)


def test_much_passes_up(gateway: Gateway) -> None:
    with gateway.client() as client:
        _open(client, "drink")
        for piece in content(8 << 20):
            client.send(piece)
        assert _next(client, 64) == digest(8 << 20).encode()


def test_a_feed_arrives_whole_and_ends(gateway: Gateway) -> None:
    with gateway.client() as client:
        _open(client, "tick")
        assert _next(client, 7000) == b"".join(b"%06d\n" % number for number in range(1000))
        assert client.closed()


def test_a_client_that_leaves_ends_the_origin_s_side(gateway: Gateway, origin: Origin) -> None:
    origin.forget()
    with gateway.client() as client:
        _open(client, "echo")
        client.reset()
    assert origin.wait_for(lambda: all(connection.ended.is_set() for connection in origin.connections))


def test_tunnels_are_not_pooled(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        _open(client, "echo")
    origin.forget()
    for _ in range(5):
        assert gateway.get("/plain").json()["target"] == "/plain"
    assert {received.target for received in origin.requests} == {b"/plain"}
    assert origin.unclaimed() == []


@pytest.mark.parametrize("name", ["lie", "forget", "other"])
def test_a_switch_that_proves_nothing_is_502(gateway: Gateway, name: str) -> None:
    with gateway.client() as client:
        _ask(client, name)
        got = client.answer()
        assert got.status == 502
        assert b"error=" in (got.one(b"proxy-status") or b"")


def test_an_answer_other_than_101_passes_and_the_connection_goes_on_as_http(gateway: Gateway) -> None:
    with gateway.client() as client:
        _ask(client, "decline")
        got = client.answer()
        assert (got.status, got.body, got.one(b"sec-websocket-version")) == (426, b"no, thanks", b"13")
        assert client.get("/next").json()["target"] == "/next"


def test_what_is_sent_before_the_answer_is_not_lost(gateway: Gateway) -> None:
    with gateway.client() as client:
        _ask(client, "echo")
        client.send(b"eager")
        assert client.answer().status == 101
        assert _next(client, 10) == b"helloeager"


def test_a_tunnel_survives_a_reload(gateway: Gateway) -> None:
    with gateway.client() as client:
        _open(client, "echo")
        assert _next(client, 5) == b"hello"
        generation = gateway.status()["generation"]
        gateway.write(gateway.settings | {"name": "renamed"})
        gateway.send_signal(signal.SIGHUP)
        wait_until(lambda: gateway.status()["generation"] > generation, "the new configuration is in use")
        client.send(b"still here")
        assert _next(client, 10) == b"still here"


def test_many_tunnels_at_once_stay_apart(gateway: Gateway) -> None:
    clients = [gateway.client() for _ in range(30)]
    try:
        tokens = [os.urandom(1000) for _ in clients]
        for client in clients:
            _open(client, "echo")
        for client, token in zip(clients, tokens, strict=True):
            client.send(token)
        for client, token in zip(clients, tokens, strict=True):
            assert _next(client, 1005) == b"hello" + token
    finally:
        for client in clients:
            client.close()
