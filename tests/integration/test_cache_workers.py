"""A change that one worker sees ends what the others have stored (RFC 9111 §4.4), replays included."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from urllib.parse import quote

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.load import Load
from tests.support.shop import Shop

_numbers = count()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def gateway(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(shop.url) | {"workers": 2, "plugins": [{"cache": {}}]}
    with running(settings, tmp_path_factory.mktemp("workers")) as gateway:
        yield gateway


@pytest.fixture
def target() -> str:
    """A target that no other test uses."""
    return f"/fresh/{next(_numbers)}"


@pytest.fixture
def clients(gateway: Gateway) -> Iterator[list[Client]]:
    """Kept connections, enough of them that each worker has some."""
    with ExitStack() as stack:
        yield [stack.enter_context(gateway.client()) for _ in range(12)]


def stored(gateway: Gateway, target: str) -> int:
    """How many workers have it."""
    url = quote(f"http://shop.test{target}", safe="")
    return int(gateway.admin("GET", f"/api/entries?url={url}").json()["count"])


def stored_everywhere(gateway: Gateway, target: str) -> None:
    def have_both() -> bool:
        assert gateway.get(target).status == 200
        return stored(gateway, target) == 2

    wait_until(have_both, "both workers have it")


def change(client: Client, target: str, method: str = "PUT") -> None:
    client.send(request(method, target, body=b"new"))
    assert client.answer(method).status == 204


def shows(client: Client, target: str, beginning: bytes) -> bool:
    return client.get(target).body.startswith(beginning)


def test_after_a_change_no_worker_has_it_any_more(gateway: Gateway, target: str) -> None:
    stored_everywhere(gateway, target)
    stored_everywhere(gateway, target + "-other")
    with gateway.client() as client:
        change(client, target, "DELETE")
    wait_until(lambda: stored(gateway, target) == 0, "no worker has it")
    assert stored(gateway, target + "-other") == 2


def test_whoever_wrote_reads_the_new_page_at_once_and_everybody_soon(
    gateway: Gateway, shop: Shop, clients: list[Client], target: str
) -> None:
    writer, *readers = clients
    for version in range(2, 12):
        for client in clients * 3:
            client.get(target)
        shop.version = version
        change(writer, target)
        new = b"%d " % version
        assert shows(writer, target, new)
        for reader in readers:
            wait_until(partial(shows, reader, target, new), "a reader has the new page")
        assert all(shows(client, target, new) for client in clients)
    shop.version = 1


def test_changes_under_load_reach_everybody_in_the_end(gateway: Gateway, shop: Shop, target: str) -> None:
    with Load(gateway, clients=4, target=target) as load, gateway.client() as writer:
        for version in range(2, 60):
            shop.version = version
            change(writer, target)
    assert load.failures == []
    shop.version = 77
    change_and_see(gateway, target, b"77 ")
    shop.version = 1


def change_and_see(gateway: Gateway, target: str, new: bytes) -> None:
    with gateway.client() as writer:
        change(writer, target)
    wait_until(
        lambda: all(gateway.get(target).body.startswith(new) for _ in range(16)), "all workers have the new page"
    )


def test_a_worker_that_was_started_anew_is_told_as_well(gateway: Gateway, shop: Shop, target: str) -> None:
    killed = gateway.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: killed not in gateway.workers() and len(gateway.workers()) == 2 and gateway.is_ready(), "it is replaced"
    )
    stored_everywhere(gateway, target)
    with gateway.client() as client:
        change(client, target)
    wait_until(lambda: stored(gateway, target) == 0, "no worker has it")


def test_one_worker_more_after_a_reload_is_told_and_tells(
    shop: Shop, target: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = before(shop.url) | {"workers": 1, "plugins": [{"cache": {}}]}
    with running(settings, tmp_path_factory.mktemp("more")) as gateway:
        gateway.write(gateway.settings | {"workers": 2})
        assert gateway.admin("POST", "/api/reload", "Content-Length: 0").status == 200
        wait_until(lambda: len(gateway.workers()) == 2 and gateway.is_ready(), "there are two workers")
        for _ in range(4):  # whichever worker the change comes to
            stored_everywhere(gateway, target)
            with gateway.client() as client:
                change(client, target)
            wait_until(lambda: stored(gateway, target) == 0, "no worker has it")
