"""What the origin learns about who asked, and whom it may believe (RFC 9110 §7.6.3, RFC 7239)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway import Gateway, running
from tests.support.origin import Origin
from tests.support.replies import well_behaved


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


def _settings(origin: Origin) -> dict[str, Any]:
    upstreams = {
        "kept": {"servers": [origin.url]},
        "own": {"servers": [origin.url], "host": "upstream"},
        "named": {"servers": [origin.url], "host": "app.internal:81"},
    }
    routes = [{"match": f"/{name}/*", "upstream": name} for name in ("own", "named")]
    return {"upstreams": upstreams, "routes": [*routes, {"match": "/*", "upstream": "kept"}], "name": "front"}


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(_settings(origin), tmp_path_factory.mktemp("untrusting")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def trusting(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = _settings(origin) | {"trusted_proxies": ["127.0.0.1", "198.51.100.0/24"]}
    with running(settings, tmp_path_factory.mktemp("trusting")) as gateway:
        yield gateway


def _fields(gateway: Gateway, *fields: str, target: str = "/") -> dict[str, list[str]]:
    """The fields the origin saw, by name."""
    seen: dict[str, list[str]] = {}
    for name, value in gateway.get(target, *fields).json()["fields"]:
        seen.setdefault(name, []).append(value)
    return seen


def _members(values: list[str]) -> list[str]:
    return [member.strip() for value in values for member in value.split(",")]


def test_the_origin_is_told_who_asked(gateway: Gateway) -> None:
    seen = _fields(gateway)
    assert seen["x-forwarded-for"] == ["127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["http"]
    assert seen["x-forwarded-host"] == ["shop.test"]


def test_the_gateway_puts_itself_behind_others_in_via(gateway: Gateway) -> None:
    assert _members(_fields(gateway)["via"]) == ["1.1 front"]
    assert _members(_fields(gateway, "Via: 1.0 fred, 1.1 p.example.net")["via"]) == [
        "1.0 fred",
        "1.1 p.example.net",
        "1.1 front",
    ]


@pytest.mark.parametrize(
    "forged",
    [
        "X-Forwarded-For: 192.0.2.66",
        "x-forwarded-for: 192.0.2.66, 192.0.2.67",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 4443",
        "Forwarded: for=192.0.2.66;proto=https;host=evil.test",
    ],
)
def test_a_client_s_own_word_is_not_passed_on(gateway: Gateway, forged: str) -> None:
    text = str(_fields(gateway, forged))
    assert "192.0.2.6" not in text
    assert "evil.test" not in text
    assert "https" not in text
    assert "4443" not in text


def test_a_trusted_proxy_s_word_is_passed_on(trusting: Gateway) -> None:
    seen = _fields(
        trusting, "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: www.shop.test"
    )
    assert _members(seen["x-forwarded-for"]) == ["192.0.2.7", "127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["https"]
    assert seen["x-forwarded-host"] == ["www.shop.test"]


def test_a_trusted_proxy_s_chain_is_kept_in_order(trusting: Gateway) -> None:
    seen = _fields(trusting, "X-Forwarded-For: 192.0.2.7, 198.51.100.9", "X-Forwarded-For: 198.51.100.8")
    assert _members(seen["x-forwarded-for"]) == ["192.0.2.7", "198.51.100.9", "198.51.100.8", "127.0.0.1"]


def test_a_trusted_proxy_s_forwarded_field_stays(trusting: Gateway) -> None:
    seen = _fields(trusting, 'Forwarded: for="[2001:db8::7]:4711";proto=https')
    assert seen["forwarded"][0].startswith('for="[2001:db8::7]:4711";proto=https')


@pytest.mark.parametrize("odd", ["not an address", "unknown", "_hidden", "1.2.3.4.5", ",,,", "[::1", "127.0.0.1:80"])
def test_a_trusted_proxy_may_say_something_odd(trusting: Gateway, odd: str) -> None:
    assert trusting.get("/", f"X-Forwarded-For: {odd}").status == 200
    assert trusting.get("/", f"Forwarded: for={odd}").status == 200


def test_the_host_is_kept_unless_said_otherwise(gateway: Gateway, origin: Origin) -> None:
    assert _fields(gateway)["host"] == ["shop.test"]
    assert _fields(gateway, target="/own/")["host"] == [f"127.0.0.1:{origin.port}"]
    assert _fields(gateway, target="/named/")["host"] == ["app.internal:81"]


def test_the_host_that_was_asked_for_is_told_where_it_is_not_kept(gateway: Gateway) -> None:
    assert _fields(gateway, target="/own/")["x-forwarded-host"] == ["shop.test"]


def test_end_to_end_fields_arrive_as_they_came(gateway: Gateway, origin: Origin) -> None:
    origin.forget()
    gateway.get("/", "X-MiXeD: CaSe", "Accept: text/html ,  */*;q=0.1", "X-Twice: 1", "X-Twice: 2", "Cookie: a=b")
    (received,) = origin.requests
    lines = received.raw_head.split(b"\r\n")
    ours = [line for line in lines if not line.lower().startswith((b"x-forwarded-", b"via:", b"host:"))][1:]
    assert [line for line in ours if line] == [
        b"X-MiXeD: CaSe",
        b"Accept: text/html ,  */*;q=0.1",
        b"X-Twice: 1",
        b"X-Twice: 2",
        b"Cookie: a=b",
    ]


def test_end_to_end_fields_come_back_as_they_came(gateway: Gateway) -> None:
    got = gateway.get("/early-hints")
    assert b"Link: </style.css>; rel=preload\r\n" in got.raw_head
    assert b"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n" in got.raw_head
