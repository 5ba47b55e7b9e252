import asyncio

import pytest

from gateway.warming import run as module
from gateway.warming.cursor import Cursor
from gateway.warming.order import Order, Sitemap, UrlList
from gateway.warming.outcome import Kind, Outcome
from gateway.warming.pace import Speed
from gateway.warming.progress import State
from gateway.warming.run import Run, Surroundings
from tests.support.roads import turns
from tests.support.warming import FakeWorker, RefusedError, around, order, urls

PATIENCE = 30.0
AGAIN = Outcome(Kind.FAILED, "502", may_retry=True)


@pytest.fixture(autouse=True)
def no_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rests are tested where the pace is; here they would be waited for."""
    monkeypatch.setattr(module, "NO_WORKER_SECONDS", 0.001)
    monkeypatch.setattr("gateway.warming.pace.FIRST_REST", 0.01)


async def over(run: Run) -> Run:
    run.begin()
    async with asyncio.timeout(PATIENCE):
        await run.wait()
    return run


async def ran(wanted: Order, surroundings: Surroundings) -> Run:
    return await over(Run("1", wanted, surroundings))


async def test_every_url_is_asked_for_once() -> None:
    worker = FakeWorker()
    run = await ran(order(100), around(worker))
    assert (run.state, sorted(worker.asked)) == (State.DONE, sorted(urls(100)))
    said = run.to_json()
    assert (said["done"], said["total"], said["stored"], said["position"]) == (100, 100, 100, 100)


async def test_no_more_are_under_way_than_may_be() -> None:
    worker = FakeWorker()
    await ran(order(50, concurrency=3), around(worker))
    assert worker.most_at_once == 3


async def test_workers_that_share_nothing_are_each_asked() -> None:
    workers = FakeWorker("0"), FakeWorker("1")
    run = await ran(order(20), around(*workers))
    assert all(worker.stored == set(urls(20)) for worker in workers)
    assert (run.progress.kinds[Kind.STORED], run.progress.requests) == (20, 40)


async def test_of_workers_that_share_a_tier_one_is_asked() -> None:
    workers = FakeWorker("0"), FakeWorker("1")
    await ran(order(20), around(*workers, shares=True))
    assert [len(worker.asked) for worker in workers] == [10, 10]
    assert workers[0].stored | workers[1].stored == set(urls(20))


async def test_what_cannot_be_stored_is_asked_of_one_worker() -> None:
    workers = FakeWorker("0"), FakeWorker("1")
    for worker in workers:
        worker.answers = {url: [Outcome(Kind.NOT_STORED, "private")] for url in urls(10)}
    run = await ran(order(10), around(*workers))
    assert run.progress.requests == 10
    assert run.to_json()["reasons"] == {"not_stored": {"private": 10}}


async def test_one_worker_that_has_it_already_does_not_hide_that_another_fetched_it() -> None:
    workers = FakeWorker("0"), FakeWorker("1")
    workers[0].stored = set(urls(4))
    run = await ran(order(4), around(*workers))
    assert run.progress.kinds == {Kind.STORED: 4}


async def test_urls_that_no_route_takes_are_skipped() -> None:
    worker = FakeWorker()
    worker.upstream_of = lambda url: None if url.endswith("3") else "app"
    run = await ran(order(5), around(worker))
    assert "http://a/3" not in worker.asked
    assert run.progress.kinds == {Kind.STORED: 4, Kind.SKIPPED: 1}


async def test_what_may_go_better_is_tried_again_but_not_for_ever() -> None:
    worker = FakeWorker()
    worker.answers = {"http://a/0": [AGAIN], "http://a/1": [AGAIN] * 10, "http://a/2": [Outcome(Kind.FAILED, "500")]}
    run = await ran(order(3), around(worker))
    assert [worker.asked.count(url) for url in urls(3)] == [2, module.ATTEMPTS, 1]
    assert run.progress.kinds == {Kind.STORED: 1, Kind.FAILED: 2}
    assert run.progress.retried == 3


async def test_an_upstream_that_is_down_for_a_while_costs_its_urls_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.warming.pace.LONGEST_REST", 0.01)
    worker = FakeWorker()
    down = Outcome(Kind.FAILED, "503", may_retry=True, wants_rest=True)
    worker.answers = {url: [down] * 5 for url in urls(4)}
    run = await ran(order(40), around(worker, patience="60s"))
    assert run.progress.kinds == {Kind.STORED: 40}


async def test_an_upstream_that_says_when_to_come_again_is_asked_then() -> None:
    worker = FakeWorker()
    closed = Outcome(Kind.FAILED, "circuit_open", retry_after=0.01, may_retry=True, wants_rest=True)
    worker.answers = {"http://a/0": [closed] * 8}
    run = await ran(order(3), around(worker, patience="60s"))
    assert worker.asked.count("http://a/0") == 9
    assert run.progress.kinds == {Kind.STORED: 3}


async def test_an_upstream_that_refuses_everything_is_given_up_and_the_others_are_not() -> None:
    worker = FakeWorker()
    closed = Outcome(Kind.FAILED, "503", retry_after=0.05, may_retry=True, wants_rest=True)
    worker.upstream_of = lambda url: "dead" if int(url[9:]) % 2 else "app"
    worker.answers = {url: [closed] * 1000 for url in urls(40)[1::2]}
    run = await ran(order(40), around(worker, patience="100ms"))
    assert run.state is State.DONE
    assert run.progress.kinds == {Kind.STORED: 20, Kind.FAILED: 20}
    assert run.to_json()["reasons"]["failed"]["given_up"] > 0


async def test_a_worker_that_ends_in_the_middle_costs_nothing() -> None:
    workers = FakeWorker("0"), FakeWorker("1")
    workers[0].answers = {url: [ConnectionError("gone")] * 4 for url in urls(10)}
    run = await ran(order(10), around(*workers))
    assert run.progress.kinds == {Kind.STORED: 10}


async def test_a_url_that_ends_every_worker_is_given_up() -> None:
    worker = FakeWorker()
    worker.answers = {"http://a/1": [ConnectionError("gone")] * 1000}
    run = await ran(order(3), around(worker))
    assert run.progress.kinds == {Kind.STORED: 2, Kind.FAILED: 1}
    assert worker.asked.count("http://a/1") == module.WORKERS_LOST


async def test_what_a_worker_refuses_has_failed() -> None:
    worker = FakeWorker()
    worker.answers = {"http://a/0": [RefusedError("broken")]}
    run = await ran(order(2), around(worker))
    assert run.to_json()["reasons"]["failed"] == {"worker": 1}


async def test_without_a_worker_it_waits_and_then_fails() -> None:
    run = await ran(order(2), around(patience="10ms"))
    assert (run.state, run.why) == (State.FAILED, "there is no worker to ask")


async def test_without_a_source_it_fails() -> None:
    run = await ran(Order((Sitemap("http://a/s"),), Speed(None, 1)), around(FakeWorker()))
    assert (run.state, run.why) == (State.FAILED, "no source could be read")
    assert run.to_json()["sources"][0]["notes"] == ["there is no way"]


async def test_an_empty_list_is_soon_done() -> None:
    run = await ran(Order((UrlList(("nonsense",)),), Speed(None, 1)), around(FakeWorker()))
    assert (run.state, run.progress.total) == (State.DONE, 0)


async def test_cancelled_it_asks_no_more_and_resumed_it_goes_on() -> None:
    worker = FakeWorker()
    worker.gate = asyncio.Event()
    run = Run("1", order(20), around(worker))
    run.begin()
    while len(worker.asked) < 4:
        await turns()
    await run.cancel()
    assert (run.state, run.why, len(worker.asked)) == (State.CANCELLED, "cancelled", 4)
    worker.gate.set()
    worker.asked.clear()
    await over(run)
    assert (run.state, sorted(worker.asked)) == (State.DONE, sorted(urls(20)))
    assert run.progress.kinds == {Kind.STORED: 20}
    await run.cancel()
    assert run.state is State.DONE


async def test_what_was_done_before_a_cancellation_is_not_asked_again() -> None:
    worker = FakeWorker()
    run = Run("1", order(200, concurrency=1), around(worker))
    run.begin()
    while len(worker.asked) < 50:
        await turns(1)
    await run.cancel()
    done = run.progress.done
    assert 40 <= done < 200
    await over(run)
    assert len(worker.asked) - len(set(worker.asked)) <= 1
    assert run.progress.done == 200


async def test_a_cursor_leaves_out_what_is_done() -> None:
    worker = FakeWorker()
    run = await ran(order(10, cursor=Cursor.of(urls(10), 7)), around(worker))
    assert sorted(worker.asked) == sorted(urls(10)[7:])
    assert (run.progress.done, run.to_json()["already_done"]) == (10, 7)
    assert run.to_json()["cursor"] == str(Cursor.of(urls(10), 10))


async def test_a_run_that_is_done_holds_no_list() -> None:
    run = await ran(order(100), around(FakeWorker()))
    said = run.to_json()
    assert (said["position"], said["cursor"]) == (100, str(Cursor.of(urls(100), 100)))
    assert run.order.sources == ()
    assert run._urls == []


async def test_a_cursor_of_another_list_is_not_believed() -> None:
    worker = FakeWorker()
    run = await ran(order(5, cursor=Cursor.of(["http://b/"], 1)), around(worker))
    assert len(worker.asked) == 5
    assert "another one" in run.why


async def test_an_error_of_our_own_ends_the_run_and_nothing_else() -> None:
    worker = FakeWorker()
    worker.answers = {"http://a/3": [ZeroDivisionError("oops")]}
    run = await ran(order(5), around(worker))
    assert (run.state, run.why) == (State.FAILED, "an error of the gateway; the log has it")
