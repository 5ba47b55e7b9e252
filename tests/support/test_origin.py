"""The origin and the client of the tests, met without a gateway between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import Client, request
from tests.support.origin import Connection, Origin
from tests.support.replies import content, digest, well_behaved
from tests.support.sending import BYTE_BY_BYTE
from tests.support.wire import TruncatedError


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture
def client(origin: Origin) -> Iterator[Client]:
    with Client(("127.0.0.1", origin.port), patience=5) as client:
        yield client


def test_a_request_is_told_back_as_it_came(origin: Origin, client: Client) -> None:
    client.send(request("PURGE", "/a?b", "X-A: b", body=b"xyz"), BYTE_BY_BYTE)
    told = client.answer().json()
    assert (told["method"], told["target"], told["body"]) == ("PURGE", "/a?b", "xyz")
    assert ["x-a", "b"] in told["fields"]
    assert [kept.target for kept in origin.requests] == [b"/a?b"]
    assert origin.unclaimed() == []


def test_sized_and_chunked_content_is_the_same(client: Client) -> None:
    expected = b"".join(content(100_000))
    assert client.get("/size/100000").body == expected
    chunked = client.get("/chunked/100000")
    assert (chunked.body, dict(chunked.trailers)[b"x-digest"]) == (expected, digest(100_000).encode())


def test_half_a_request_stays_unclaimed(origin: Origin, client: Client) -> None:
    client.get("/whole")
    client.send(b"POST /half HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 9\r\n\r\nhal")
    client.close()
    assert origin.wait_for(lambda: origin.connections[0].ended.is_set())
    assert [kept.target for kept in origin.requests] == [b"/whole"]
    assert [begun.target for begun in origin.begun()] == [b"/half"]
    assert origin.unclaimed() == [b"hal"]


def test_an_ambiguous_request_is_a_violation(origin: Origin, client: Client) -> None:
    client.send(
        b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert client.closed()
    assert origin.wait_for(lambda: bool(origin.violations))


def test_a_script_may_reset() -> None:
    def break_off(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
        connection.reset()

    with (
        Origin(break_off) as origin,
        Client(("127.0.0.1", origin.port), patience=5) as broken,
        pytest.raises(TruncatedError),
    ):
        broken.get("/")
