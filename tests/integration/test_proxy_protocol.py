"""The PROXY protocol, versions 1 and 2, on an address where it is switched on."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running
from tests.support.origin import Origin
from tests.support.ports import free_port
from tests.support.replies import well_behaved
from tests.support.sending import BYTE_BY_BYTE, WHOLE
from tests.support.socket_errors import GONE

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def _second(command: int, family: int, addresses: bytes, extra: bytes = b"") -> bytes:
    return _SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(addresses + extra)) + addresses + extra


_FOUR = socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 4711, 80)
_SIX = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::9")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + struct.pack("!HH", 4711, 80)
)


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    port = free_port()
    listen = [{"address": f"127.0.0.1:{port}", "proxy_protocol": True}]
    with running(before(origin.url) | {"listen": listen}, tmp_path_factory.mktemp("proxy")) as gateway:
        gateway.port = port
        yield gateway


@pytest.mark.parametrize("step", [WHOLE, BYTE_BY_BYTE])
@pytest.mark.parametrize(
    ("header", "client"),
    [
        pytest.param(b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\r\n", "192.0.2.9", id="1-of-four"),
        pytest.param(b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 80\r\n", "2001:db8::9", id="1-of-six"),
        pytest.param(b"PROXY UNKNOWN\r\n", "127.0.0.1", id="1-unknown"),
        pytest.param(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "127.0.0.1", id="1-unknown-with-more"),
        pytest.param(_second(1, 0x11, _FOUR), "192.0.2.9", id="2-of-four"),
        pytest.param(_second(1, 0x21, _SIX), "2001:db8::9", id="2-of-six"),
        pytest.param(_second(1, 0x11, _FOUR, b"\x04\x00\x03abc"), "192.0.2.9", id="2-with-more"),
        pytest.param(_second(0, 0x00, b""), "127.0.0.1", id="2-local"),
        pytest.param(_second(0, 0x11, _FOUR), "127.0.0.1", id="2-local-with-addresses"),
    ],
)
def test_the_client_is_whom_the_header_names(gateway: Gateway, header: bytes, client: str, step: int) -> None:
    with gateway.client() as connection:
        connection.send(header + request("GET", "/") + request("GET", "/next"), step)
        for target in ("/", "/next"):
            told = connection.answer().json()
            assert told["target"] == target
            assert ["x-forwarded-for", client] in told["fields"]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"PROXY TCP4 192.0.2.9 192.0.2.1 4711\r\n", id="1-without-a-port"),
        pytest.param(b"PROXY TCP4 2001:db8::9 2001:db8::1 4711 80\r\n", id="1-of-the-wrong-family"),
        pytest.param(b"PROXY TCP4 192.0.2.999 192.0.2.1 4711 80\r\n", id="1-no-address"),
        pytest.param(b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 99999\r\n", id="1-no-port"),
        pytest.param(b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\n", id="1-lone-lf"),
        pytest.param(b"proxy tcp4 192.0.2.9 192.0.2.1 4711 80\r\n", id="1-in-small-letters"),
        pytest.param(b"PROXY " + b"x" * 200 + b"\r\n", id="1-too-long"),
        pytest.param(_SIGNATURE + b"\x31\x11\x00\x0c" + _FOUR, id="3"),
        pytest.param(_SIGNATURE + b"\x2f\x11\x00\x0c" + _FOUR, id="2-of-no-command"),
        pytest.param(_SIGNATURE + b"\x21\x11\x00\x04" + _FOUR[:4], id="2-too-short"),
    ],
)
def test_a_connection_without_a_valid_header_is_not_served(gateway: Gateway, origin: Origin, header: bytes) -> None:
    origin.forget()
    with gateway.client() as connection:
        connection.send(header + request("GET", "/secret"))
        assert _is_refused(connection)
    assert origin.requests == []


def _is_refused(connection: Client) -> bool:
    try:
        got = connection.wire.some()
    except GONE:
        return True
    return got == b"" or got.startswith(b"HTTP/1.1 400 ")


def test_a_client_that_says_nothing_holds_nobody_up(gateway: Gateway) -> None:
    with gateway.client() as silent, gateway.client(preamble=b"PROXY UNKNOWN\r\n") as other:
        silent.send(b"PROXY TC")
        assert other.get("/").status == 200
