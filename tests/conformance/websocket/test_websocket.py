"""The protocol through a gateway: as a relay, and with every strategy for a client that asked for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

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


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    loop = asyncio.new_event_loop()
    heard: list[int | None] = []
    server = loop.run_until_complete(serve(heard))
    port = server.sockets[0].getsockname()[1]
    routes = [
        {"match": f"/{route}", "plugins": {"websocket_batch": settings_of(route)}, "name": route} for route in ROUTES
    ]
    settings = before(f"http://127.0.0.1:{port}") | {"plugins": [{"websocket_batch": {}}], "routes": routes}
    with running(settings, tmp_path_factory.mktemp("websocket")) as gateway:
        yield Stand(gateway, loop)
    server.close()
    loop.run_until_complete(server.wait_closed())
    loop.close()


def test_there_are_as_many_cases_as_the_public_collection_has_and_no_two_are_called_alike() -> None:
    names = Counter(case.name for case in chain.from_iterable(group() for group in GROUPS))
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 517


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_case_ends_as_it_has_to(stand: Stand, route: str, group: Callable[[], Iterator[Case]]) -> None:
    failed = stand.loop.run_until_complete(play_all(list(group()), stand.gateway.port, f"/{route}"))
    assert failed == {}
