"""The host tier of real gateways: kept over restarts, purges included, and whole whatever kills them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin
from tests.support.wire import TruncatedError

TARGETS = [f"/{number}" for number in range(200)]


def content_of(target: bytes) -> bytes:
    """What the origin says about a target: some kilobytes that are right or wrong as a whole."""
    return sha256(target).hexdigest().encode() * (1 + int(target[1:] or b"0") % 300)


def catalogue(connection: Connection) -> None:
    """Pages that are fresh for a long time, with a tag."""
    while (asked := connection.request()) is not None:
        content = content_of(asked.target)
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nCache-Tag: all\r\nContent-Length: %d\r\n\r\n"
        connection.send(head % len(content) + content)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(catalogue) as origin:
        yield origin


def settings(origin: Origin, folder: Path, **more: Any) -> dict[str, Any]:
    return before(origin.url) | {"plugins": [{"cache": {}}], "tiers": {"host": str(folder)}, **more}


def ask_all(gateway: Gateway) -> None:
    """Every target, and every answer must be right."""
    with gateway.client() as client:
        for target in TARGETS:
            answer = client.get(target)
            assert (answer.status, answer.body) == (200, content_of(target.encode()))


def records(gateway: Gateway) -> float:
    return gateway.metric("slipstream_tier_written_total", tier="host")


def purge(gateway: Gateway, **what: str) -> None:
    """Purge in every worker."""
    content = json.dumps(what).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(content)}", "Connection: close")
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request("POST", "/api/purge", *fields, host=f"127.0.0.1:{gateway.admin_port}") + content)
        assert client.answer("POST").status == 200


def is_at_work(gateway: Gateway) -> bool:
    """Whether it has looked into the tier since it started."""
    return gateway.metric("slipstream_tier_lookups_total", tier="host") > 20


def test_a_restarted_gateway_asks_the_origin_for_nothing_it_had(origin: Origin, tmp_path: Path) -> None:
    with running(settings(origin, tmp_path / "tier"), tmp_path / "1") as gateway:
        ask_all(gateway)
    origin.forget()
    with running(settings(origin, tmp_path / "tier", workers=2), tmp_path / "2") as gateway:
        ask_all(gateway)
    assert len(origin.requests) == 0


def test_a_purge_holds_after_a_restart(origin: Origin, tmp_path: Path) -> None:
    with running(settings(origin, tmp_path / "tier"), tmp_path / "1") as gateway:
        ask_all(gateway)
        wait_until(lambda: records(gateway) >= len(TARGETS), "everything is written")
        purge(gateway, tag="all")
    origin.forget()
    with running(settings(origin, tmp_path / "tier"), tmp_path / "2") as gateway:
        ask_all(gateway)
    assert len(origin.requests) == len(TARGETS)


def test_killed_in_the_middle_of_writes_it_never_gives_a_wrong_answer(origin: Origin, tmp_path: Path) -> None:
    for number in range(4):
        directory = tmp_path / str(number)
        directory.mkdir()
        gateway = Gateway(settings(origin, tmp_path / "tier", workers=2), directory)
        try:
            gateway.wait_until_ready()
            asking = threading.Thread(target=_ask_until_it_dies, args=(gateway,))
            asking.start()
            wait_until(partial(is_at_work, gateway), "it answers and writes")
            gateway.kill()
            asking.join(30)
        finally:
            gateway.kill()
    with running(settings(origin, tmp_path / "tier", workers=2), tmp_path / "last") as gateway:
        ask_all(gateway)
        assert gateway.metric("slipstream_tier_unreadable_total", tier="host") == 0
        assert gateway.metric("slipstream_tier_lookups_total", tier="host", outcome="hit") > 0


def _ask_until_it_dies(gateway: Gateway) -> None:
    try:
        while True:
            ask_all(gateway)
    except (OSError, TruncatedError):  # it was killed, within an answer perhaps; a wrong one fails the test
        return
