"""Two real gateways with one Redis: purges, herds, and what happens when a worker or Redis is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin
from tests.support.redis import RedisServer, needs_redis, redis_server

pytestmark = needs_redis

MEMBERS = "slipstream:{purges}:members"


class Shop:
    """An origin that answers with its version, when its gate is open."""

    def __init__(self) -> None:
        self.version = 1
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, connection: Connection) -> None:
        while (asked := connection.request()) is not None:
            content = b"%d" % self.version
            self.gate.wait(30)
            head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nCache-Tag: shop\r\nContent-Length: %d\r\n\r\n"
            connection.send(head % len(content) + content)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def origin(shop: Shop) -> Iterator[Origin]:
    with Origin(shop) as origin:
        yield origin


def settings(origin: Origin, server: RedisServer) -> dict[str, Any]:
    return before(origin.url) | {
        "plugins": [{"cache": {}}, {"coalesce": {}}],
        "workers": 2,
        "redis": {"url": server.url, "timeout": "1s"},
        "tiers": {"redis": "on"},
    }


@pytest.fixture
def gateways(origin: Origin, server: RedisServer, tmp_path: Path) -> Iterator[list[Gateway]]:
    with ExitStack() as stack:
        found = [stack.enter_context(running(settings(origin, server), tmp_path / name)) for name in ("a", "b")]
        wait_until(lambda: server.do("ZCARD", MEMBERS) == 4, "all workers are known")
        yield found


def purge(gateway: Gateway, **what: object) -> tuple[int, Any]:
    """Status and document."""
    content = json.dumps(what).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(content)}", "Connection: close")
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request("POST", "/api/purge", *fields, host=f"127.0.0.1:{gateway.admin_port}") + content)
        answer = client.answer("POST")
        return answer.status, answer.json()


def versions(gateway: Gateway, count: int = 8) -> set[bytes]:
    """What it answers, on connections enough that each worker has some."""
    return {gateway.get("/page").body for _ in range(count)}


def herd(gateways: list[Gateway], count: int, target: str = "/page") -> list[bytes]:
    """The contents that so many clients get at once, over all gateways."""
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(gateways[number % len(gateways)].get, target) for number in range(count)]
        return [each.result().body for each in asked]


def test_a_purge_on_one_counts_on_the_other_when_it_is_answered(gateways: list[Gateway], shop: Shop) -> None:
    here, there = gateways
    for each in gateways:
        assert versions(each) == {b"1"}
    for version in range(2, 12):
        shop.version = version
        status, document = purge(here, tag="shop")
        assert status == 200
        assert (len(document["replicas"]["acknowledged"]), document["replicas"]["silent"]) == (1, [])
        assert versions(there) == {b"%d" % version}
        assert versions(here) == {b"%d" % version}


def test_a_herd_over_both_costs_the_origin_one_call(gateways: list[Gateway], shop: Shop, origin: Origin) -> None:
    shop.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(herd, gateways, 60)
        wait_until(lambda: len(origin.requests) > 0, "the origin is asked")
        wait_until(
            lambda: sum(each.metric("slipstream_http_requests_in_flight") for each in gateways) >= 60, "all wait"
        )
        shop.gate.set()
        assert asked.result() == [b"1"] * 60
    assert len(origin.requests) == 1


def test_redis_killed_while_others_wait_lets_them_go_on(
    gateways: list[Gateway], shop: Shop, origin: Origin, server: RedisServer
) -> None:
    shop.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(herd, gateways, 20)
        wait_until(lambda: len(origin.requests) > 0, "the origin is asked")
        server.kill()
        wait_until(lambda: len(origin.requests) >= 2, "those who waited ask themselves")
        shop.gate.set()
        assert asked.result() == [b"1"] * 20
    assert len(origin.requests) <= 4


def test_a_worker_killed_while_it_fetches_is_replaced_by_another(
    gateways: list[Gateway], shop: Shop, origin: Origin
) -> None:
    here, there = gateways
    shop.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        lost = pool.submit(_cut, here)
        wait_until(lambda: len(origin.requests) == 1, "the first one asks")
        asked = pool.submit(herd, [there], 4)
        for pid in here.workers():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(origin.requests) >= 2, "another one asks when the lease has run out")
        shop.gate.set()
        assert asked.result() == [b"1"] * 4
        assert lost.result()
    here.process.send_signal(signal.SIGCONT)
    wait_until(here.is_ready, "it is whole again")


def _cut(gateway: Gateway) -> bool:
    """Whether a request was cut off."""
    try:
        gateway.get("/page")
    except (OSError, AssertionError, EOFError):
        return True
    except Exception as error:  # what the client of the tests makes of a connection that ends
        return "Truncated" in type(error).__name__
    return False


def test_what_was_purged_while_it_was_fetched_is_not_believed(
    gateways: list[Gateway], shop: Shop, origin: Origin
) -> None:
    here, there = gateways
    shop.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(herd, [here], 4)
        wait_until(lambda: len(origin.requests) == 1, "the origin is asked")
        shop.version = 2
        status, _ = purge(there, tag="shop")
        assert status == 200
        shop.gate.set()
        assert set(asked.result()) <= {b"1", b"2"}  # those who waited for it ask anew
    for each in gateways:
        assert versions(each) == {b"2"}


def test_purges_that_cross_leave_nothing_behind(gateways: list[Gateway], shop: Shop) -> None:
    for each in gateways:
        versions(each)
    shop.version = 2
    with ThreadPoolExecutor(8) as pool:
        told = [pool.submit(purge, gateways[number % 2], tag="shop") for number in range(40)]
        assert {each.result()[0] for each in told} == {200}
    for each in gateways:
        assert versions(each) == {b"2"}


def test_a_gateway_that_was_away_reads_on(
    gateways: list[Gateway], shop: Shop, origin: Origin, server: RedisServer
) -> None:
    here, there = gateways
    for each in gateways:
        versions(each)
    stopped = there.workers()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        shop.version = 2
        status, document = purge(here, tag="shop")
        assert status == 207
        assert len(document["replicas"]["silent"]) == 1
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    until = time.monotonic() + 10
    while versions(there) != {b"2"}:
        assert time.monotonic() < until, "it never hears of it"


def test_a_purge_without_redis_says_so_and_comes_later(
    gateways: list[Gateway], shop: Shop, server: RedisServer
) -> None:
    here, there = gateways
    for each in gateways:
        versions(each)
    server.kill()
    shop.version = 2
    status, document = purge(here, url="http://shop.test/page")
    assert status == 207
    assert document["replicas"]["error"]
    server.start()
    wait_until(lambda: versions(there) == {b"2"}, "the other one hears of it")
