"""The replay lane gives the answers that the chain would give, and ends with what they came from."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.load import Load
from tests.support.origin import Connection, Origin
from tests.support.shop import Shop

CACHE: Settings = {"plugins": [{"cache": {}}]}
OFF: Settings = {"replay": {"memory": "off"}}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def gateway(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(before(shop.url) | CACHE, tmp_path_factory.mktemp("replay")) as gateway:
        yield gateway


def replays(gateway: Gateway) -> float:
    return gateway.metric("slipstream_replays_total")


# --- the twin ---------------------------------------------------------------------------------------

_CHANGING = re.compile(rb"(?im)^(?:(?:age|date): [^\r]*\r\n)|ttl=-?\d+")


def without_time(answer: Answer) -> tuple[bytes, bytes]:
    """Head and content but for what the passing of time changes."""
    return _CHANGING.sub(b"", answer.raw_head), answer.body


TARGETS = [f"/{kind}/{page}" for kind in ("fresh", "tagged", "varies", "moved", "empty", "large") for page in "ab"]
TARGETS += ["/private/a", "/silent/a", "/cookie/a", "/by-id/a", "/fresh/a?q=1", "/fresh/%61"]
FIELDS = [
    "Accept: */*",
    "accept:text/html",
    "Accept-Language: de",
    "Accept-Language: en;q=0.5, de",
    "Accept-Language: de, EN;q=0.5",
    'If-None-Match: "one"',
    'If-None-Match: W/"one", "two"',
    'If-None-Match: "two"',
    "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
    'If-Match: "two"',
    "Range: bytes=0-1",
    "Range: bytes=-2",
    "Cache-Control: no-cache",
    "Cache-Control: max-age=3600",
    "Cache-Control: no-store",
    "Pragma: no-cache",
    "Cookie: session=1",
    "Authorization: Basic eDp5",
    "X-Request-Id: 1",
    "X-Request-Id: 2",
    "x-request-id: 2",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "User-Agent: test",
    "Forwarded: host=evil.test",
    "X-Forwarded-Host: evil.test",
]


def traffic(seed: int, length: int) -> list[tuple[str, bytes]]:
    """Methods and requests: many that repeat, each head one that could be mistaken for another."""
    draw = random.Random(seed)
    heads = []
    for _ in range(60):
        method = draw.choice(["GET"] * 12 + ["HEAD", "PUT"])
        fields = draw.sample(FIELDS, draw.choice([0, 0, 1, 1, 2, 3]))
        host = draw.choice(["shop.test", "shop.test", "SHOP.test:80", "other.test"])
        body = b"new" if method == "PUT" else None
        heads.append((method, request(method, draw.choice(TARGETS), *fields, host=host, body=body)))
    return [draw.choice(heads) for _ in range(length)]


def outcomes(gateway: Gateway) -> dict[str, float]:
    """What the cache says that became of requests."""
    names = ("fresh", "uri_miss", "vary_miss", "request_no_cache", "revalidated", "method", "uncacheable")
    return {name: gateway.metric("slipstream_cache_requests_total", outcome=name) for name in names}


def asked(shop: Shop) -> list[object]:
    """What the origin was asked, but for the gateway's own port in Host."""
    return [
        (each.method, each.target, [field for field in each.fields if field[0] != b"via"]) for each in shop.requests
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_same_traffic_gets_the_same_answers_with_and_without_it(seed: int, tmp_path: Path) -> None:
    with (
        Shop() as one,
        Shop() as two,
        running(before(one.url, host="keep") | CACHE, tmp_path / "on") as on,
        running(before(two.url, host="keep") | CACHE | OFF, tmp_path / "off") as off,
        on.client() as replaying,
        off.client() as asking,
    ):
        for method, octets in traffic(seed, 500):
            answers = []
            for client in (replaying, asking):
                client.send(octets)
                answers.append(client.answer(method))
            assert without_time(answers[0]) == without_time(answers[1]), octets
        assert asked(one) == asked(two)
        wait_until(lambda: replays(on) > 30, "replays are counted")
        assert replays(off) == 0
        wait_until(lambda: outcomes(on) == outcomes(off), "outcomes are counted alike")
        assert outcomes(on)["fresh"] > 100


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /fresh/odd HTTP/1.1\r\nHost: shop.test\r\nX-Request-Id: a\x00b\r\n\r\n", 400),
        (b"GET /fresh/odd HTTP/1.1\r\nHost: shop.test\r\nX-Request-Id: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /fresh/odd HTTP/1.1\r\nHost: shop.test\r\n" + b"X-Request-Id: a\r\n" * 200 + b"\r\n", 431),
        (b"GET /fresh/odd HTTP/1.1\r\nHost: shop.test\r\nX-Request-Id : a\r\n\r\n", 400),
        (b"GET /fresh/odd HTTP/1.1\r\nHost: shop.test\r\nX-Request-Id: a\r\n b\r\n\r\n", 400),
    ],
    ids=["control octet", "long", "many", "space", "folded"],
)
def test_a_head_that_is_refused_is_refused_in_spite_of_it(gateway: Gateway, head: bytes, status: int) -> None:
    with gateway.client() as client:
        for _ in range(3):
            client.get("/fresh/odd")
        client.send(head)
        assert client.answer().status == status


