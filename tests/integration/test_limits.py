"""Every limit holds, answers as it should, and is counted under the name it has in the settings."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, peak_resident_octets, resident_octets, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer, well_behaved
from tests.support.socket_errors import GONE
from tests.support.wire import TruncatedError

_LIMITS = {
    "target": 100,
    "field": 200,
    "head": 1000,
    "fields": 10,
    "chunk_overhead": 300,
    "body": 1000,
    "head_timeout": "400ms",
    "body_idle_timeout": "400ms",
    "keep_alive_timeout": "400ms",
    "write_timeout": "500ms",
    "pipelined": 4,
}


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(before(origin.url) | {"limits": _LIMITS}, tmp_path_factory.mktemp("limits")) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _clean(origin: Origin) -> None:
    origin.forget()
    origin.release.clear()


def _hits(gateway: Gateway, limit: str) -> float:
    return gateway.metric("slipstream_limits_hit_total", limit=limit)


def _meets(gateway: Gateway, sent: bytes, status: int, limit: str) -> None:
    """Send something beyond a limit: the answer is `status`, the connection ends, and the limit is counted once."""
    hits = _hits(gateway, limit)
    with gateway.client() as client, client.sending(sent):
        got = client.answer()
        assert (got.status, got.closes) == (status, True)
        assert client.closed()
    assert _hits(gateway, limit) == hits + 1


def _target(size: int) -> bytes:
    return request("GET", "/" + "a" * (size - 1))


def test_a_target_may_be_as_long_as_its_limit(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.send(_target(100))
        assert client.answer().status == 200
    _meets(gateway, _target(101), 414, "target")


def test_a_field_may_be_as_long_as_its_limit(gateway: Gateway) -> None:
    assert gateway.get("/", "X-A: " + "x" * 190).status == 200
    _meets(gateway, request("GET", "/", "X-A: " + "x" * 300), 431, "field")


def test_a_head_has_a_limit_of_its_own(gateway: Gateway) -> None:
    assert gateway.get("/", *(f"X-{number}: " + "x" * 150 for number in range(5))).status == 200
    _meets(gateway, request("GET", "/", *(f"X-{number}: " + "x" * 150 for number in range(8))), 431, "head")


def test_fields_may_be_as_many_as_their_limit(gateway: Gateway) -> None:
    assert gateway.get("/", *(f"X-{number}: a" for number in range(9))).status == 200  # and Host
    _meets(gateway, request("GET", "/", *(f"X-{number}: a" for number in range(10))), 431, "fields")


def test_content_may_be_as_long_as_its_limit(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/", body=bytes(1000)))
        assert client.answer().json()["size"] == 1000
    _meets(gateway, request("POST", "/", body=bytes(1001)), 413, "body")


def test_chunks_may_be_as_long_as_the_limit_in_all(gateway: Gateway) -> None:
    chunk = b"64\r\n" + bytes(100) + b"\r\n"
    with gateway.client() as client:
        client.send(request("POST", "/", "Transfer-Encoding: chunked") + chunk * 10 + b"0\r\n\r\n")
        assert client.answer().json()["size"] == 1000
    _meets(gateway, request("POST", "/", "Transfer-Encoding: chunked") + chunk * 11 + b"0\r\n\r\n", 413, "body")


def test_extensions_and_trailers_have_a_limit(gateway: Gateway) -> None:
    head = request("POST", "/", "Transfer-Encoding: chunked")
    with gateway.client() as client:
        client.send(head + b"3;" + b"x" * 200 + b"\r\nabc\r\n0\r\n\r\n")
        assert client.answer().status == 200
    _meets(gateway, head + b"3;" + b"x" * 400 + b"\r\nabc\r\n0\r\n\r\n", 400, "chunk_overhead")


def test_a_head_that_takes_too_long_is_408(gateway: Gateway) -> None:
    _meets(gateway, b"GET / HTTP/1.1\r\nHost:", 408, "head_timeout")


def test_dripping_octets_do_not_prolong_the_head(gateway: Gateway) -> None:
    with gateway.client() as client, contextlib.suppress(OSError):
        client.send(b"GET / HTTP/1.1\r\n")
        started = time.monotonic()
        while time.monotonic() < started + 10 and client.send(b"X-A: b\r\n"[:1]):
            time.sleep(0.05)
        assert time.monotonic() < started + 9, "dripping keeps the connection"


def test_content_that_stops_is_408(gateway: Gateway) -> None:
    _meets(gateway, request("POST", "/", "Content-Length: 10") + b"half", 408, "body_idle_timeout")


def test_slow_clients_do_not_hold_up_others(gateway: Gateway) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(gateway.client()).send(b"GET / HT")
        assert gateway.get("/").status == 200


def test_a_client_that_takes_nothing_is_cut(gateway: Gateway, origin: Origin) -> None:
    hits = _hits(gateway, "write_timeout")
    with gateway.client(receive_buffer=4096) as client:
        client.send(request("GET", "/endless"))
        assert origin.wait_for(lambda: bool(origin.requests))
        serving = origin.serving(b"/endless")[-1]
        assert origin.wait_for(serving.ended.is_set), "the origin is still held up"
    assert _hits(gateway, "write_timeout") == hits + 1


def test_pipelined_requests_wait_unread(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(b"".join(request("GET", "/hold") for _ in range(50)))
        assert origin.wait_for(lambda: bool(origin.requests))
        time.sleep(0.1)  # long enough for all of them, were nobody to hold them back
        assert len(origin.requests) <= 4
        origin.release.set()
        assert [client.answer().body for _ in range(50)] == [b"held"] * 50


def test_oversized_requests_cost_no_memory(gateway: Gateway) -> None:
    (worker,) = gateway.workers()
    at_first = resident_octets(worker)
    for _ in range(20):
        with gateway.client() as client, client.sending(b"GET /" + b"a" * (2 << 20)):
            assert client.answer().status == 414
        with gateway.client() as client, client.sending(request("GET", "/", "X-A: " + "x" * (2 << 20))):
            assert client.answer().status == 431
    assert peak_resident_octets(worker) - at_first < 8 << 20


@contextlib.contextmanager
def _limited(
    origin: Origin, directory: Path, limits: dict[str, object], prefix: tuple[str, ...] = ()
) -> Iterator[Gateway]:
    with running(before(origin.url) | {"limits": limits}, directory, prefix=prefix) as gateway:
        yield gateway


def _is_served(client: Client) -> bool:
    """Whether a request is answered within a moment."""
    client.sock.settimeout(0.3)
    try:
        return client.get("/").status == 200
    except TimeoutError:
        return False
    finally:
        client.sock.settimeout(10)


def test_connections_above_the_limit_wait_for_their_turn(origin: Origin, tmp_path: Path) -> None:
    with _limited(origin, tmp_path, {"connections": 3}) as gateway, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(gateway.client()) for _ in range(3)]
        assert all(client.get("/").status == 200 for client in clients)
        waiting = stack.enter_context(gateway.client())
        assert not _is_served(waiting)
        assert _hits(gateway, "connections") >= 1
        clients[0].close()
        assert waiting.answer().status == 200
        assert clients[1].get("/").status == 200


def test_an_address_may_not_take_all_connections(origin: Origin, tmp_path: Path) -> None:
    with _limited(origin, tmp_path, {"connections_per_address": 3}) as gateway, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(gateway.client(source="127.0.0.2")) for _ in range(3)]
        assert all(client.get("/").status == 200 for client in clients)
        assert not _gets_in(gateway, "127.0.0.2")
        assert gateway.get("/").status == 200, "another address pays for the first one"
        assert _hits(gateway, "connections_per_address") == 1
        clients[0].close()
        wait_until(lambda: _gets_in(gateway, "127.0.0.2"), "a place of the address is free again")


def _gets_in(gateway: Gateway, source: str) -> bool:
    """Whether an address is served, and not refused or dropped."""
    try:
        with gateway.client(source=source) as client:
            return client.get("/").status == 200
    except (*GONE, TruncatedError):
        return False


def test_running_out_of_descriptors_pauses_and_passes(origin: Origin, tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -n 64 && exec "$@"', "sh")
    with _limited(origin, tmp_path, {}, few) as gateway:
        (worker,) = gateway.workers()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(gateway.client()) for _ in range(100)]
            for client in clients:
                client.send(request("GET", "/"))
            wait_until(lambda: _hits(gateway, "file_descriptors") >= 1, "descriptors have run out")
            used = _cpu_seconds(worker)
            time.sleep(1)
            assert _cpu_seconds(worker) - used < 0.5, "the worker spins"
        wait_until(lambda: gateway.get("/").status == 200, "the gateway serves again")
        assert gateway.workers() == [worker]


def _cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def test_requests_beyond_the_pool_wait_only_so_many(origin: Origin, tmp_path: Path) -> None:
    def hold(connection: Connection, received: Received) -> bool:
        connection.content(received)
        origin.release.wait(10)
        return connection.send(answer(b"held"))

    origin.acts[b"hold"] = hold
    pool = {"connections": 1, "wait": "10s", "waiting": 1}
    with running(before(origin.url, pool=pool), tmp_path) as gateway, contextlib.ExitStack() as stack:
        busy, waiting, refused = (stack.enter_context(gateway.client()) for _ in range(3))
        busy.send(request("GET", "/act/hold"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        waiting.send(request("GET", "/waited"))
        wait_until(lambda: gateway.metric("slipstream_http_requests_in_flight") == 2, "one request waits")
        got: Answer = refused.get("/")
        assert got.status == 503
        assert got.one(b"retry-after") is not None
        origin.release.set()
        assert busy.answer().body == b"held"
        assert waiting.answer().json()["target"] == "/waited"
