"""The protocol through a gateway: as a relay, and with every strategy for a client that asked for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from tests.conformance.websocket.case import Case
from tests.conformance.websocket.cases_bulk import bulk, compressed
from tests.conformance.websocket.cases_close import closes
from tests.conformance.websocket.cases_frames import controls, fragments, lengths, reserved
from tests.conformance.websocket.cases_text import texts
from tests.conformance.websocket.echo import serve
from tests.conformance.websocket.playing import play_all
from tests.support.gateway import Gateway, before, running

GROUPS: tuple[Callable[[], Iterator[Case]], ...] = (
    lengths,
    controls,
    reserved,
    fragments,
    texts,
    closes,
    bulk,
    compressed,
)
STRATEGIES = ("time", "size", "priority", "adaptive", "hybrid")
ROUTES = ("relay", "single", *STRATEGIES)


def settings_of(route: str) -> dict[str, object]:
    """How the route of that name carries connections."""
    if route == "relay":
        return {}
    if route == "single":
        return {"coalesce": "off"}
    return {"coalesce": "strategy", "strategy": route, "max_delay": "5ms"}


@dataclass(frozen=True, slots=True)
class Stand:
    """A gateway, and the loop that its origin and its clients live in."""

    gateway: Gateway
    loop: asyncio.AbstractEventLoop


@contextmanager
def stand_with(directory: Path, **settings: object) -> Iterator[Stand]:
    """A gateway with these settings before an origin that echoes."""
    loop = asyncio.new_event_loop()
    heard: list[int | None] = []
    server = loop.run_until_complete(serve(heard))
    port = server.sockets[0].getsockname()[1]
    with running(before(f"http://127.0.0.1:{port}") | settings, directory) as gateway:
        yield Stand(gateway, loop)
    server.close()
    loop.run_until_complete(server.wait_closed())
    loop.close()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    routes = [
        {"match": f"/{route}", "plugins": {"websocket_batch": settings_of(route)}, "name": route} for route in ROUTES
    ]
    with stand_with(tmp_path_factory.mktemp("frames"), plugins=[{"websocket_batch": {}}], routes=routes) as stand:
        yield stand


@pytest.fixture(scope="module", params=["off", "2ms"], ids=["at_once", "joined"])
def tunnel(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stand]:
    with stand_with(tmp_path_factory.mktemp("tunnel"), limits={"tunnel_join": request.param}) as stand:
        yield stand


def is_for_tunnels(case: Case) -> bool:
    """Whether the client does nothing wrong and asks for no extension: the rest is between it and the origin."""
    return not case.offer and (case.code is None or f"close {case.code}" in case.name)


def test_there_are_as_many_cases_as_the_public_collection_has_and_no_two_are_called_alike() -> None:
    names = Counter(case.name for case in chain.from_iterable(group() for group in GROUPS))
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 517


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_case_ends_as_it_has_to(stand: Stand, route: str, group: Callable[[], Iterator[Case]]) -> None:
    failed = stand.loop.run_until_complete(play_all(list(group()), stand.gateway.port, f"/{route}"))
    assert failed == {}


@pytest.mark.parametrize("group", [lengths, controls, fragments, texts, closes, bulk], ids=lambda group: group.__name__)
def test_a_tunnel_alters_nothing(tunnel: Stand, group: Callable[[], Iterator[Case]]) -> None:
    cases = [case for case in group() if is_for_tunnels(case)]
    assert cases
    assert tunnel.loop.run_until_complete(play_all(cases, tunnel.gateway.port, "/")) == {}
