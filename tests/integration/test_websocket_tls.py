"""Frames and batches where a descriptor does not give the octets: TLS on both sides, an upstream on a Unix socket."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.client import Client
from tests.support.frames import close, frame
from tests.support.gateway import Gateway, before, running
from tests.support.origin import Origin
from tests.support.ports import free_port
from tests.support.replies import well_behaved
from tests.support.websockets import Socket, talk

LARGE = b"\x01\x0a\x00\xc0\x84\x3d" + b"x" * 1_000_000
"""A batch of one message of a million octets, the eleventh."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=["tls", "unix"])
def origin(authority: Authority, request: pytest.FixtureRequest) -> Iterator[Origin]:
    directory = Path(tempfile.mkdtemp(prefix="slipstream-"))  # a short path, as sockets want it
    try:
        tls = authority.issue("origin", "127.0.0.1").server_context() if request.param == "tls" else None
        unix = str(directory / "origin") if request.param == "unix" else None
        with Origin(well_behaved, unix=unix, tls=tls) as origin:
            origin.acts[b"talk"] = talk
            yield origin
    finally:
        shutil.rmtree(directory)


class Secure:
    """A gateway with TLS, and clients for it."""

    def __init__(self, gateway: Gateway, port: int, authority: Authority) -> None:
        self.gateway = gateway
        self.port = port
        self.authority = authority

    def client(self) -> Client:
        """A new connection."""
        return Client(("127.0.0.1", self.port), tls=self.authority.client_context(), server_name="shop.test")


@pytest.fixture(scope="module")
def secure(origin: Origin, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    directory, port = tmp_path_factory.mktemp("secure"), free_port()
    shown = authority.issue("shown", "shop.test")
    paths = {"certificate": str(shown.certificate), "key": str(shown.key)}
    settings = before(origin.url, tls={"ca": str(authority.file)}) | {
        "listen": [{"address": f"127.0.0.1:{port}", "tls": paths}],
        "plugins": [{"websocket_batch": {"max_delay": "50ms", "close_timeout": "1s"}}],
        "routes": [
            {"match": "/tunnel/*", "plugins": {"websocket_batch": {"mode": "tunnel"}}},
            {"match": "/*"},
        ],
        "limits": {"tunnel_join": "2ms"},
        "drain": "5s",
    }
    with running(settings, directory) as gateway:
        yield Secure(gateway, port, authority)


def test_batches_are_answered_in_batches(secure: Secure) -> None:
    with Socket(secure, "Sec-WebSocket-Protocol: batch.v1") as socket:
        assert socket.answer.one(b"sec-websocket-protocol") == b"batch.v1"
        records = b"".join(b"\x00\x02%02d" % at for at in range(10))
        socket.say(frame(2, b"\x01\x00" + records))
        assert socket.next().payload == b"\x01\x00" + records
        socket.say(frame(2, LARGE))
        assert socket.next().payload == LARGE
        socket.say(close(4001))
        assert socket.next().code == 4001
        assert socket.client.closed()


@pytest.mark.parametrize("target", ["/act/talk", "/tunnel/act/talk"])
def test_messages_pass_as_they_are(secure: Secure, target: str) -> None:
    with Socket(secure, target=target) as socket:
        for number in range(200):
            socket.say(frame(1, b"%d" % number))
        assert [int(socket.next().payload) for _ in range(200)] == list(range(200))
        socket.say(frame(2, b"x" * 1_000_000))
        assert len(socket.next().payload) == 1_000_000
        socket.say(close(1000))
        assert socket.next().code == 1000
        assert socket.client.closed()


def test_who_breaks_the_protocol_hears_so(secure: Secure) -> None:
    with Socket(secure) as socket:
        socket.say(frame(1, b"\xff"))
        assert socket.next().code == 1007
        socket.say(close(1007))
        assert socket.client.closed()


def test_at_the_end_of_the_gateway_everybody_is_told(secure: Secure) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(Socket(secure, "Sec-WebSocket-Protocol: batch.v1")) for _ in range(5)]
        tunnel = stack.enter_context(Socket(secure, target="/tunnel/act/talk"))
        for socket in sockets:
            socket.say(frame(2, b"\x01\x00\x00\x05hello"))
        for socket in sockets:
            assert socket.next().payload == b"\x01\x00\x00\x05hello"
        secure.gateway.send_signal(signal.SIGTERM)
        for socket in sockets:
            assert socket.next().code == 1012
            socket.say(close(1012))
            assert socket.client.closed()
        assert tunnel.client.closed()
        assert secure.gateway.wait() == 0
