"""Where the network cuts a message must not matter: each one is cut in two at every place there is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.conformance.request_case import SMUGGLED, chunked, get, post
from tests.support.gateway import Gateway, before, running
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import well_behaved

_PAUSE = 0.0005
"""Seconds between the two halves, so that they are mostly read apart."""

_REQUESTS = {
    "get": (get(target=b"/a"), ["/a"]),
    "get-with-fields": (get(b"Accept: */*", b"X-A: b", target=b"/a"), ["/a"]),
    "empty-line-in-front": (b"\r\n" + get(target=b"/a"), ["/a"]),
    "sized": (post(b"Content-Length: 3", body=b"abc", target=b"/a"), ["/a"]),
    "chunked": (chunked(b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n"), ["/"]),
    "pipelined": (post(b"Content-Length: 3", body=b"abc", target=b"/a") + get(target=b"/b"), ["/a", "/b"]),
    "chunked-and-pipelined": (chunked(b"3\r\nabc\r\n0\r\n\r\n") + get(target=b"/b"), ["/", "/b"]),
    "lower-case-method": (get(target=b"/a").replace(b"GET", b"get"), ["/a"]),
}

_RESPONSES = {
    "sized": b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\nX-T: v\r\n\r\n",
    "after-hints": b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "no-content": b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
}


def _script(connection: Connection) -> None:
    while (received := connection.head()) is not None and _halves(connection, received):
        pass


def _halves(connection: Connection, received: Received) -> bool:
    """Send the response that `/NAME/PLACE` asks for, cut in two at that place."""
    connection.content(received)
    _, name, at = received.target.decode().split("/")
    connection.send(_RESPONSES[name][: int(at)])
    time.sleep(_PAUSE)
    return connection.send(_RESPONSES[name][int(at) :])


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def cutting() -> Iterator[Origin]:
    with Origin(_script) as origin:
        yield origin


@pytest.fixture(scope="module")
def before_cutting(cutting: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(before(cutting.url), tmp_path_factory.mktemp("cutting")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(before(origin.url), tmp_path_factory.mktemp("boundaries")) as gateway:
        yield gateway


@pytest.mark.parametrize("name", _REQUESTS)
def test_a_request_may_be_cut_anywhere(gateway: Gateway, origin: Origin, name: str) -> None:
    sent, targets = _REQUESTS[name]
    with gateway.client() as client:
        for at in range(1, len(sent)):
            client.send(sent[:at])
            time.sleep(_PAUSE)
            client.send(sent[at:])
            for target in targets:
                got = client.answer()
                assert (got.status, got.json()["target"]) == (200, target), f"cut after {at} octets"
    assert origin.violations == []


@pytest.mark.parametrize("name", _REQUESTS)
def test_the_first_request_of_a_connection_may_be_cut_anywhere(gateway: Gateway, origin: Origin, name: str) -> None:
    sent, targets = _REQUESTS[name]
    for at in range(1, min(len(sent), 60)):
        with gateway.client() as client:
            client.send(sent[:at])
            time.sleep(_PAUSE)
            client.send(sent[at:])
            assert client.answer().json()["target"] == targets[0], f"cut after {at} octets"


@pytest.mark.parametrize("name", _RESPONSES)
def test_a_response_may_be_cut_anywhere(before_cutting: Gateway, cutting: Origin, name: str) -> None:
    with before_cutting.client() as client:
        for at in range(1, len(_RESPONSES[name])):
            got = client.get(f"/{name}/{at}")
            assert (got.status, got.body) == ((204, b"") if name == "no-content" else (200, b"abc")), f"cut after {at}"
    assert cutting.violations == []


def test_a_refusal_does_not_depend_on_where_it_was_cut(gateway: Gateway, origin: Origin) -> None:
    origin.forget()
    bad = post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED)
    for at in range(1, len(bad)):
        with gateway.client() as client:
            client.send(bad[:at])
            time.sleep(_PAUSE)
            client.send(bad[at:])
            got = client.answer()
            assert (got.status, got.closes) == (400, True), f"cut after {at} octets"
    assert origin.requests == []
