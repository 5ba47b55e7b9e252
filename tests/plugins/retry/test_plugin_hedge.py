"""A second attempt beside the first one. Beside `test_plugin.py`."""

import asyncio
import math
from typing import Any

import pytest

from gateway.api import BodyStream, Request, Response, UpstreamClosedError
from plugins.retry.reasons import RetryReason
from tests.support.circuits import until
from tests.support.plugins import ScriptedUpstream, make_request, make_response
from tests.support.retries import Late, Retrying


def hedging(upstream: Late, **hedge: Any) -> Retrying:
    return Retrying(upstream, hedge={"learn": 20, "most": 0.5, **hedge})


async def taught(upstream: Late, **hedge: Any) -> Retrying:
    """One that has seen enough quick answers."""
    retrying, slow = hedging(upstream, **hedge), set(upstream.slow)
    upstream.slow.clear()
    for _ in range(64):
        await retrying.handle(make_request())
    upstream.slow |= slow
    upstream.asked.clear()
    return retrying


async def test_a_server_that_is_late_is_not_waited_for_and_its_exchange_is_given_up() -> None:
    upstream = Late("http://a")
    retrying, request = await taught(upstream), make_request()
    answer = await retrying.handle(request)
    assert answer.fields.get(b"x-server") == b"http://b"
    assert request.served_by == "http://b"
    assert upstream.asked == ["http://a", "http://b"]
    await asyncio.sleep(0)
    assert upstream.given_up == ["http://a"]
    assert [each.reason for each in request.trail] == [RetryReason.HEDGE]
    assert retrying.figures.value("retry_hedges_won_total", route="default") == 1


async def test_when_the_first_answers_after_all_the_hedge_is_given_up() -> None:
    upstream = Late("http://a", "http://b")
    retrying = await taught(upstream)
    waiting = asyncio.ensure_future(retrying.handle(make_request()))
    await until(lambda: len(upstream.asked) >= 2)
    upstream.slow.discard("http://b")
    upstream.released.set()
    assert (await waiting).fields.get(b"x-server") in (b"http://a", b"http://b")
    assert len(retrying.runtime.tasks) <= 1


async def test_before_enough_is_known_nothing_is_hedged() -> None:
    upstream = Late("http://a")
    retrying = hedging(upstream)
    waiting = asyncio.ensure_future(retrying.handle(make_request()))
    await asyncio.sleep(0.02)
    assert upstream.asked == ["http://a"]
    upstream.released.set()
    await waiting


@pytest.mark.parametrize(
    "request_",
    [
        make_request("POST"),
        make_request("HEAD"),
        make_request("GET", body=b"x"),
        make_request("GET", body=BodyStream()),
    ],
    ids=["POST", "HEAD", "content", "stream"],
)
async def test_only_gets_without_content_are_hedged(request_: Request) -> None:
    upstream = Late("http://a")
    retrying = await taught(upstream)
    waiting = asyncio.ensure_future(retrying.handle(request_))
    await asyncio.sleep(0.02)
    assert upstream.asked == ["http://a"]
    upstream.released.set()
    await waiting


async def test_hedges_stay_within_their_share_and_the_budget() -> None:
    upstream = Late("http://a")
    retrying = await taught(upstream, most=0.01)
    waiting = [asyncio.ensure_future(retrying.handle(make_request())) for _ in range(36)]  # 64 and these are 100
    await until(lambda: len(upstream.asked) >= 37)
    await asyncio.sleep(0.02)
    assert upstream.asked.count("http://b") == 1
    upstream.released.set()
    await asyncio.gather(*waiting)


async def test_a_hedge_that_fails_does_not_take_the_first_one_with_it() -> None:
    upstream = Late("http://a")
    upstream.answers["http://b"] = UpstreamClosedError("gone")
    retrying = await taught(upstream)
    waiting = asyncio.ensure_future(retrying.handle(make_request()))
    await until(lambda: len(upstream.asked) >= 2)
    upstream.released.set()
    assert (await waiting).fields.get(b"x-server") == b"http://a"


async def test_when_both_fail_it_is_tried_again_like_any_other() -> None:
    upstream = Late("http://a", servers=("http://a", "http://b", "http://c"))
    retrying = await taught(upstream)
    upstream.answers = {"http://a": make_response(503), "http://b": UpstreamClosedError("gone")}
    upstream.servers = ("http://a", "http://b", "http://c")
    waiting = asyncio.ensure_future(retrying.handle(make_request()))
    await until(lambda: len(upstream.asked) >= 2)
    upstream.released.set()
    upstream.answers = {"http://a": make_response(503)}
    assert (await waiting).status == 200
    assert len(upstream.asked) == 3


async def test_a_client_that_leaves_ends_both() -> None:
    upstream = Late("http://a", "http://b")
    retrying = await taught(upstream)
    waiting = asyncio.ensure_future(retrying.handle(make_request()))
    await until(lambda: len(upstream.asked) >= 2)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await until(lambda: len(retrying.runtime.tasks) == 0)
    assert sorted(upstream.given_up) == ["http://a", "http://b"]


async def test_an_answer_that_came_too_late_is_given_up() -> None:
    body = BodyStream()

    def stubborn(request: Request) -> Response:
        return make_response(200, {}, body)

    class Stubborn(Late):
        async def __call__(self, request: Request) -> Response:
            try:
                return await super().__call__(request)
            except asyncio.CancelledError:
                return stubborn(request)

    upstream = Stubborn("http://a")
    retrying = await taught(upstream)
    await retrying.handle(make_request())
    await until(lambda: len(retrying.runtime.tasks) == 0)
    assert body.end is not None


async def test_the_time_after_which_a_hedge_is_sent_is_a_figure() -> None:
    retrying = await taught(Late())
    await retrying.plugin.open()
    for show in retrying.runtime.at_each_sweep:
        show()
    assert 0 < retrying.figures.value("retry_hedge_after_seconds", route="default") < 1


@pytest.mark.parametrize(
    ("server", "status", "learns"), [("http://a", 200, True), ("http://a", 503, False), ("", 200, False)]
)
async def test_how_late_is_late_is_learnt_from_good_answers_of_the_upstream_alone(
    server: str, status: int, learns: bool
) -> None:
    def answer(request: Request) -> Response:
        request.served_by = server
        return make_response(status)

    retrying = Retrying(ScriptedUpstream(answer), hedge={"learn": 20}, attempts=2)
    for _ in range(64):
        await retrying.handle(make_request())
    assert retrying.plugin._times is not None
    assert (retrying.plugin._times.value < math.inf) is learns
