"""Gateways over a real Redis: what one fetched others have, and whatever becomes of Redis nobody's request fails."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin
from tests.support.redis import RedisServer, needs_redis, redis_server

pytestmark = needs_redis

TARGETS = [f"/{number}" for number in range(60)]
PATIENT = {"timeout": "10s", "connect_timeout": "5s"}
"""Tests run on busy machines; what nobody waits for need not be soon."""


def content_of(target: bytes) -> bytes:
    return sha256(target).hexdigest().encode() * (1 + sum(target) % 50)


def pages(connection: Connection) -> None:
    """Pages that are fresh for a long time."""
    while (asked := connection.request()) is not None:
        content = content_of(asked.target)
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % len(content)
        connection.send(head + content)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(pages) as origin:
        yield origin


def settings(origin: Origin, server: RedisServer, **redis: Any) -> dict[str, Any]:
    return before(origin.url) | {
        "plugins": [{"cache": {}}],
        "redis": {"url": server.url, **PATIENT, **redis},
        "tiers": {"redis": "on"},
    }


def ask_all(gateway: Gateway) -> None:
    """Every target, and every answer must be right."""
    with gateway.client() as client:
        for target in TARGETS:
            answer = client.get(target)
            assert (answer.status, answer.body) == (200, content_of(target.encode()))


def is_filled(gateway: Gateway) -> bool:
    return gateway.metric("slipstream_tier_written_total", tier="redis") >= len(TARGETS)


def is_used(gateway: Gateway, workers: int = 1) -> bool:
    return gateway.metric("slipstream_redis_workers") == workers


@pytest.mark.parametrize("secret", [None, "GATEWAY_TIER_SECRET"])
def test_what_one_gateway_fetched_another_has(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("GATEWAY_TIER_SECRET", "s" * 40)
    with redis_server() as server:
        said = settings(origin, server)
        if secret is not None:
            said["tiers"] = {"redis": {"secret": secret}}
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        with running(said, folders[0]) as one, running({**said, "workers": 2}, folders[1]) as two:
            wait_until(lambda: is_used(one) and is_used(two, 2), "both use Redis")
            ask_all(one)
            wait_until(lambda: is_filled(one), "everything is written")
            origin.forget()
            ask_all(two)
            assert len(origin.requests) == 0
            assert two.metric("slipstream_tier_lookups_total", tier="redis", outcome="hit") == len(TARGETS)


def test_without_redis_it_starts_and_answers_and_finds_redis_later(origin: Origin, tmp_path: Path) -> None:
    server = RedisServer()
    try:
        with running(settings(origin, server), tmp_path) as gateway:
            ask_all(gateway)
            server.start()
            wait_until(lambda: is_used(gateway), "it uses Redis")
            server.kill()
            wait_until(lambda: not is_used(gateway), "it knows that Redis is gone")
            ask_all(gateway)
    finally:
        server.kill()


def test_a_redis_that_hangs_is_nobodys_trouble(origin: Origin, tmp_path: Path) -> None:
    with redis_server() as server, running(settings(origin, server, timeout="100ms"), tmp_path) as gateway:
        wait_until(lambda: is_used(gateway), "it uses Redis")
        server.pause()
        ask_all(gateway)
        assert not is_used(gateway)
        server.resume()
        wait_until(lambda: is_used(gateway), "it uses Redis again")
        ask_all(gateway)


def test_what_is_in_redis_is_there_after_a_restart_of_the_gateway(origin: Origin, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with redis_server() as server:
        with running(settings(origin, server), first) as gateway:
            wait_until(lambda: is_used(gateway), "it uses Redis")
            ask_all(gateway)
            wait_until(lambda: is_filled(gateway), "everything is written")
        with running(settings(origin, server), second) as again:
            wait_until(lambda: is_used(again), "it uses Redis")
            ask_all(again)
    assert len(origin.requests) == len(TARGETS)


def reload(gateway: Gateway, said: dict[str, Any]) -> None:
    """Have it read another configuration."""
    before_it = gateway.status()["last_reload"]
    gateway.write(said)
    gateway.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.status()["last_reload"] != before_it, "the reload is reported")


def test_a_reload_changes_the_prefix_and_switches_redis_off(origin: Origin, tmp_path: Path) -> None:
    with redis_server() as server:
        said = settings(origin, server)
        with running(said, tmp_path) as gateway:
            wait_until(lambda: is_used(gateway), "it uses Redis")
            ask_all(gateway)
            wait_until(lambda: is_filled(gateway), "everything is written")
            changed = {**gateway.settings, "redis": {**said["redis"], "prefix": "other:"}}
            reload(gateway, changed)
            wait_until(lambda: is_used(gateway), "it uses Redis and has let go of the client before")
            with gateway.client() as client:
                client.get("/new")
            wait_until(lambda: b"other:e:" in b" ".join(server.do("KEYS", "*")), "records have another prefix")
            reload(gateway, {key: value for key, value in changed.items() if key not in ("redis", "tiers")})
            wait_until(lambda: is_used(gateway, 0), "it has let go of Redis")
            ask_all(gateway)
            assert len(origin.requests) == len(TARGETS) + 1
