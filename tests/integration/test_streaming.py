"""Content of any size passes in both directions as it comes: nothing is collected, lost or kept waiting."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.answer import Answer, read_answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, peak_resident_octets, resident_octets, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer, content, described, digest, well_behaved
from tests.support.wire import TruncatedError

_MIB = 1 << 20
_LARGE = 64 * _MIB
_FLAT = 16 * _MIB


@pytest.mark.parametrize("kind", ["size", "chunked", "until-close"])
def test_a_large_download_arrives_unchanged(gateway: Gateway, origin: Origin, kind: str) -> None:
    hashed = hashlib.sha256()
    with gateway.client() as client:
        client.send(request("GET", f"/{kind}/{_LARGE}"))
        client.answer(sink=hashed.update)
    assert hashed.hexdigest() == digest(_LARGE)


def test_a_large_sized_upload_arrives_unchanged(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/", f"Content-Length: {_LARGE}"))
        for piece in content(_LARGE):
            client.send(piece)
        told = client.answer().json()
    assert (told["size"], told["digest"]) == (_LARGE, digest(_LARGE))


def test_a_large_chunked_upload_arrives_with_its_trailers(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/", "Transfer-Encoding: chunked", "Trailer: X-Digest"))
        for piece in content(_LARGE):
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        client.send(b"0\r\nX-Digest: %b\r\n\r\n" % digest(_LARGE).encode())
        told = client.answer().json()
    assert (told["size"], told["digest"]) == (_LARGE, digest(_LARGE))
    assert ["x-digest", digest(_LARGE)] in told["trailers"]


def test_chunked_content_comes_back_with_its_trailers(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        got = client.get("/chunked/100000")
    assert got.body == b"".join(content(100_000))
    assert dict(got.trailers) == {b"x-digest": digest(100_000).encode(), b"x-ended": b"yes"}


def test_an_upload_goes_on_to_the_origin_before_it_is_whole(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/", "Content-Length: 10") + b"first")
        assert origin.wait_for(lambda: b"first" in b"".join(origin.unclaimed()))
        client.send(b"other")
        assert client.answer().json()["body"] == "firstother"


def test_an_event_arrives_while_the_stream_goes_on(gateway: Gateway, origin: Origin) -> None:
    seen = bytearray()

    def collect(piece: bytes) -> None:
        seen.extend(piece)
        if seen == b"data: first\n\n":
            origin.release.set()  # only now may the second one leave the origin

    with gateway.client() as client:
        client.send(request("GET", "/events"))
        client.answer(sink=collect)
    assert bytes(seen) == b"data: first\n\ndata: second\n\n"


def test_early_hints_arrive_before_the_answer(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        got = client.get("/early-hints")
    assert [hint.status for hint in got.interim] == [103]
    assert got.interim[0].one(b"link") == b"</style.css>; rel=preload"
    assert got.body == b"ready"


def test_a_client_that_waits_for_100_gets_the_origin_s(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/", "Expect: 100-continue", "Content-Length: 3"))
        assert client.wire.line() == b"HTTP/1.1 100 Continue"
        client.wire.fields()
        client.send(b"abc")
        got = client.answer()
        assert (got.json()["body"], got.interim) == ("abc", [])
        assert client.get("/next").json()["target"] == "/next"


def test_a_client_that_waits_for_100_is_told_no_instead(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/refuse-upload", "Expect: 100-continue", "Content-Length: 3"))
        got = client.answer()
        assert (got.status, got.interim, got.closes) == (413, [], True)
        assert client.closed()
    assert origin.requests == []


def test_no_100_is_invented_for_an_origin_that_sends_none(gateway: Gateway, origin: Origin) -> None:
    def never_continues(connection: Connection, received: Received) -> bool:
        return connection.send(answer(described(connection.content(received))))

    origin.acts[b"mute"] = never_continues
    with gateway.client() as client:
        client.send(request("POST", "/act/mute", "Expect: 100-continue", "Content-Length: 3"))
        assert origin.wait_for(lambda: bool(origin.begun()))
        client.send(b"abc")
        got = client.answer()
    assert (got.json()["body"], got.interim) == ("abc", [])


def test_an_early_refusal_stops_the_upload(gateway: Gateway, origin: Origin) -> None:
    upload = request("POST", "/refuse-upload", f"Content-Length: {_LARGE}") + bytes(_LARGE)
    with gateway.client() as client, client.sending(upload):
        got = client.answer()
        assert (got.status, got.body, got.closes) == (413, b"less", True)
        assert client.closed()
    assert origin.wait_for(
        lambda: all(connection.ended.is_set() for connection in origin.connections if connection.begun)
    )
    assert origin.requests == []


def test_an_early_refusal_of_an_origin_that_slams_the_door_is_an_answer_too(gateway: Gateway, origin: Origin) -> None:
    """Its reset may overtake its answer; then the gateway's own one is right."""

    def slam(connection: Connection, received: Received) -> bool:
        connection.send(answer(b"less", b"Connection: close", status=b"413 Content Too Large"))
        return False

    origin.acts[b"slam"] = slam
    upload = request("POST", "/act/slam", f"Content-Length: {_LARGE}") + bytes(_LARGE)
    with gateway.client() as client, client.sending(upload):
        got = client.answer()
        assert got.status in (413, 502)
        assert got.closes
    assert gateway.get("/next").json()["target"] == "/next"


