import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.supervisor import sweep_run
from gateway.supervisor.sweep_run import Pace, Run, State
from gateway.worker.control import CallRefusedError, ChannelClosedError, Message, UnknownKindError
from tests.gateway.supervisor.harness import until
from tests.gateway.supervisor.sweeping import HoldingWorker, all_of, order


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two looks."""
    monkeypatch.setattr(sweep_run, "LOOK_SECONDS", 0.001)


def run_of(*workers: HoldingWorker, **said: Any) -> Run:
    return Run(1, order(**said), lambda: workers)


async def test_everything_is_asked_about_in_batches_and_counted() -> None:
    worker = HoldingWorker("a", "b", "c", "d", "e")
    run = run_of(worker, batch=2)
    await run.run()
    assert [len(batch) for batch in worker.asked] == [2, 2, 1]
    report = run.to_json()
    assert report["state"] == "done"
    assert (report["report"]["looked_at"], report["report"]["confirmed"]) == (5, 5)
    assert report["progress"]["share"] == 1.0
    assert worker.ended == worker.runs == ["1"]


async def test_what_is_meant_is_told_to_every_worker() -> None:
    workers = [HoldingWorker(pid=1), HoldingWorker(pid=2)]
    await run_of(*workers, routes=["shop"], tags="t", prefixes="http://shop.example/", within="1m", fetch=True).run()
    for worker in workers:
        assert worker.meant["routes"] == ["shop"]
        assert worker.meant["tags"] == ["t"]
        assert worker.meant["prefixes"] == ["http://shop.example/"]
        assert (worker.meant["within"], worker.meant["fetch"]) == (60.0, True)


async def test_what_several_workers_hold_one_of_them_asks_about() -> None:
    workers = [HoldingWorker("a", "b", "c", "d", pid=1), HoldingWorker("a", "b", "c", "d", pid=2)]
    run = run_of(*workers)
    await run.run()
    assert [len(worker.asked[0]) for worker in workers] == [2, 2]
    assert run.work.counts["confirmed"] == 4


async def test_a_pause_lets_the_batch_end_and_resume_goes_on() -> None:
    worker = HoldingWorker("a", "b", "c")
    worker.gate = asyncio.Event()
    run = run_of(worker, batch=1)
    task = asyncio.create_task(run.run())
    await until(lambda: len(worker.asked) == 1)
    assert run.pause()
    worker.gate.set()
    await until(lambda: run.work.done == 1)
    await asyncio.sleep(0.02)
    assert (len(worker.asked), run.to_json()["state"]) == (1, "paused")
    assert run.resume()
    await task
    assert run.state is State.DONE
    assert not run.pause()
    assert not run.resume()


async def test_the_time_of_a_pause_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(sweep_run, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    worker = HoldingWorker("a", "b")
    worker.gate = asyncio.Event()
    run = run_of(worker, batch=1, time_limit="1h")
    task = asyncio.create_task(run.run())
    await until(lambda: len(worker.asked) == 1)
    run.pause()
    worker.gate.set()
    now += 7200.0
    await until(lambda: run._looked == now)
    run.resume()
    await task
    assert (run.state, run.to_json()["seconds"]) == (State.DONE, 0.0)


async def test_an_end_comes_after_the_batch_under_way() -> None:
    worker = HoldingWorker("a", "b", "c")
    worker.gate = asyncio.Event()
    run = run_of(worker, batch=1)
    task = asyncio.create_task(run.run())
    await until(lambda: len(worker.asked) == 1)
    assert run.cancel()
    worker.gate.set()
    await task
    assert (run.state, len(worker.asked)) == (State.CANCELLED, 1)
    assert worker.ended == ["1"]
    assert not run.cancel()


async def test_a_sweep_that_waits_is_cancelled_without_having_begun() -> None:
    worker = HoldingWorker("a")
    run = run_of(worker)
    assert run.cancel()
    await run.run()
    assert (run.state, worker.runs) == (State.CANCELLED, [])


async def test_a_paused_sweep_can_be_cancelled() -> None:
    worker = HoldingWorker("a", "b")
    worker.gate = asyncio.Event()
    run = run_of(worker, batch=1)
    task = asyncio.create_task(run.run())
    await until(lambda: len(worker.asked) == 1)
    run.pause()
    worker.gate.set()
    run.cancel()
    await task
    assert run.state is State.CANCELLED


async def test_an_origin_that_rests_is_asked_again_afterwards() -> None:
    rests = iter([0.02])

    def answer(numbers: list[int]) -> dict[str, Any]:
        rest = next(rests, None)
        return all_of("confirmed")(numbers) if rest is None else {"left": numbers, "rest": rest}

    worker = HoldingWorker("a", "b", answer=answer)
    run = run_of(worker)
    await run.run()
    assert (len(worker.asked), run.work.counts["confirmed"]) == (2, 2)


async def test_one_that_rests_for_ever_is_given_up() -> None:
    worker = HoldingWorker("a", answer=lambda numbers: {"left": numbers, "rest": 0.01})
    run = run_of(worker, patience="50ms")
    await run.run()
    assert run.state is State.GAVE_UP
    assert run.to_json()["report"]["looked_at"] == 0


async def test_a_sweep_has_a_time_limit() -> None:
    worker = HoldingWorker("a", answer=lambda numbers: {"left": numbers, "rest": 3600.0})
    run = run_of(worker, time_limit="50ms")
    await run.run()
    assert run.state is State.TIMED_OUT


@pytest.mark.parametrize("error", [ChannelClosedError("gone"), CallRefusedError("no sweep '1' is under way here")])
async def test_what_a_worker_took_along_another_one_is_asked_about(error: Exception) -> None:
    leaving, staying = HoldingWorker("a", "b", pid=1), HoldingWorker("a", "b", pid=2)
    leaving.fails["sweep shop"] = error
    run = run_of(leaving, staying)
    await run.run()
    assert (run.state, run.work.counts["confirmed"], run.work.counts["lost"]) == (State.DONE, 2, 0)


async def test_the_last_worker_takes_everything_along() -> None:
    worker = HoldingWorker("a", "b")
    worker.fails["sweep shop"] = ChannelClosedError("gone")
    run = run_of(worker)
    await run.run()
    assert run.work.counts["lost"] == 2
    assert worker.ended == [], "nobody is there to be told"


async def test_a_route_that_a_reload_took_away_is_lost() -> None:
    worker = HoldingWorker("a", "b")
    worker.fails["sweep shop"] = UnknownKindError("nobody")
    run = run_of(worker, batch=1)
    await run.run()
    assert (run.state, run.work.counts["lost"]) == (State.DONE, 2)


async def test_a_batch_that_nobody_answers_is_lost_and_the_rest_is_not() -> None:
    worker = HoldingWorker("a", "b")
    worker.fails["sweep shop"] = TimeoutError("late")
    run = run_of(worker, batch=1)
    await run.run()
    assert (run.state, run.work.counts["lost"]) == (State.DONE, 2)


@pytest.mark.parametrize(
    ("error", "why"), [(UnknownKindError("nobody"), "no store"), (ChannelClosedError("gone"), "no worker answered")]
)
async def test_without_a_store_there_is_nothing_to_do(error: Exception, why: str) -> None:
    worker = HoldingWorker("a")
    worker.fails["sweep_scan"] = error
    run = run_of(worker)
    await run.run()
    assert run.state is State.FAILED
    assert why in run.to_json()["reason"]


async def test_without_workers_there_is_nobody_to_ask() -> None:
    run = run_of()
    await run.run()
    assert (run.state, run.to_json()["reason"]) == (State.FAILED, "no worker is ready")


async def test_a_worker_that_cannot_say_what_it_holds_takes_no_part() -> None:
    silent, other = HoldingWorker("a", "b", "c", pid=1), HoldingWorker("a", pid=2)
    silent.fails["sweep_rows"] = TimeoutError("late")
    run = run_of(silent, other)
    await run.run()
    assert (run.state, run.work.counts["confirmed"]) == (State.DONE, 1)
    assert silent.asked == []


async def test_what_is_known_of_a_worker_that_falls_silent_is_asked_of_others_or_lost() -> None:
    silent, other = HoldingWorker("a", "b", "c", pid=1), HoldingWorker("a", pid=2)
    whole = silent.call

    async def half(kind: str, *, timeout: float, **fields: Any) -> Message:
        if fields.get("offset"):
            raise TimeoutError("late")
        return await whole(kind, timeout=timeout, **fields)

    silent.call = half  # type: ignore[method-assign]  # it falls silent after the first page
    run = run_of(silent, other)
    await run.run()
    assert (run.state, run.work.counts["confirmed"], run.work.counts["lost"]) == (State.DONE, 1, 1)
    assert silent.asked == []


async def test_a_worker_with_nothing_left_waits_for_what_another_one_finds_changed() -> None:
    first = HoldingWorker("a", pid=1, answer=lambda numbers: {"counts": {"changed": 1}, "changed": numbers})
    second = HoldingWorker("a", pid=2)
    run = run_of(first, second)
    await run.run()
    assert (run.state, len(first.asked), len(second.asked)) == (State.DONE, 1, 1)
    assert (run.work.counts["changed"], run.work.counts["confirmed"]) == (1, 1)


def test_the_pace_is_that_of_all_together() -> None:
    pace = Pace(10.0)
    assert pace.take(5, 100.0) == 0.0
    assert pace.take(5, 100.0) == 0.5
    assert pace.take(1, 100.9) == pytest.approx(0.1)
    assert pace.take(1, 200.0) == 0.0


async def test_a_slow_pace_means_small_batches() -> None:
    worker = HoldingWorker("a", "b", "c", "d")
    run = run_of(worker, rate=1, batch=50)
    task = asyncio.create_task(run.run())
    await until(lambda: len(worker.asked) == 1)
    assert len(worker.asked[0]) == 2
    run.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.state is State.CANCELLED