# --- its end ----------------------------------------------------------------------------------------


def test_it_ends_when_the_stored_response_gets_stale(gateway: Gateway, shop: Shop) -> None:
    with gateway.client() as client:
        client.get("/brief/x")
        wait_until(lambda: client.get("/brief/x").status == 200 and shop.asked_for("/brief/x") > 2, "it is asked again")
        assert max(int(client.get("/brief/x").one(b"age") or b"0") for _ in range(5)) <= 1


def _purge(gateway: Gateway, **document: object) -> int:
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        body = json.dumps(document).encode()
        host = f"127.0.0.1:{gateway.admin_port}"
        client.send(request("POST", "/api/purge", "Connection: close", host=host, body=body))
        got = client.answer("POST")
    assert got.status == 200, got.body
    return int(got.json()["count"])


@pytest.mark.parametrize("how", ["purge", "put"])
def test_nobody_gets_the_old_one_once_it_is_purged_or_changed(gateway: Gateway, shop: Shop, how: str) -> None:
    target = f"/fresh/{how}"
    before_it = replays(gateway)
    with gateway.client() as client, Load(gateway, clients=3, target=target) as load:
        for version in range(2, 25):
            assert client.get(target).body.startswith(b"%d " % shop.version)
            shop.version = version
            if how == "purge":
                _purge(gateway, url=f"http://shop.test{target}")
            else:
                client.send(request("PUT", target, body=b"new"))
                assert client.answer("PUT").status == 204
            assert client.get(target).body.startswith(b"%d " % version)
    shop.version = 1
    assert load.failures == []
    assert set(load.statuses) == {200}
    wait_until(lambda: replays(gateway) > before_it + 100, "there were replays all the while")


def test_a_soft_purge_ends_it_too(gateway: Gateway, shop: Shop) -> None:
    with gateway.client() as client:
        for _ in range(4):
            client.get("/tagged/soft")
        assert _purge(gateway, url="http://shop.test/tagged/soft", soft=True) == 1
        assert (client.get("/tagged/soft").one(b"cache-status") or b"").endswith(b"detail=soft_purged")
    wait_until(lambda: shop.asked_for("/tagged/soft") == 2, "it is refreshed")


def test_its_answers_are_not_mixed_up_under_load(gateway: Gateway) -> None:
    wrong: list[bytes] = []

    def ask(number: int) -> None:
        with gateway.client() as client:
            for turn in range(300):
                target = f"/fresh/{(number + turn) % 5}"
                got = client.get(target, f"X-Request-Id: {number}-{turn}")
                if not got.body.endswith(b" %b " % target.encode()):
                    wrong.append(got.body)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


# --- origins that change their mind -------------------------------------------------------------------


class Wavering(Origin):
    """Varies by what the test says, and counts its answers in their content."""

    def __init__(self) -> None:
        super().__init__(self._answer_pages)
        self.vary = b""
        self.answers = 0

    def _answer_pages(self, connection: Connection) -> None:
        while connection.request() is not None:
            self.answers += 1
            head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nVary: %b\r\nContent-Length: 4\r\n\r\n" % self.vary
            connection.send(head + b"%04d" % self.answers)


@pytest.fixture
def wavering(tmp_path: Path) -> Iterator[tuple[Gateway, Wavering]]:
    with Wavering() as origin, running(before(origin.url) | CACHE, tmp_path) as gateway:
        yield gateway, origin


def test_another_vary_on_the_same_url_is_not_forgotten(wavering: tuple[Gateway, Wavering]) -> None:
    gateway, origin = wavering
    with gateway.client() as client:
        origin.vary = b"Accept"
        assert client.get("/", "Accept: a/a", "X-Request-Id: 7").body == b"0001"
        origin.vary = b"X-Request-Id"
        assert client.get("/", "Accept: b/b", "X-Request-Id: 1").body == b"0002"
        for _ in range(3):  # the later answer does not fit
            assert client.get("/", "Accept: a/a", "X-Request-Id: 7").body == b"0001"
        for _ in range(3):  # both fit, and the later one counts
            assert client.get("/", "Accept: a/a", "X-Request-Id: 1").body == b"0002"
        assert client.get("/", "Accept: a/a", "X-Request-Id: 7").body == b"0001"
    wait_until(lambda: replays(gateway) > 0, "there were replays")


def test_what_begins_to_vary_ends_what_did_not(wavering: tuple[Gateway, Wavering]) -> None:
    gateway, origin = wavering
    with gateway.client() as client:
        origin.vary = b"Accept"
        for _ in range(3):
            assert client.get("/", "Accept: a/a", "X-Request-Id: 7").body == b"0001"
        origin.vary = b"X-Request-Id"
        assert client.get("/", "Accept: a/a", "X-Request-Id: 7", "Cache-Control: no-cache").body == b"0002"
        for _ in range(3):
            assert client.get("/", "Accept: a/a", "X-Request-Id: 7").body == b"0002"
        assert client.get("/", "Accept: a/a", "X-Request-Id: 8").body == b"0001"
