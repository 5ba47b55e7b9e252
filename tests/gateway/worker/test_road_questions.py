"""What the supervisor asks a road over the control channel."""

from collections.abc import AsyncIterator

import pytest

from gateway.worker.control import CallRefusedError, Channel, UnknownKindError, open_channel, socket_pair
from gateway.worker.stores import Stores
from tests.support.running_road import NOTING, SECOND, Running, running_road

ROUTES = f"""
routes:
  - name: shop
    match: /shop/*
    upstream: app
    plugins: {{'{NOTING}': {{label: shop}}, '{SECOND}': {{label: quiet}}}}
  - {{name: rest, match: /rest/*, upstream: app}}
"""

Ends = tuple[Channel, Channel]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """Both ends of a control channel: the supervisor's, and the worker's."""
    here, there = socket_pair()
    ends = await open_channel(here), await open_channel(there)
    for end in ends:
        end.listen()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def supervisor(ends: Ends) -> Channel:
    return ends[0]


@pytest.fixture
async def running(ends: Ends) -> AsyncIterator[Running]:
    async with running_road(ends[1]) as running:
        yield running


async def test_what_would_happen_is_told_by_the_route_and_its_plugins(running: Running, supervisor: Channel) -> None:
    await running.take("a", "b", more=ROUTES)
    told = await supervisor.call("explain", url="http://shop.example/shop/1?q")
    assert told == {
        "route": "shop",
        "upstream": "app",
        "plugins": [{"plugin": NOTING, "label": "shop", "sees": "/shop/1?q"}],
    }
    told = await supervisor.call("explain", url="http://shop.example/rest/")
    assert (told["route"], [said["label"] for said in told["plugins"]]) == ("rest", ["a", "b"])
    told = await supervisor.call("explain", url="http://shop.example/")
    assert told == {"route": None, "upstream": None, "plugins": []}
    assert running.origin.connections == 0


async def test_a_question_that_makes_no_sense_is_refused_with_words(running: Running, supervisor: Channel) -> None:
    with pytest.raises(CallRefusedError, match="no configuration"):
        await supervisor.call("explain", url="http://shop.example/")
    await running.take("a")
    with pytest.raises(CallRefusedError, match="not a URL"):
        await supervisor.call("explain", url="shop.example")


async def test_plugins_answer_while_their_configuration_is_in_use(running: Running, supervisor: Channel) -> None:
    await running.take("a")
    assert await supervisor.call("label") == {"label": "a"}
    prepared = await running.road.prepare(running.configuration("b"))
    assert await supervisor.call("label") == {"label": "a"}
    await running.road.discard(prepared)
    assert await supervisor.call("label") == {"label": "a"}
    await running.take("c")
    assert await supervisor.call("label") == {"label": "c"}
    await running.take()
    with pytest.raises(UnknownKindError):
        await supervisor.call("label")


async def test_the_stores_in_use_hear_that_another_worker_ended(
    running: Running, supervisor: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Stores] = []

    async def note(stores: Stores) -> None:
        heard.append(stores)

    monkeypatch.setattr(Stores, "sibling_ended", note)
    await running.take("a")
    await supervisor.call("worker_ended")
    await running.take("b")
    await supervisor.call("worker_ended")
    assert len({id(stores) for stores in heard}) == 2
