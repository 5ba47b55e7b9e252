"""The cache of a real gateway: what clients and the origin see of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.client import request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin
from tests.support.shop import Shop
from tests.support.wire import WireError

_numbers = count()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def gateway(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(shop.url) | {
        "plugins": [{"cache": {"default_freshness": "off"}}],
        "routes": [
            {"match": "/silent/kept/*", "name": "kept", "plugins": {"cache": {"default_freshness": "10m"}}},
            {"match": "/fresh/bare/*", "name": "bare", "plugins": {"cache": "off"}},
            {"match": "/fresh/sorted/*", "name": "sorted", "plugins": {"cache": {"key": {"query": "sort"}}}},
            {"match": "/fresh/counted/*", "name": "counted"},
            {"match": "/*", "name": "rest"},
        ],
    }
    with running(settings, tmp_path_factory.mktemp("cache")) as gateway:
        yield gateway


@pytest.fixture
def place() -> str:
    """A path that no other test uses."""
    return str(next(_numbers))


def test_the_second_answer_comes_without_the_origin(gateway: Gateway, shop: Shop, place: str) -> None:
    target = f"/fresh/{place}"
    first, second = gateway.get(target), gateway.get(target)
    assert first.body == second.body
    assert (first.one(b"age"), second.one(b"age")) in [(None, b"0"), (None, b"1"), (None, b"2")]
    assert first.one(b"date") == second.one(b"date")
    assert first.one(b"cache-status") == b"slipstream; fwd=uri-miss; fwd-status=200; stored; detail=uri_miss"
    assert (second.one(b"cache-status") or b"").startswith(b"slipstream; hit; ttl=59")
    assert shop.asked_for(target) == 1


@pytest.mark.parametrize("kind", ["private", "silent", "cookie"])
def test_what_may_not_be_shared_is_asked_for_each_time(gateway: Gateway, shop: Shop, place: str, kind: str) -> None:
    target = f"/{kind}/{place}"
    for _ in range(3):
        assert gateway.get(target).status == 200
    assert shop.asked_for(target) == 3


def test_head_and_conditions_and_parts_are_answered_from_what_is_stored(
    gateway: Gateway, shop: Shop, place: str
) -> None:
    target = f"/tagged/{place}"
    whole = gateway.get(target)
    with gateway.client() as client:
        client.send(request("HEAD", target))
        head = client.answer("HEAD")
        assert (head.status, head.body, head.one(b"content-length")) == (200, b"", b"%d" % len(whole.body))
        not_modified = client.get(target, 'If-None-Match: W/"one"')
        assert (not_modified.status, not_modified.one(b"etag")) == (304, b'"one"')
        assert not_modified.one(b"content-length") in (None, b"%d" % len(whole.body))
        part = client.get(target, "Range: bytes=2-3")
        assert (part.status, part.body) == (206, whole.body[2:4])
        assert part.one(b"content-range") == b"bytes 2-3/%d" % len(whole.body)
        assert client.get(target, "Range: bytes=999-").status == 416
        assert client.get(target, 'If-Match: "two"').status == 412
        assert client.get(target).body == whole.body
    assert shop.asked_for(target) == 1


def test_only_if_cached_is_504_and_says_so(gateway: Gateway, shop: Shop, place: str) -> None:
    got = gateway.get(f"/fresh/{place}", "Cache-Control: only-if-cached")
    assert (got.status, got.one(b"cache-status")) == (504, b"slipstream; detail=only_if_cached")
    assert shop.asked_for(f"/fresh/{place}") == 0


def test_a_change_through_the_gateway_ends_what_is_stored(gateway: Gateway, shop: Shop, place: str) -> None:
    target = f"/fresh/{place}"
    with gateway.client() as client:
        for changes in range(1, 4):
            for _ in range(3):
                client.get(target)
            client.send(request("PUT", target, body=b"new"))
            assert client.answer("PUT").status == 204
            assert shop.asked_for(target) == 2 * changes


def test_routes_have_settings_of_their_own(gateway: Gateway, shop: Shop, place: str) -> None:
    asked = {}
    for target in (f"/silent/kept/{place}", f"/silent/{place}", f"/fresh/bare/{place}", f"/fresh/{place}"):
        for _ in range(3):
            gateway.get(target)
        asked[target.replace(place, "")] = shop.asked_for(target)
    assert asked == {"/silent/kept/": 1, "/silent/": 3, "/fresh/bare/": 3, "/fresh/": 1}
    assert gateway.get(f"/fresh/bare/{place}").one(b"cache-status") is None


def test_a_route_that_sorts_asks_the_origin_in_that_order(gateway: Gateway, shop: Shop, place: str) -> None:
    for query in ("b=1&a=2", "a=2&b=1"):
        assert gateway.get(f"/fresh/sorted/{place}?{query}").body.startswith(
            b"1 /fresh/sorted/%b?a=2&b=1" % place.encode()
        )
    assert shop.asked_for(f"/fresh/sorted/{place}?a=2&b=1") == 1


def test_outcomes_are_counted_by_route_replays_included(gateway: Gateway) -> None:
    def counted(outcome: str) -> float:
        return gateway.metric("slipstream_cache_requests_total", route="counted", outcome=outcome)

    with gateway.client() as client:
        for _ in range(5):
            client.get("/fresh/counted/x")
    wait_until(lambda: (counted("fresh"), counted("uri_miss")) == (4, 1), "they are counted")
    assert gateway.metric("slipstream_cache_bytes") > 0


def test_a_stale_answer_comes_at_once_and_is_refreshed_behind(gateway: Gateway, shop: Shop, place: str) -> None:
    target = f"/swr/{place}"
    gateway.get(target)
    seen = set()

    def is_refreshed() -> bool:
        status = gateway.get(target).one(b"cache-status") or b""
        seen.add(status.rpartition(b"detail=")[2] if b"detail=" in status else b"fresh")
        return shop.asked_for(target) > 1

    wait_until(is_refreshed, "it is refreshed")
    assert b"stale_while_revalidate" in seen
    assert seen <= {
        b"fresh",
        b"stale_while_revalidate",
    }  # on a slow machine it may be stale before it is asked for again


def test_an_origin_that_dies_is_answered_for_and_the_answers_are_marked(tmp_path: Path) -> None:
    with Shop() as shop, running(before(shop.url) | {"plugins": [{"cache": {}}]}, tmp_path) as gateway:
        body = gateway.get("/brief/x").body
        shop.stop_listening()
        shop.drop_connections()

        def stale() -> bool:
            got = gateway.get("/brief/x")
            assert (got.status, got.body) == (200, body)
            return (got.one(b"cache-status") or b"").endswith(b"detail=disconnected")

        wait_until(stale, "the stale response stands in")
        assert int(gateway.get("/brief/x").one(b"age") or b"0") >= 1
        assert gateway.get("/brief/other").status == 502
        with Shop(port=shop.port) as revived:
            revived.version = 2
            wait_until(lambda: gateway.get("/brief/x").body.startswith(b"2 "), "the origin answers again")


MEBIBYTE = b"x" * 2**20


def large(connection: Connection) -> None:
    """Four mebibytes, the last one when the test allows it; `/broken` ends after three."""
    while (asked := connection.request()) is not None:
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % (4 * 2**20))
        for _ in range(3):
            connection.send(MEBIBYTE)
        if asked.target == b"/broken":
            return
        connection.origin.release.wait(30)
        connection.send(MEBIBYTE)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[tuple[Gateway, Origin]]:
    with Origin(large) as origin, running(before(origin.url) | {"plugins": [{"cache": {}}]}, tmp_path) as gateway:
        yield gateway, origin


def test_a_client_that_leaves_does_not_stop_the_store_from_getting_the_whole(depot: tuple[Gateway, Origin]) -> None:
    gateway, origin = depot
    with gateway.client() as client:
        client.send(request("GET", "/whole"))
        assert client.sock.recv(10_000)
        client.reset()
    wait_until(lambda: gateway.metric("slipstream_http_requests_in_flight") == 0, "the gateway has noticed")
    origin.release.set()
    wait_until(lambda: gateway.metric("slipstream_cache_entries") == 1, "the whole is stored")
    assert len(gateway.get("/whole").body) == 4 * 2**20
    assert len(origin.requests) == 1


def test_a_slow_client_does_not_hold_up_the_store(depot: tuple[Gateway, Origin]) -> None:
    gateway, origin = depot
    origin.release.set()
    with gateway.client(receive_buffer=4096) as slow:
        slow.send(request("GET", "/whole"))
        wait_until(lambda: gateway.metric("slipstream_cache_entries") == 1, "the whole is stored")
        assert len(gateway.get("/whole").body) == 4 * 2**20
        assert len(slow.answer().body) == 4 * 2**20
    assert len(origin.requests) == 1


def test_what_breaks_off_is_broken_for_the_client_and_not_stored(depot: tuple[Gateway, Origin]) -> None:
    gateway, origin = depot
    for _ in range(2):
        with gateway.client() as client:
            client.send(request("GET", "/broken"))
            with pytest.raises((WireError, ConnectionError)):
                client.answer()
    assert len(origin.requests) == 2
    assert gateway.metric("slipstream_cache_entries") == 0
    assert gateway.metric("slipstream_cache_not_stored_total", reason="incomplete") == 2


def test_many_clients_of_one_stored_response_all_get_the_whole(gateway: Gateway, shop: Shop, place: str) -> None:
    target = f"/large/{place}"
    gateway.get(target)
    sizes: list[int] = []

    def ask() -> None:
        with gateway.client() as client:
            sizes.extend(len(client.get(target).body) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sizes == [100_000] * 160
    assert shop.asked_for(target) == 1


def test_a_reload_keeps_what_is_stored(shop: Shop, tmp_path: Path) -> None:
    with running(before(shop.url) | {"plugins": [{"cache": {}}]}, tmp_path) as gateway:
        gateway.get("/fresh/reload")
        gateway.write(gateway.settings | {"plugins": [{"cache": {"memory": "8MiB", "default_freshness": "1m"}}]})
        with gateway.client() as client:
            client.get("/fresh/reload")
            assert _reloaded(gateway) == "applied"
            assert b"hit" in (client.get("/fresh/reload").one(b"cache-status") or b"")
    assert shop.asked_for("/fresh/reload") == 1


def _reloaded(gateway: Gateway) -> str:
    got = gateway.admin("POST", "/api/reload", "Content-Length: 0")
    return str(got.json()["result"])
