"""Connections on both sides are kept as long as they are good for anything, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.client import request
from tests.support.gateway import Gateway, running, wait_until
from tests.support.origin import Act, Connection, Origin, Received
from tests.support.ports import free_port
from tests.support.replies import answer, described, well_behaved


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def second_origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, second_origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    both = [origin.url, second_origin.url]
    upstreams: dict[str, Any] = {
        "app": {"servers": [origin.url]},
        "stubborn": {"servers": [origin.url], "retry": False},
        "brief": {"servers": [origin.url], "pool": {"idle": "300ms"}},
        "turns": {"servers": both, "balance": "round_robin"},
        "few": {"servers": both, "balance": "least_pending"},
        "half-dead": {"servers": [origin.url, f"http://127.0.0.1:{free_port()}"], "balance": "round_robin"},
    }
    routes = [{"match": f"/{name}/*", "upstream": name} for name in upstreams if name != "app"]
    settings = {
        "upstreams": upstreams,
        "routes": [*routes, {"match": "/*", "upstream": "app"}],
        "limits": {"requests_per_connection": 5, "keep_alive_timeout": "500ms"},
    }
    with running(settings, tmp_path_factory.mktemp("keep-alive")) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _clean(origin: Origin, second_origin: Origin) -> None:
    for each in (origin, second_origin):
        each.forget()
        each.release.clear()


def test_requests_of_many_clients_share_one_connection_to_the_origin(gateway: Gateway) -> None:
    assert len({gateway.get("/").json()["connection"] for _ in range(20)}) == 1


def test_requests_at_once_have_connections_of_their_own(gateway: Gateway, origin: Origin) -> None:
    met = threading.Barrier(4, timeout=10)

    def meet(connection: Connection, received: Received) -> bool:
        connection.content(received)
        met.wait()  # passes only when all four are being served at once
        return connection.send(answer(described(received)))

    origin.acts[b"meet"] = meet
    with ThreadPoolExecutor(4) as pool:
        numbers = set(pool.map(lambda _: gateway.get("/act/meet").json()["connection"], range(4)))
    assert len(numbers) == 4


def test_the_last_request_a_connection_may_carry_says_so(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert [client.get("/").closes for _ in range(5)] == [False, False, False, False, True]
        assert client.closed()


def test_what_is_pipelined_beyond_the_last_request_is_not_served(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(b"".join(request("GET", f"/{number}") for number in range(8)))
        assert [client.answer().closes for _ in range(5)] == [False, False, False, False, True]
        assert client.closed()
    gateway.get("/after")
    assert [received.target for received in origin.requests] == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/after"]


@pytest.mark.parametrize("asked_before", [False, True])
def test_an_idle_connection_is_closed_without_a_word(gateway: Gateway, asked_before: bool) -> None:
    with gateway.client() as client:
        if asked_before:
            client.get("/")
        assert client.closed()


def test_an_idle_connection_to_the_origin_is_given_up(gateway: Gateway, origin: Origin) -> None:
    number = gateway.get("/brief/").json()["connection"]
    assert origin.wait_for(
        lambda: number not in [each.number for each in origin.connections if not each.ended.is_set()]
    )
    assert gateway.get("/brief/").json()["connection"] != number


def _dies_on_the_second_request(connection: Connection, received: Received) -> bool:
    """Answer the first request of a connection, and end it when the second one has come."""
    connection.content(received)
    return len(connection.requests) == 1 and connection.send(answer(described(received)))


def _always_dies(connection: Connection, received: Received) -> bool:
    connection.content(received)
    return False


def _fresh(gateway: Gateway, origin: Origin, act: Act) -> None:
    """Leave the pool without connections, so that counting begins at the first request of the next one."""
    origin.drop_connections()
    assert origin.wait_for(lambda: all(each.ended.is_set() for each in origin.connections))
    origin.acts[b"die"] = act
    origin.forget()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_a_kept_connection_that_turns_out_dead_is_tried_again(gateway: Gateway, origin: Origin, method: str) -> None:
    _fresh(gateway, origin, _dies_on_the_second_request)
    assert gateway.get("/act/die").status == 200
    with gateway.client() as client:
        client.send(request(method, "/act/die"))
        assert client.answer(method).status == 200
    assert [received.method for received in origin.requests] == ["GET", method, method]
    assert len({received.connection for received in origin.requests}) == 2


def test_a_post_on_a_dead_connection_is_never_tried_again(gateway: Gateway, origin: Origin) -> None:
    _fresh(gateway, origin, _dies_on_the_second_request)
    assert gateway.get("/act/die").status == 200
    with gateway.client() as client:
        client.send(request("POST", "/act/die", body=b"once"))
        got = client.answer()
    assert got.status == 502
    assert b"error=connection_terminated" in (got.one(b"proxy-status") or b"")
    assert [received.method for received in origin.requests] == ["GET", "POST"]


def test_a_second_failure_is_told_and_not_tried_again(gateway: Gateway, origin: Origin) -> None:
    _fresh(gateway, origin, _always_dies)
    assert gateway.get("/").status == 200
    assert gateway.get("/act/die").status == 502
    assert [received.target for received in origin.requests] == [b"/", b"/act/die", b"/act/die"]


def test_a_new_connection_that_dies_is_not_tried_again(gateway: Gateway, origin: Origin) -> None:
    _fresh(gateway, origin, _always_dies)
    assert gateway.get("/act/die").status == 502
    assert [received.target for received in origin.requests] == [b"/act/die"]


def test_a_retry_can_be_switched_off(gateway: Gateway, origin: Origin) -> None:
    _fresh(gateway, origin, _dies_on_the_second_request)
    assert gateway.get("/stubborn/act/die").status == 200
    assert gateway.get("/stubborn/act/die").status == 502
    assert len(origin.requests) == 2


def test_a_retry_is_counted(gateway: Gateway, origin: Origin) -> None:
    before_it = gateway.metric("slipstream_upstream_retries_total")
    _fresh(gateway, origin, _dies_on_the_second_request)
    gateway.get("/act/die")
    gateway.get("/act/die")
    assert gateway.metric("slipstream_upstream_retries_total") == before_it + 1


def test_a_connection_the_origin_ended_while_idle_is_not_used(gateway: Gateway, origin: Origin) -> None:
    for number in range(20):
        with gateway.client() as client:
            client.send(request("POST", "/drop", body=b"x"))
            assert client.answer().body == b"and gone"
        assert origin.wait_for(lambda: all(each.ended.is_set() for each in origin.connections))
        wait_until(lambda: _idle(gateway) == 0, f"connection {number} is given up")
    assert len(origin.requests) == 20


def _idle(gateway: Gateway) -> float:
    return gateway.metric("slipstream_upstream_connections", upstream="app", state="idle")


def test_turns_are_taken(gateway: Gateway, origin: Origin, second_origin: Origin) -> None:
    for _ in range(10):
        assert gateway.get("/turns/").status == 200
    assert (len(origin.requests), len(second_origin.requests)) == (5, 5)


def _held(connection: Connection, received: Received) -> bool:
    connection.content(received)
    connection.origin.release.wait(10)
    return connection.send(answer(b"held"))


def test_a_busy_server_gets_nothing_while_another_is_free(
    gateway: Gateway, origin: Origin, second_origin: Origin
) -> None:
    for each in (origin, second_origin):
        each.acts[b"hold"] = _held
    with gateway.client() as client:
        client.send(request("GET", "/few/act/hold"))
        wait_until(lambda: bool(origin.requests or second_origin.requests), "one server is busy")
        busy, free = (origin, second_origin) if origin.requests else (second_origin, origin)
        for _ in range(6):
            assert gateway.get("/few/").status == 200
        assert (len(busy.requests), len(free.requests)) == (1, 6)
        busy.release.set()
        assert client.answer().body == b"held"


def test_a_server_that_refuses_does_not_spoil_the_other(gateway: Gateway) -> None:
    """Nothing was sent to it, so asking the other one is safe; telling the client is right as well."""
    statuses = [gateway.get("/half-dead/").status for _ in range(10)]
    assert set(statuses) <= {200, 502}
    assert statuses.count(200) >= 5


def test_a_client_of_the_old_version_may_ask_to_stay(gateway: Gateway) -> None:
    with gateway.client() as client:
        for _ in range(2):
            client.send(b"GET / HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n")
            got = client.answer(minor=0)
            assert got.one(b"connection") == b"keep-alive"
