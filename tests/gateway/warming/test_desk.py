import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.warming.desk import MOST_REMEMBERED, BusyError, Warming
from gateway.warming.progress import State
from tests.support.roads import turns
from tests.support.warming import FakeWorker, around, order

LIST = {"sources": [{"urls": "/nowhere"}], "within": "20s"}


@pytest.fixture
async def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
async def warming(worker: FakeWorker) -> AsyncIterator[Warming]:
    warming = Warming(around(worker))
    yield warming
    await warming.close()


async def test_one_run_at_a_time(warming: Warming, worker: FakeWorker) -> None:
    worker.gate = asyncio.Event()
    run = warming.start(order())
    with pytest.raises(BusyError, match=run.id):
        warming.start(order())
    worker.gate.set()
    await run.wait()
    assert warming.start(order()) is not run


async def test_runs_are_remembered_for_a_while(warming: Warming) -> None:
    runs = []
    for _ in range(MOST_REMEMBERED + 3):
        run = warming.start(order(1))
        await run.wait()
        runs.append(run)
    assert warming.find(runs[0].id) is None
    assert warming.find(runs[-1].id) is runs[-1]
    assert [said["id"] for said in warming.to_json()] == [run.id for run in reversed(runs[-MOST_REMEMBERED:])]


async def test_a_cancelled_run_may_be_resumed_and_one_that_is_done_may_not(
    warming: Warming, worker: FakeWorker
) -> None:
    worker.gate = asyncio.Event()
    run = warming.start(order())
    await turns()
    await run.cancel()
    warming.resume(run)
    with pytest.raises(BusyError):
        warming.resume(run)
    worker.gate.set()
    await run.wait()
    assert run.state is State.DONE
    with pytest.raises(ValueError):
        warming.resume(run)


def holding(worker: FakeWorker, before: Any) -> tuple[Warming, list[str]]:
    surroundings = around(worker, before_ready=before)
    warming = Warming(surroundings)
    said: list[str] = []
    warming.hold(surroundings.settings(), lambda: said.append("ready"))
    return warming, said


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(30.0):
        while not is_true():  # noqa: ASYNC110  # files are read in threads
            await asyncio.sleep(0.01)


async def test_where_nothing_is_wanted_the_gateway_is_ready_at_once(worker: FakeWorker) -> None:
    warming, said = holding(worker, "off")
    assert (said, warming.reasons) == (["ready"], ())


async def test_the_gateway_is_ready_once_it_is_warm(worker: FakeWorker, tmp_path: Any) -> None:
    (tmp_path / "list").write_text("http://a/1\nhttp://a/2\n")
    worker.gate = asyncio.Event()
    warming, said = holding(worker, LIST | {"sources": [{"urls": str(tmp_path / "list")}]})
    assert warming.reasons == ("warming begins",)
    await until(lambda: len(worker.asked) == 2)
    assert said == []
    assert list(warming.reasons) == ["warming: 0 of 2 URLs"]
    worker.gate.set()
    await until(lambda: said)
    assert list(warming.reasons) == []
    assert len(worker.stored) == 2


async def test_a_source_that_fails_does_not_hold_it(worker: FakeWorker) -> None:
    warming, said = holding(worker, LIST)
    await until(lambda: said)
    assert (warming.reasons, warming.to_json()[0]["state"]) == ((), "failed")


async def test_after_its_time_it_is_ready_however_far_it_came_and_the_run_goes_on(
    worker: FakeWorker, tmp_path: Any
) -> None:
    (tmp_path / "list").write_text("http://a/1\n")
    worker.gate = asyncio.Event()
    warming, said = holding(worker, {"sources": [{"urls": str(tmp_path / "list")}], "within": "50ms"})
    await until(lambda: said)
    assert (warming.reasons, warming.to_json()[0]["state"]) == ((), "running")
    worker.gate.set()
    run = warming.find(warming.to_json()[0]["id"])
    assert run is not None
    await run.wait()
    assert run.state is State.DONE


async def test_the_end_of_the_gateway_ends_everything(worker: FakeWorker, tmp_path: Any) -> None:
    (tmp_path / "list").write_text("http://a/1\n")
    worker.gate = asyncio.Event()
    warming, said = holding(worker, LIST | {"sources": [{"urls": str(tmp_path / "list")}]})
    await turns()
    await warming.close()
    assert said == []
    assert warming.to_json()[0]["state"] == "cancelled"
    assert warming.to_json()[0]["why"] == "the gateway ends"
