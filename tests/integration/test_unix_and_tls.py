"""Unix sockets and TLS, on either side."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority, Certificate
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin
from tests.support.ports import free_port
from tests.support.replies import content, well_behaved
from tests.support.sending import BYTE_BY_BYTE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


class Tls:
    """A gateway with a plain address, one with TLS, and one on a Unix socket."""

    def __init__(self, gateway: Gateway, port: int, socket: Path, shown: Certificate, authority: Authority) -> None:
        self.gateway = gateway
        self.port = port
        self.socket = socket
        self.shown = shown
        self.authority = authority

    def client(self, *, protocols: list[str] | None = None, preamble: bytes = b"") -> Client:
        """A new connection with TLS."""
        context = self.authority.client_context()
        if protocols:
            context.set_alpn_protocols(protocols)
        return Client(("127.0.0.1", self.port), tls=context, server_name="shop.test", preamble=preamble)

    def shows(self) -> str:
        """Subject of the certificate that a new connection gets to see."""
        with self.client() as client:
            return _subject(client)


def _subject(client: Client) -> str:
    assert isinstance(client.sock, ssl.SSLSocket)
    certificate: Any = client.sock.getpeercert()
    return str(certificate["subject"][0][0][1])


@pytest.fixture(scope="module")
def tls(origin: Origin, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    directory = tmp_path_factory.mktemp("tls")
    issued = authority.issue("first", "shop.test")
    shown = Certificate(directory / "shown.pem", directory / "shown.key")
    shutil.copy(issued.certificate, shown.certificate)
    shutil.copy(issued.key, shown.key)
    plain, secure, socket = free_port(), free_port(), directory / "s"
    paths = {"certificate": str(shown.certificate), "key": str(shown.key)}
    listen = [
        f"127.0.0.1:{plain}",
        {"address": f"127.0.0.1:{secure}", "tls": paths},
        {"address": f"unix:{socket}", "mode": "0660"},
    ]
    with running(before(origin.url) | {"listen": listen}, directory) as gateway:
        gateway.port = plain
        yield Tls(gateway, secure, socket, shown, authority)


def test_a_request_over_a_unix_socket_is_served(tls: Tls) -> None:
    with Client(str(tls.socket)) as client:
        assert client.get("/unix").json()["target"] == "/unix"
        client.send(request("POST", "/again", body=b"abc"), BYTE_BY_BYTE)
        assert client.answer().json()["body"] == "abc"


def test_a_unix_socket_has_the_permissions_of_the_settings(tls: Tls) -> None:
    assert tls.socket.stat().st_mode & 0o777 == 0o660


def test_a_request_over_tls_is_served_and_the_origin_told(tls: Tls) -> None:
    with tls.client() as client:
        told = client.get("/secure").json()
        assert ["x-forwarded-proto", "https"] in told["fields"]
        assert client.get("/size/1000000").body == b"".join(content(1_000_000))


def test_what_is_secured_is_not_given_without_security(tls: Tls) -> None:
    head = b"GET https://shop.test/secure HTTP/1.1\r\nHost: shop.test\r\n\r\n"
    with tls.client() as client:
        for _ in range(5):
            client.send(head)
            assert client.answer().json()["target"] == "/secure"
    with tls.gateway.client() as client:
        client.send(head)
        assert client.answer().status == 421


def test_an_upload_over_tls_is_served(tls: Tls) -> None:
    with tls.client() as client:
        client.send(request("POST", "/", body=b"x" * 300_000))
        assert client.answer().json()["size"] == 300_000


def test_http_1_1_is_agreed_on(tls: Tls) -> None:
    with tls.client(protocols=["h2", "http/1.1"]) as client:
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert client.get("/").status == 200


def test_plain_text_on_the_secure_port_harms_nobody(tls: Tls) -> None:
    with Client(("127.0.0.1", tls.port)) as client:
        client.send(request("GET", "/"))
        assert not client.wire.some().startswith(b"HTTP/1.1 200")
    with tls.client() as client:
        assert client.get("/").status == 200


def test_a_handshake_that_stops_half_way_holds_nobody_up(tls: Tls) -> None:
    with Client(("127.0.0.1", tls.port)) as stopped:
        stopped.send(bytes.fromhex("16030100a5010000a10303"))
        with tls.client() as client:
            assert client.get("/").status == 200


def test_a_certificate_is_swapped_without_a_restart(tls: Tls) -> None:
    workers = tls.gateway.workers()
    with tls.client() as kept:
        assert _subject(kept) == "first"
        second = tls.authority.issue("second", "shop.test")
        _replace(second.key, tls.shown.key)
        _replace(second.certificate, tls.shown.certificate)
        wait_until(lambda: tls.shows() == "second", "the new certificate is shown")
        assert kept.get("/").status == 200
    assert tls.gateway.workers() == workers


def test_a_broken_certificate_file_changes_nothing(tls: Tls) -> None:
    subject, whole = tls.shows(), tls.shown.certificate.read_bytes()
    tls.shown.certificate.write_bytes(whole[: len(whole) // 2])
    try:
        wait_until(lambda: bool(tls.gateway.status()["certificate_errors"]), "the broken file has been noticed")
        assert tls.shows() == subject
    finally:
        tls.shown.certificate.write_bytes(whole)
    wait_until(lambda: not tls.gateway.status()["certificate_errors"], "the whole file has been noticed")
    assert tls.shows() == subject


def _replace(source: Path, target: Path) -> None:
    beside = target.with_suffix(".new")
    shutil.copy(source, beside)
    beside.replace(target)


def test_an_origin_on_a_unix_socket_is_asked(tmp_path: Path) -> None:
    with Origin(well_behaved, unix=str(tmp_path / "o")) as origin, running(before(origin.url), tmp_path) as gateway:
        told = gateway.get("/a").json()
        assert (told["target"], ["host", "shop.test"] in told["fields"]) == ("/a", True)
        assert gateway.get("/size/100000").body == b"".join(content(100_000))


class SecureOrigin:
    """What an origin with TLS was asked for by name."""

    def __init__(self, certificate: Certificate) -> None:
        self.names: list[str | None] = []
        self.context = certificate.server_context()
        self.context.sni_callback = self._note

    def _note(self, _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self.names.append(name)


@pytest.fixture(scope="module")
def secure(authority: Authority) -> SecureOrigin:
    return SecureOrigin(authority.issue("origin", "app.internal", "127.0.0.1"))


@pytest.fixture(scope="module")
def secured(
    authority: Authority, secure: SecureOrigin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Origin]]:
    """A gateway with several opinions on one origin that speaks TLS, and one that wants to know its client."""
    proof = authority.issue("gateway", "gateway.internal")
    strict = authority.issue("strict", "127.0.0.1").server_context()
    strict.verify_mode = ssl.CERT_REQUIRED
    strict.load_verify_locations(authority.file)
    ca = {"ca": str(authority.file)}
    with Origin(well_behaved, tls=secure.context) as origin, Origin(well_behaved, tls=strict) as demanding:
        opinions: dict[str, dict[str, Any]] = {
            "stranger": {},
            "trusted": ca,
            "named": {**ca, "server_name": "app.internal"},
            "misnamed": {**ca, "server_name": "other.internal"},
            "careless": {"verify": False},
            "unproven": ca,
            "proven": {**ca, "certificate": str(proof.certificate), "key": str(proof.key)},
        }
        servers = {name: demanding.url if "proven" in name else origin.url for name in opinions}
        settings = {
            "upstreams": {name: {"servers": [servers[name]], "tls": opinion} for name, opinion in opinions.items()},
            "routes": [{"match": f"/{name}/*", "upstream": name} for name in opinions],
        }
        with running(settings, tmp_path_factory.mktemp("secured")) as gateway:
            yield gateway, origin


@pytest.mark.parametrize("opinion", ["trusted", "named", "careless", "proven"])
def test_a_secure_origin_is_asked(secured: tuple[Gateway, Origin], opinion: str) -> None:
    gateway, _ = secured
    assert gateway.get(f"/{opinion}/a").json()["target"] == f"/{opinion}/a"
    with gateway.client() as client:
        client.send(request("POST", f"/{opinion}/", body=b"x" * 300_000))
        assert client.answer().json()["size"] == 300_000


@pytest.mark.parametrize("opinion", ["stranger", "misnamed"])
def test_an_origin_that_is_not_whom_it_should_be_is_not_asked(secured: tuple[Gateway, Origin], opinion: str) -> None:
    gateway, origin = secured
    origin.forget()
    got = gateway.get(f"/{opinion}/secret")
    assert got.status == 502
    assert b"error=tls_" in (got.one(b"proxy-status") or b"")
    assert origin.requests == []


def test_an_origin_that_demands_a_certificate_is_told_no(secured: tuple[Gateway, Origin]) -> None:
    assert secured[0].get("/unproven/").status == 502


def test_the_name_that_is_asked_for_is_the_configured_one(
    secured: tuple[Gateway, Origin], secure: SecureOrigin
) -> None:
    gateway, origin = secured
    origin.drop_connections()
    origin.wait_for(lambda: all(connection.ended.is_set() for connection in origin.connections))
    secure.names.clear()
    gateway.get("/named/")
    assert secure.names == ["app.internal"]


def test_an_origin_without_tls_where_tls_is_wanted_is_502(origin: Origin, tmp_path: Path) -> None:
    settings = before(f"https://127.0.0.1:{origin.port}", timeouts={"connect": "1s"})
    with running(settings, tmp_path) as gateway:
        got = gateway.get("/")
        assert got.status in (502, 504)
        assert b"error=" in (got.one(b"proxy-status") or b"")
