"""Two real gateways with one Redis: purges, herds, and what happens when a worker or Redis is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin
from tests.support.redis import RedisServer, needs_redis, redis_server
from tests.support.wire import TruncatedError

pytestmark = needs_redis

MEMBERS = "slipstream:{purges}:members"


class Shop:
    """An origin that answers with its version, when its gate is open."""

    def __init__(self) -> None:
        self.version = 1
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, connection: Connection) -> None:
        while connection.request() is not None:
            content = b"%d" % self.version
            self.gate.wait(30)
            head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nCache-Tag: shop\r\nContent-Length: %d\r\n\r\n"
            connection.send(head % len(content) + content)


def settings(origin: Origin, server: RedisServer) -> dict[str, Any]:
    return before(origin.url) | {
        "plugins": [{"cache": {}}, {"coalesce": {}}],
        "workers": 2,
        "redis": {"url": server.url, "timeout": "1s"},
        "tiers": {"redis": "on"},
    }


class Stage:
    """Two gateways, their Redis and their origin."""

    def __init__(self, gateways: list[Gateway], server: RedisServer, origin: Origin, shop: Shop) -> None:
        self.gateways = gateways
        self.server = server
        self.origin = origin
        self.shop = shop

    def asked(self, target: str) -> int:
        """How often the origin was asked for a target."""
        return sum(each.target == target.encode() for each in list(self.origin.requests))


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    shop = Shop()
    with redis_server() as server, Origin(shop) as origin, ExitStack() as stack:
        found = [stack.enter_context(running(settings(origin, server), folder / name)) for name in ("a", "b")]
        wait_until(lambda: server.do("ZCARD", MEMBERS) == 4, "all workers are known")
        yield Stage(found, server, origin, shop)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For tests that leave everything as it was; each has a page of its own."""
    with staged(tmp_path_factory.mktemp("both")) as stage:
        yield stage


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stage]:
    """For tests that break something."""
    with staged(tmp_path) as stage:
        yield stage


def purge(gateway: Gateway, **what: object) -> tuple[int, Any]:
    """Status and document."""
    content = json.dumps(what).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(content)}", "Connection: close")
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request("POST", "/api/purge", *fields, host=f"127.0.0.1:{gateway.admin_port}") + content)
        answer = client.answer("POST")
        return answer.status, answer.json()


def versions(gateway: Gateway, target: str = "/page", count: int = 8) -> set[bytes]:
    """What it answers, on connections enough that each worker has some."""
    return {gateway.get(target).body for _ in range(count)}


def herd(gateways: list[Gateway], count: int, target: str = "/page") -> list[bytes]:
    """The contents that so many clients get at once, over all gateways."""
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(gateways[number % len(gateways)].get, target) for number in range(count)]
        return [each.result().body for each in asked]


def test_a_purge_on_one_counts_on_the_other_when_it_is_answered(both: Stage) -> None:
    here, there = both.gateways
    for _ in range(10):
        version = both.shop.version
        assert versions(here, "/purged") == versions(there, "/purged") == {b"%d" % version}
        both.shop.version += 1
        status, document = purge(here, tag="shop")
        assert status == 200
        assert (len(document["replicas"]["acknowledged"]), document["replicas"]["silent"]) == (1, [])


def test_a_herd_over_both_costs_the_origin_one_call(both: Stage) -> None:
    both.shop.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(herd, both.gateways, 60, "/herd")
        wait_until(lambda: both.asked("/herd") > 0, "the origin is asked")
        in_flight = "slipstream_http_requests_in_flight"
        wait_until(lambda: sum(each.metric(in_flight) for each in both.gateways) >= 60, "all wait")
        both.shop.gate.set()
        assert asked.result() == [b"%d" % both.shop.version] * 60
    assert both.asked("/herd") == 1


def test_what_was_purged_while_it_was_fetched_is_not_believed(both: Stage) -> None:
    here, there = both.gateways
    before, after = b"%d" % both.shop.version, b"%d" % (both.shop.version + 1)
    both.shop.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(herd, [here], 4, "/late")
        wait_until(lambda: both.asked("/late") == 1, "the origin is asked")
        both.shop.version += 1
        status, _ = purge(there, tag="shop")
        assert status == 200
        both.shop.gate.set()
        assert set(asked.result()) <= {before, after}  # those who waited for it ask anew
    assert versions(here, "/late") == versions(there, "/late") == {after}


def test_purges_that_cross_leave_nothing_behind(both: Stage) -> None:
    for each in both.gateways:
        versions(each, "/crossing")
    both.shop.version += 1
    with ThreadPoolExecutor(8) as pool:
        told = [pool.submit(purge, both.gateways[number % 2], tag="shop") for number in range(40)]
        assert {each.result()[0] for each in told} == {200}
    for each in both.gateways:
        assert versions(each, "/crossing") == {b"%d" % both.shop.version}


def test_a_gateway_that_was_away_reads_on(both: Stage) -> None:
    here, there = both.gateways
    for each in both.gateways:
        versions(each, "/away")
    stopped = there.workers()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        both.shop.version += 1
        status, document = purge(here, tag="shop")
        assert status == 207
        assert len(document["replicas"]["silent"]) == 1
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: versions(there, "/away") == {b"%d" % both.shop.version}, "it hears of it")


def test_redis_killed_while_others_wait_lets_them_go_on(fresh: Stage) -> None:
    fresh.shop.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(herd, fresh.gateways, 20)
        wait_until(lambda: fresh.asked("/page") > 0, "the origin is asked")
        fresh.server.kill()
        wait_until(lambda: fresh.asked("/page") >= 2, "those who waited ask themselves")
        fresh.shop.gate.set()
        assert asked.result() == [b"1"] * 20
    assert fresh.asked("/page") <= 4
    here, there = fresh.gateways
    fresh.shop.version = 2
    status, document = purge(here, url="http://shop.test/page")
    assert status == 207
    assert document["replicas"]["error"]
    fresh.server.start()
    wait_until(lambda: versions(there) == {b"2"}, "the other one hears of it when Redis is back")


def test_a_worker_killed_while_it_fetches_is_replaced_by_another(fresh: Stage) -> None:
    here, there = fresh.gateways
    fresh.shop.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        lost = pool.submit(_cut, here)
        wait_until(lambda: fresh.asked("/page") == 1, "the first one asks")
        asked = pool.submit(herd, [there], 4)
        for pid in here.workers():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: fresh.asked("/page") >= 2, "another one asks when the lease has run out")
        fresh.shop.gate.set()
        assert asked.result() == [b"1"] * 4
        assert lost.result()
    wait_until(here.is_ready, "it is whole again")


def _cut(gateway: Gateway) -> bool:
    """Whether a request was cut off."""
    try:
        gateway.get("/page")
    except (OSError, TruncatedError):
        return True
    return False