def test_an_early_refusal_on_a_connection_that_stays_leaves_no_rest_behind(gateway: Gateway, origin: Origin) -> None:
    def refuse_and_stay(connection: Connection, received: Received) -> bool:
        connection.send(answer(b"less", status=b"413 Content Too Large"))
        return not connection.left()

    origin.acts[b"refuse"] = refuse_and_stay
    upload = request("POST", "/act/refuse", f"Content-Length: {_LARGE}") + bytes(_LARGE)
    with gateway.client() as client, client.sending(upload):
        assert client.answer().status == 413
    with gateway.client() as client:
        assert client.get("/next").json()["target"] == "/next"


def test_a_client_that_leaves_during_a_download_ends_it_at_the_origin(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("GET", "/endless"))
        client.wire.line()
        client.reset()
    assert origin.wait_for(lambda: all(connection.ended.is_set() for connection in origin.serving(b"/endless")))


def test_a_client_that_leaves_during_an_upload_ends_it_at_the_origin(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/left", "Content-Length: 100") + b"half")
        assert origin.wait_for(lambda: b"/left" in [begun.target for begun in origin.begun()])
        client.close()
        assert origin.wait_for(
            lambda: all(connection.ended.is_set() for connection in origin.connections if connection.begun)
        )
    assert origin.requests == []


def test_a_client_that_leaves_before_the_answer_ends_the_wait(gateway: Gateway, origin: Origin) -> None:
    def wait_for_the_end(connection: Connection, received: Received) -> bool:
        connection.content(received)
        return not connection.left()

    origin.acts[b"wait"] = wait_for_the_end
    with gateway.client() as client:
        client.send(request("GET", "/act/wait"))
        assert origin.wait_for(lambda: bool(origin.requests))
        client.close()
    assert origin.wait_for(lambda: all(connection.ended.is_set() for connection in origin.serving(b"/act/wait")))


def test_content_for_the_old_version_ends_with_the_connection(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(b"GET /chunked/1000 HTTP/1.0\r\nHost: shop.test\r\n\r\n")
        got = client.answer(minor=0)
        assert got.body == b"".join(content(1000))
        assert client.closed()


class Faucet:
    """An origin that sends or reads as fast as the gateway lets it, and counts."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.moved = 0

    def pour(self, connection: Connection, received: Received) -> bool:
        """Send all of it."""
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
        for piece in content(self.size):
            if not connection.send(piece):
                return False
            self.moved += len(piece)
        return True

    def wait_until_it_stands_still(self) -> None:
        """Wait until nothing has moved for a while, though there is more."""
        seen = -1
        while seen != self.moved:
            seen = self.moved
            time.sleep(0.3)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[Gateway, Origin]]:
    """A gateway whose memory nothing else has touched."""
    with Origin(well_behaved) as origin, running(before(origin.url) | {"limits": {"body": "off"}}, tmp_path) as gateway:
        gateway.get("/")
        yield gateway, origin


def test_a_slow_reader_pauses_the_origin_and_costs_no_memory(fresh: tuple[Gateway, Origin]) -> None:
    gateway, origin = fresh
    faucet = Faucet(200 * _MIB)
    origin.acts[b"pour"] = faucet.pour
    (worker,) = gateway.workers()
    at_first = resident_octets(worker)
    hashed = hashlib.sha256()
    with gateway.client(receive_buffer=1 << 16) as client:
        client.send(request("GET", "/act/pour"))
        client.wire.line()
        faucet.wait_until_it_stands_still()
        assert 0 < faucet.moved < 64 * _MIB, "the origin was not paused"
        length = dict(client.wire.fields())[b"content-length"]
        for piece in client.wire.exactly(int(length)):
            hashed.update(piece)
    assert hashed.hexdigest() == digest(200 * _MIB)
    assert peak_resident_octets(worker) - at_first < _FLAT


def test_a_slow_origin_pauses_the_client_and_costs_no_memory(fresh: tuple[Gateway, Origin]) -> None:
    gateway, origin = fresh

    def sip(connection: Connection, received: Received) -> bool:
        origin.release.wait(30)
        return connection.send(answer(described(connection.content(received))))

    origin.acts[b"sip"] = sip
    (worker,) = gateway.workers()
    at_first = resident_octets(worker)
    upload = request("POST", "/act/sip", f"Content-Length: {3 * _LARGE}") + bytes(3 * _LARGE)
    with gateway.client() as client, client.sending(upload):
        assert origin.wait_for(lambda: bool(origin.begun()))
        time.sleep(0.5)  # long enough for all of it, were nobody to hold it back
        assert resident_octets(worker) - at_first < _FLAT
        origin.release.set()
        told = client.answer().json()
    assert told["size"] == 3 * _LARGE
    assert peak_resident_octets(worker) - at_first < _FLAT


def test_a_download_that_breaks_off_never_looks_whole(gateway: Gateway, origin: Origin) -> None:
    def break_off(connection: Connection, received: Received) -> bool:
        connection.content(received)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        time.sleep(0.05)  # so that the head has gone out
        return False

    origin.acts[b"break"] = break_off
    heads: list[Answer] = []
    with gateway.client() as client:
        client.send(request("GET", "/act/break"))
        with pytest.raises(TruncatedError):
            read_answer(client.wire, on_head=heads.append)
    assert [head.status for head in heads] == [200]


def test_many_streams_do_not_get_into_each_other_s_way(gateway: Gateway, origin: Origin) -> None:
    clients = [gateway.client() for _ in range(20)]
    try:
        for number, client in enumerate(clients):
            client.send(request("GET", f"/chunked/{100_000 + number}"))
        for number, client in enumerate(clients):
            assert hashlib.sha256(client.answer().body).hexdigest() == digest(100_000 + number)
    finally:
        for client in clients:
            client.close()


def test_streams_are_counted_while_they_last(gateway: Gateway, origin: Origin) -> None:
    with Client(gateway.address) as client:
        client.send(request("GET", "/events"))
        client.wire.line()
        wait_until(lambda: gateway.metric("slipstream_http_requests_in_flight") == 1, "the stream is in flight")
        origin.release.set()
    wait_until(lambda: gateway.metric("slipstream_http_requests_in_flight") == 0, "no request is in flight")
