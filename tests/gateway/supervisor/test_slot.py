import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.figures.ledger import Ledger
from gateway.figures.slab import Slab
from gateway.supervisor import process
from gateway.supervisor.process import Inheritance, Order
from gateway.supervisor.slot import Slot, StartError, Surroundings
from gateway.supervisor.source import UpstreamSource
from tests.gateway.supervisor.harness import FAKE_WORKER, until

PLAIN = UpstreamSource(["http://127.0.0.1:1"]).load().to_json().decode()


def named(name: str) -> Order:
    return Order(1, PLAIN.replace("{", f'{{"name": "{name}", ', 1), drain=0.1)


class Place:
    """A slot with everything around it."""

    def __init__(self, order: Order, module: str = FAKE_WORKER) -> None:
        self.slab = Slab(rows=2)
        self.order = order
        self.restarts: list[str] = []
        around = Surroundings(Inheritance(module, (), self.slab, Ledger()), lambda: self.order, self.restarts.append)
        self.slot = Slot("0", around)

    async def close(self) -> None:
        self.slot.give_up(0.0)
        await self.slot.done
        self.slab.close()


@pytest.fixture
async def places() -> AsyncIterator[list[Place]]:
    made: list[Place] = []
    yield made
    for place in made:
        await place.close()


async def test_the_first_worker_that_is_ready_ends_the_wait(places: list[Place]) -> None:
    places.append(place := Place(named("one")))
    await place.slot.first
    assert place.slot.worker is not None
    assert place.restarts == []


async def test_a_worker_that_ends_is_followed_by_another(places: list[Place]) -> None:
    places.append(place := Place(named("one")))
    await place.slot.first
    before = place.slot.worker
    assert before is not None
    before.kill("test")
    await before.ended
    await until(lambda: place.slot.worker not in (None, before))
    assert (place.restarts, place.slot.restarts, place.slot.last_end) == (["SIGKILL"], 1, "SIGKILL")


async def test_a_refused_configuration_is_why_it_cannot_start_and_a_better_one_is_tried(places: list[Place]) -> None:
    places.append(place := Place(named("refused")))
    with pytest.raises(StartError, match="plugin x cannot reach its store"):
        await place.slot.first
    place.order = named("one")
    await until(lambda: place.slot.worker and place.slot.worker.generation == 1)


async def test_a_worker_that_hangs_before_it_is_ready_is_killed(
    places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "START_SECONDS", 0.6)
    monkeypatch.setattr("gateway.supervisor.slot.ABORT_SECONDS", 0.0)
    places.append(place := Place(named("hang")))
    await until(lambda: place.restarts)
    assert place.restarts[0] == "SIGKILL"


async def test_workers_that_cannot_even_be_run_are_a_reason_not_to_start(places: list[Place]) -> None:
    places.append(place := Place(named("one"), module="no.such.module"))
    with pytest.raises(StartError, match=r"ended before it was ready \(exit 1\)"):
        await place.slot.first


async def test_a_slot_that_is_given_up_starts_no_more_workers(places: list[Place]) -> None:
    places.append(place := Place(named("one")))
    await place.slot.first
    place.slot.give_up(1.0)
    await place.slot.done
    assert place.slot.worker is None
    assert place.slot.last_end == "exit 0"
    assert place.restarts == []


async def test_giving_up_during_the_start_cancels_the_wait(places: list[Place]) -> None:
    places.append(place := Place(named("hang")))
    await until(lambda: place.slot.worker)
    place.slot.give_up(0.0)
    await place.slot.done
    with pytest.raises(asyncio.CancelledError):
        await place.slot.first


async def test_a_slot_without_a_free_row_keeps_trying(places: list[Place]) -> None:
    place = Place(named("one"))
    places.append(place)
    taken = [place.slab.take(), place.slab.take()]
    await until(lambda: "not started" in place.restarts)
    for row in taken:
        place.slab.give_back(row)
    await until(lambda: place.slot.worker)
