"""However an origin breaks, its client is answered properly and the gateway goes on."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.answer import Answer, read_answer
from tests.support.client import request
from tests.support.gateway import Gateway, running
from tests.support.origin import Act, Connection, Origin, Received
from tests.support.ports import free_port
from tests.support.replies import answer, well_behaved
from tests.support.wire import TruncatedError

_TIMEOUTS = {"connect": "500ms", "first_byte": "500ms", "idle": "500ms", "total": "1s"}


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def deaf() -> Iterator[int]:
    """A port whose queue of connections is full, so that further ones hang."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.fixture(scope="module")
def gateway(origin: Origin, deaf: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstreams: dict[str, Any] = {
        "app": {"servers": [origin.url]},
        "refusing": {"servers": [f"http://127.0.0.1:{free_port()}"]},
        "deaf": {"servers": [f"http://127.0.0.1:{deaf}"]},
        "nameless": {"servers": ["http://no-such-name.invalid"]},
        "gone": {"servers": ["unix:/nonexistent/socket"]},
        "narrow": {"servers": [origin.url], "pool": {"connections": 1, "wait": "300ms"}, "timeouts": {}},
    }
    routes = [{"match": f"/{name}/*", "upstream": name} for name in upstreams if name != "app"]
    settings = {
        "upstreams": {name: {"timeouts": _TIMEOUTS} | upstream for name, upstream in upstreams.items()},
        "routes": [*routes, {"match": "/*", "upstream": "app"}],
    }
    with running(settings, tmp_path_factory.mktemp("faults")) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _clean(origin: Origin) -> None:
    origin.forget()
    origin.release.clear()


def _failed(gateway: Gateway, target: str, statuses: set[int], errors: set[str], method: str = "GET") -> Answer:
    """Ask, expect the gateway's own answer, and a good answer to the next request on the same connection."""
    with gateway.client() as client:
        client.send(request(method, target))
        got = client.answer(method)
        assert got.status in statuses, got
        proxy_status = (got.one(b"proxy-status") or b"").decode()
        assert any(f"error={error}" in proxy_status for error in errors), proxy_status
        assert got.body
        assert not got.closes
        assert client.get("/fine").json()["target"] == "/fine"
    return got


def test_a_refused_connection_is_502(gateway: Gateway) -> None:
    _failed(gateway, "/refusing/", {502}, {"connection_refused"})


def test_a_connection_that_does_not_come_about_is_504(gateway: Gateway) -> None:
    _failed(gateway, "/deaf/", {504}, {"connection_timeout"})


def test_a_name_that_is_gone_is_502(gateway: Gateway) -> None:
    _failed(gateway, "/nameless/", {502, 504}, {"dns_error", "dns_timeout", "connection_timeout"})


def test_a_unix_socket_that_is_gone_is_502(gateway: Gateway) -> None:
    _failed(gateway, "/gone/", {502}, {"connection_refused", "destination_unavailable"})


def _then(*steps: bytes | float | str) -> Act:
    """Read the request, then send octets, wait for seconds, `reset`, `close` or fall `silent`."""

    def act(connection: Connection, received: Received) -> bool:
        connection.content(received)
        for step in steps:
            match step:
                case bytes():
                    connection.send(step)
                case float():
                    time.sleep(step)
                case "reset":
                    connection.reset()
                    return False
                case "silent":
                    connection.left()
                    return False
                case _:
                    return False
        return True

    return act


def _trickle(data: bytes, pause: float) -> Act:
    def act(connection: Connection, received: Received) -> bool:
        connection.content(received)
        for octet in data:
            if not connection.send(bytes([octet])):
                return False
            time.sleep(pause)
        return True

    return act


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_ENDED = {"connection_terminated", "http_response_incomplete"}
_BAD = {"http_protocol_error", "http_response_incomplete"}
_LATE = {"http_response_timeout", "connection_read_timeout"}


@pytest.mark.parametrize(
    ("act", "status", "errors"),
    [
        pytest.param(_then("reset"), 502, _ENDED, id="reset-before-the-answer"),
        pytest.param(_then("close"), 502, _ENDED, id="closed-before-the-answer"),
        pytest.param(_then(b"HTTP/1.1 200 OK\r\nX-", 0.02, "reset"), 502, _ENDED | _BAD, id="reset-in-the-head"),
        pytest.param(_then("silent"), 504, _LATE, id="silent"),
        pytest.param(_trickle(b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 200, 0.02), 504, _LATE, id="trickling-head"),
        pytest.param(_then(b"\x00\x01\x02\x03garbage\r\n\r\n"), 502, _BAD, id="garbage"),
        pytest.param(_then(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), 502, _BAD, id="bad-length"),
        pytest.param(
            _then(b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 200_000 + b"\r\n\r\n"),
            502,
            _BAD | {"http_response_header_section_size", "http_response_header_size"},
            id="oversized-head",
        ),
    ],
)
def test_a_fault_before_the_answer_is_told(
    gateway: Gateway, origin: Origin, act: Act, status: int, errors: set[str]
) -> None:
    origin.acts[b"fault"] = act
    _failed(gateway, "/act/fault", {status}, errors, "POST")
    assert len([received for received in origin.requests if received.target == b"/act/fault"]) == 1


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(_then(_HEAD + b"half", 0.05, "reset"), id="reset"),
        pytest.param(_then(_HEAD + b"half", 0.05, "close"), id="closed"),
        pytest.param(_then(_HEAD + b"half", "silent"), id="silent"),
        pytest.param(_then(_CHUNKED + b"5\r\nfirst\r\n", 0.05, b"nonsense\r\n", "silent"), id="bad-chunk"),
        pytest.param(_then(_CHUNKED + b"5\r\nfirst\r\n", 0.05, "close"), id="no-last-chunk"),
        pytest.param(_then(_CHUNKED + b"5\r\nfirst\r\n", "silent"), id="silent-between-chunks"),
    ],
)
def test_a_fault_in_the_content_breaks_the_answer_off(gateway: Gateway, origin: Origin, act: Act) -> None:
    origin.acts[b"fault"] = act
    heads: list[Answer] = []
    with gateway.client() as client:
        client.send(request("GET", "/act/fault"))
        with pytest.raises(TruncatedError):
            read_answer(client.wire, on_head=heads.append)
    assert [head.status for head in heads] == [200]
    assert gateway.get("/fine").json()["target"] == "/fine"


