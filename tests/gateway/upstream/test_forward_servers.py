"""Forwarding to several servers: whom to avoid, who failed, until when, and what the supervisor says."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest
import uvloop

from gateway.chain.eager import Waiter
from gateway.errors import GatewayError, NoServerError, UpstreamConnectError, UpstreamTimeoutError
from gateway.http.message import Monotonic, Request
from gateway.upstream.endpoint import endpoint_of
from gateway.upstream.forward import by
from gateway.upstream.http1 import AWAITING, UpstreamConnection
from tests.gateway.upstream.forwarding import HANG_UP, OK, SILENCE, Forwarding, Stage, staged
from tests.support.plugins import make_request
from tests.support.ports import free_port
from tests.support.streams import stream_of

FAR = 3600.0


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as stage:
        yield stage


def due_in(seconds: float, method: str = "GET") -> Request:
    request = make_request(method)
    request.deadline = Monotonic(time.monotonic() + seconds)
    return request


class TestAvoiding:
    async def test_a_server_to_avoid_is_not_asked_while_there_are_others(self, stage: Stage) -> None:
        one, other = await stage.origin(), await stage.origin()
        forwarding = stage.before(one.url, other.url, balance="round_robin")
        for _ in range(4):
            request = make_request()
            request.avoid = frozenset({one.url})
            await forwarding.handler(request)
            assert request.served_by == other.url
        assert (len(one.seen), len(other.seen)) == (0, 4)

    async def test_it_is_asked_when_it_is_the_only_one(self, stage: Stage) -> None:
        origin = await stage.origin()
        request = make_request()
        request.avoid = frozenset({origin.url})
        assert (await stage.before(origin.url).handler(request)).status == 200


class TestBlame:
    @pytest.mark.parametrize("several", [False, True])
    async def test_an_error_says_which_server_failed(self, stage: Stage, several: bool) -> None:
        origin = await stage.origin(HANG_UP)
        others = [(await stage.origin(HANG_UP)).url] if several else []
        forwarding = stage.before(origin.url, *others, balance="round_robin")
        request = make_request()
        with pytest.raises(GatewayError) as failed:
            await forwarding.handler(request)
        assert failed.value.server == request.served_by == origin.url

    async def test_of_two_attempts_it_names_the_last(self, stage: Stage) -> None:
        urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        forwarding = stage.before(*urls, balance="round_robin")
        request = make_request()
        with pytest.raises(UpstreamConnectError) as failed:
            await forwarding.handler(request)
        assert failed.value.server == request.served_by == urls[1]


class TestDeadlines:
    async def test_an_answer_that_does_not_come_by_the_deadline_is_an_error_then(self, stage: Stage) -> None:
        origin = await stage.origin(SILENCE)
        forwarding = stage.before(origin.url)  # nobody sweeps here: the deadline has a timer of its own
        with pytest.raises(UpstreamTimeoutError, match="deadline") as failed:
            await forwarding.handler(due_in(0.02))
        assert failed.value.server == origin.url
        assert forwarding.connections(origin.url) == (0, 0, 0)

    def test_the_error_never_comes_before_the_deadline(self) -> None:
        async def early(seconds: float) -> bool:
            deadline = time.monotonic() + seconds
            with pytest.raises(UpstreamTimeoutError):
                await by(deadline, Waiter(), connection)
            return time.monotonic() < deadline

        async def many() -> list[bool]:
            return await asyncio.gather(*[early(0.01 + number / 3000) for number in range(100)])

        connection = cast(UpstreamConnection, SimpleNamespace(state=AWAITING))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert not any(runner.run(many()))

    async def test_an_answer_in_time_is_an_answer(self, stage: Stage) -> None:
        origin = await stage.origin()
        forwarding = stage.before(origin.url)
        for _ in range(3):
            assert (await forwarding.handler(due_in(FAR))).body == b"ok"
        assert forwarding.connections(origin.url) == (0, 1, 1)

    async def test_a_request_whose_deadline_has_passed_asks_nobody(self, stage: Stage) -> None:
        origin = await stage.origin()
        with pytest.raises(UpstreamTimeoutError):
            await stage.before(origin.url).handler(due_in(-1))
        assert origin.connections == 0

    async def test_a_connection_that_does_not_come_about_by_then_is_given_up(self, stage: Stage) -> None:
        origin = await stage.origin()
        forwarding = stage.before(origin.url.replace("http:", "https:"), timeouts={"connect": "1h"})
        with pytest.raises(UpstreamConnectError):
            await forwarding.handler(due_in(0.02))

    async def test_a_body_on_its_way_up_does_not_put_it_off(self, stage: Stage) -> None:
        origin = await stage.origin(SILENCE)
        request = due_in(0.05, "POST")
        request.body = stream_of(b"abc")
        with pytest.raises(UpstreamTimeoutError):
            await stage.before(origin.url).handler(request)

    async def test_a_caller_that_leaves_leaves_no_timer(self, stage: Stage) -> None:
        origin = await stage.origin(SILENCE)
        forwarding = stage.before(origin.url)
        sending = asyncio.ensure_future(forwarding.handler(due_in(FAR)))
        await origin.has_request.wait()
        sending.cancel()
        await asyncio.wait([sending])
        assert sending.cancelled()
        assert forwarding.connections(origin.url) == (0, 0, 0)

    async def test_a_failure_that_another_server_made_good_is_told(self, stage: Stage) -> None:
        origin = await stage.origin()
        refusing = f"http://127.0.0.1:{free_port()}"
        forwarding = stage.before(refusing, origin.url, balance="round_robin")
        request, after = make_request(), make_request()
        assert (await forwarding.handler(request)).status == 200
        assert isinstance(request.made_good, UpstreamConnectError)
        assert (request.made_good.server, request.served_by) == (refusing, origin.url)
        assert request.made_good.__traceback__ is None
        await forwarding.handler(after)
        assert after.made_good is None


class TestOnce:
    async def test_who_tries_again_itself_is_not_helped(self, stage: Stage) -> None:
        origin = await stage.origin()
        refusing = f"http://127.0.0.1:{free_port()}"
        forwarding = stage.before(refusing, origin.url, balance="round_robin")
        request = make_request()
        request.once = True
        with pytest.raises(UpstreamConnectError):
            await forwarding.handler(request)
        assert (forwarding.retries, len(origin.seen)) == (0, 0)

    async def test_not_even_when_a_kept_connection_died(self, stage: Stage) -> None:
        origin = await stage.origin(OK, HANG_UP, OK)
        forwarding = stage.before(origin.url)
        await forwarding.send()
        request = make_request()
        request.once = True
        with pytest.raises(GatewayError):
            await forwarding.handler(request)
        assert forwarding.retries == 0


class TestLearning:
    async def test_a_server_that_answers_503_again_and_again_is_left_out(self, stage: Stage) -> None:
        bad = await stage.origin(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        good = [await stage.origin() for _ in range(2)]
        forwarding = stage.before(bad.url, *(each.url for each in good), balance="round_robin")
        statuses = [(await forwarding.send()).status for _ in range(60)]
        assert statuses.count(503) == len(bad.seen) == 5
        assert statuses[-40:] == [200] * 40

    async def test_what_the_supervisor_says_counts_at_once(self, stage: Stage) -> None:
        origins = [await stage.origin() for _ in range(2)]
        forwarding = stage.before(*(each.url for each in origins), balance="round_robin")
        tell(forwarding, healthy={origins[1].url})
        for _ in range(4):
            await forwarding.send()
        assert [len(each.seen) for each in origins] == [0, 4]

    async def test_without_a_server_the_answer_is_503(self, stage: Stage) -> None:
        forwarding = stage.before("srv+http://_http._tcp.app")
        with pytest.raises(NoServerError):
            await forwarding.send()
        assert forwarding.upstream.urls() == []

    async def test_a_drained_server_ends_what_it_has_and_keeps_no_connection(self, stage: Stage) -> None:
        origin, other = await stage.origin(), await stage.origin()
        forwarding = stage.before(origin.url, other.url, balance="round_robin")
        for _ in range(2):
            await forwarding.send()
        tell(forwarding, draining={origin.url})
        assert forwarding.connections(origin.url) == (0, 0, 0)
        for _ in range(3):
            assert (await forwarding.send()).status == 200
        assert len(origin.seen) == 1

    async def test_news_are_for_the_configuration_that_names_the_same_servers(self, stage: Stage) -> None:
        forwarding = stage.before("http://a", {"url": "http://b", "weight": 2}, replicas=["http://c"])
        listed = [["servers", "http://a", 1], ["servers", "http://b", 2], ["replicas", "http://c", 1]]
        assert forwarding.upstream.lists(listed)
        assert not forwarding.upstream.lists(listed[:2])


def tell(
    forwarding: Forwarding, healthy: set[str] | None = None, draining: frozenset[str] | set[str] = frozenset()
) -> None:
    told = []
    for server in forwarding.upstream.settings.servers:
        message = endpoint_of(server).to_message()
        message["is_healthy"] = healthy is None or server.url in healthy
        message["is_draining"] = server.url in draining
        told.append(message)
    forwarding.upstream.tell({"servers": told, "replicas": []}, b"k")
