"""Circuits of several workers, and what an administrator does to them. Beside `test_plugin.py`."""

from typing import Any

from gateway.api import Response, UpstreamConnectError
from tests.support.circuits import Guarded, Wire, answering, failing, join, until
from tests.support.plugins import ManualClock, ScriptedUpstream

NAME = "server:app/http://a"
DOWN = failing(UpstreamConnectError("refused"))


async def two_workers(*answers: Any) -> tuple[Guarded, Guarded, Wire, Wire]:
    wires, clock = (Wire(), Wire()), ManualClock()
    join(*wires)
    first, second = (
        Guarded(ScriptedUpstream(*(answers or (DOWN,))), control=wire, clock=clock, workers=2) for wire in wires
    )
    await first.open()
    await second.open()
    return first, second, *wires


async def test_a_circuit_that_opens_in_one_worker_opens_in_the_other_and_nothing_comes_back() -> None:
    first, second, one, two = await two_workers()
    for _ in range(2):
        await first.get()
    await until(lambda: second.states() == {NAME: "open"})
    assert len(one.relayed) == 1
    assert two.relayed == []


async def test_it_closes_in_the_other_when_it_has_recovered_in_the_one() -> None:
    first, second, one, _ = await two_workers(DOWN, DOWN, answering())
    for _ in range(2):
        await first.get()
    await until(lambda: second.states() == {NAME: "open"})
    first.clock.advance(5.0)
    assert isinstance(await first.get(), Response)
    await until(lambda: second.states() == {NAME: "closed"})
    assert 2 <= len(one.relayed) <= 3


async def test_others_that_do_not_answer_change_nothing_here() -> None:
    first, second, one, _ = await two_workers()
    one.fails = True
    for _ in range(2):
        await first.get()
    await until(lambda: len(first.runtime.tasks) == 0)
    assert first.states() == {NAME: "open"}
    assert second.states() == {}


async def test_a_new_worker_asks_once_which_circuits_are_open() -> None:
    first, second, one, two = await two_workers()
    first.board.carry_out({"all": True, "action": "open"}, first.clock.monotonic())
    for _ in range(2):
        await first.get()
    await until(lambda: second.states() == {NAME: "open"})
    wire = Wire()
    join(one, two, wire)
    third = Guarded(control=wire, clock=first.clock, workers=3)
    await third.open()
    for sweep in list(third.runtime.at_each_sweep):
        sweep()
    await until(lambda: third.states() == {NAME: "open"})
    for sweep in list(third.runtime.at_each_sweep):
        sweep()
    await until(lambda: len(third.runtime.tasks) == 0)
    assert wire.relayed == [[{"ask": True}]]


async def test_a_gateway_with_one_worker_asks_nobody() -> None:
    wire = Wire()
    guarded = Guarded(control=wire, workers=1)
    await guarded.open()
    for sweep in list(guarded.runtime.at_each_sweep):
        sweep()
    await until(lambda: len(guarded.runtime.tasks) == 0)
    assert wire.relayed == []


async def test_an_administrator_gets_the_list_and_gives_orders() -> None:
    first, _, one, _ = await two_workers(answering())
    await first.get()
    assert await one.handlers["circuit_order"]({"all": True, "action": "open"}) == {"count": 1}
    listed = await one.handlers["circuits"]({})
    assert listed is not None
    assert [(each["circuit"], each["state"], each["is_held"]) for each in listed["circuits"]] == [(NAME, "open", True)]


async def test_closing_leaves_no_sweep_behind() -> None:
    first, *_ = await two_workers()
    assert len(first.runtime.at_each_sweep) == 2
    await first.plugin.close()
    await first.plugin.close()
    assert first.runtime.at_each_sweep == []
