import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.chain.deadlines import Deadlines
from gateway.chain.runtime import Tasks
from gateway.config import UpstreamSettings
from gateway.figures import Figures
from gateway.upstream.endpoint import endpoint_of, listed_in
from gateway.upstream.forward import Upstream
from gateway.worker.control import UnknownKindError
from gateway.worker.servers import ServerNews

Answer = dict[str, Any] | None
A, B = "http://a", "http://b"


class FakeChannel:
    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.handlers: dict[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {}

    def send(self, kind: str, **fields: Any) -> None:
        raise AssertionError("nothing is told")

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def on(self, kind: str, handler: Callable[[dict[str, Any]], Awaitable[Answer]]) -> None:
        self.handlers[kind] = handler

    def off(self, kind: str) -> None:
        del self.handlers[kind]

    async def hand(self, kind: str, message: dict[str, Any]) -> dict[str, Any] | None:
        return await self.handlers[kind](message)


def upstream(*urls: str) -> Upstream:
    settings = UpstreamSettings.model_validate({"servers": list(urls)})
    deadlines = Deadlines(asyncio.get_running_loop())
    return Upstream("app", settings, "slipstream", deadlines, Tasks(), Figures.in_memory())


def news(of: Upstream, healthy: bool) -> dict[str, Any]:
    told = [replace(endpoint_of(each), is_healthy=healthy).to_message() for each in of.settings.servers[:1]]
    told += [endpoint_of(each).to_message() for each in of.settings.servers[1:]]
    about = {"name": "app", "listed": listed_in(of.settings), "servers": told, "replicas": []}
    return {"upstreams": [about, {**about, "name": "other"}], "key": "00" * 32}


def used(of: Upstream) -> list[bool]:
    return [shown["used"] for shown in of.status().values()]


async def test_what_was_asked_for_is_handed_on() -> None:
    app = upstream(A, B)
    known = ServerNews(FakeChannel(news(app, healthy=False)))
    await known.ask()
    known.tell({"app": app})
    assert used(app) == [False, True]


async def test_what_comes_later_reaches_the_upstreams_in_use() -> None:
    app = upstream(A, B)
    channel = FakeChannel(news(app, healthy=True))
    known = ServerNews(channel)
    known.upstreams = {"app": app}
    await channel.handlers["servers"](news(app, healthy=False))
    assert used(app) == [False, True]


async def test_news_about_other_servers_of_an_upstream_of_that_name_are_not_for_it() -> None:
    app = upstream(A, B)
    known = ServerNews(FakeChannel(news(upstream(B, A), healthy=False)))
    await known.ask()
    known.tell({"app": app})
    assert used(app) == [True, True]


@pytest.mark.parametrize("error", [TimeoutError("late"), ConnectionError("gone"), UnknownKindError("what?")])
async def test_without_an_answer_servers_are_taken_for_good_ones(error: Exception) -> None:
    app = upstream(A, B)
    known = ServerNews(FakeChannel(error))
    with capture_logs() as logs:
        await known.ask()
    known.tell({"app": app})
    assert used(app) == [True, True]
    assert len(logs) == 1


async def test_without_a_supervisor_nothing_is_heard() -> None:
    known = ServerNews(None)
    await known.ask()
    known.tell({})