def test_content_that_trickles_but_moves_passes(gateway: Gateway, origin: Origin) -> None:
    def act(connection: Connection, received: Received) -> bool:
        connection.content(received)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        return _pieces(connection, b"0123456789", 0.15)  # longer in all than any of the time-outs

    origin.acts[b"trickle"] = act
    assert gateway.get("/act/trickle").body == b"0123456789"


def _pieces(connection: Connection, data: bytes, pause: float) -> bool:
    for octet in data:
        time.sleep(pause)
        connection.send(bytes([octet]))
    return True


def test_a_longer_answer_than_announced_is_cut_and_not_mixed_up(gateway: Gateway, origin: Origin) -> None:
    origin.acts[b"long"] = _then(answer(b"abc") + answer(b"smuggled"))
    for _ in range(5):
        with gateway.client() as client:
            assert client.get("/act/long").body == b"abc"
            assert client.get("/fine").json()["target"] == "/fine"


def test_no_free_connection_in_time_is_503_with_retry_after(gateway: Gateway, origin: Origin) -> None:
    def hold(connection: Connection, received: Received) -> bool:
        connection.content(received)
        origin.release.wait(10)
        return connection.send(answer(b"held"))

    origin.acts[b"hold"] = hold
    with gateway.client() as holding, gateway.client() as waiting:
        holding.send(request("GET", "/narrow/act/hold"))
        assert origin.wait_for(lambda: bool(origin.requests))
        refused = waiting.get("/narrow/more")
        origin.release.set()
        assert holding.answer().body == b"held"
        assert waiting.get("/narrow/more").status == 200
    assert refused.status == 503
    assert int(refused.one(b"retry-after") or b"0") >= 1
    assert b"error=" in (refused.one(b"proxy-status") or b"")


def test_kept_connections_that_close_at_random_cost_no_idempotent_request(gateway: Gateway, origin: Origin) -> None:
    chance = random.Random(7)
    lock = threading.Lock()
    asked: dict[bytes, int] = {}

    def fickle(connection: Connection, received: Received) -> bool:
        connection.content(received)
        with lock:
            number = received.one(b"x-number") or b""
            asked[number] = asked.get(number, 0) + 1
            leaves_before, leaves_after = chance.random() < 0.1, chance.random() < 0.3
        if leaves_before and len(connection.requests) > 1:
            return False
        return connection.send(answer(b"fine")) and not leaves_after

    origin.acts[b"fickle"] = fickle

    def ask(method: str) -> Callable[[int], int]:
        def once(number: int) -> int:
            with gateway.client() as client:
                client.send(request(method, "/act/fickle", f"X-Number: {method}{number}", "Content-Length: 0"))
                return client.answer().status

        return once

    with ThreadPoolExecutor(8) as pool:
        gets = list(pool.map(ask("GET"), range(300)))
        posts = list(pool.map(ask("POST"), range(300)))
    assert set(gets) == {200}
    assert set(posts) <= {200, 502}
    assert max(count for number, count in asked.items() if number.startswith(b"POST")) == 1
