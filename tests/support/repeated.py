"""The plugin that answers repeated requests, between clients and a handler, and what it counted."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api import Handler, RefusedError, Request, Response
from gateway.figures import Figures
from plugins.idempotency import PLUGIN
from plugins.idempotency.plugin import IdempotencyPlugin
from plugins.idempotency.settings import IdempotencySettings
from tests.support.light_tasks import Recorded, started, value_of
from tests.support.plugins import ManualClock, make_request, make_response, make_runtime


class Told:
    """Remembers how an answer ended."""

    def __init__(self) -> None:
        self.ends: list[bool] = []

    def __call__(self, complete: bool) -> None:
        self.ends.append(complete)


class Room:
    """The plugin in front of a handler, open, with what it counted."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.figures = Figures.in_memory()
        self.runtime = make_runtime(figures=self.figures, clock=clock)
        self.plugin: IdempotencyPlugin

    async def before(self, inner: Any, **settings: Any) -> Handler:
        self.plugin = PLUGIN(IdempotencySettings.model_validate(settings), self.runtime)
        await self.plugin.open()
        return self.plugin.wrap(inner)

    def requests(self, name: str) -> float:
        return self.figures.value("idempotency_requests_total", route="default", outcome=name)

    def answers(self, name: str) -> float:
        return self.figures.value("idempotency_answers_total", route="default", outcome=name)


def order(body: Any = b"one", key: str = "k1", method: str = "POST", **fields: str) -> Request:
    return make_request(method, "/orders", {"Idempotency-Key": key, **fields}, body)


def made(request: Request) -> Response:
    return make_response(201, {"Location": "/orders/7"}, b"made")


def asks(handler: Handler, request: Request) -> Recorded:
    return started(value_of(handler(request)))


async def refused(handler: Handler, request: Request) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await handler(request)
    return caught.value
