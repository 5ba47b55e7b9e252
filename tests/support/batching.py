"""What stands around the `batch` plugin in its tests."""

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from gateway.api import Handler, Request, Response, Tasks
from gateway.figures.registry import Figures
from plugins.batch import PLUGIN
from tests.support.plugins import FieldsLike, ManualClock, ScriptedUpstream, make_request, make_response, make_runtime


async def until(holds: Callable[[], object]) -> None:
    """Let others have their turn until something holds, timers of a few milliseconds included."""
    for turn in range(20_000):
        if holds():
            return
        await asyncio.sleep(0 if turn < 1000 else 0.001)
    raise AssertionError("it never came")


def batch_of(*items: Any, fields: FieldsLike = ()) -> Request:
    """A client's batch of these items."""
    named = {"Host": "shop.example", "Content-Type": "application/json", **dict(fields)}
    return make_request("POST", "/batch", named, json.dumps(items).encode())


def client_of(
    dispatch: Handler, figures: Figures | None = None, inner: Handler | None = None, **settings: Any
) -> tuple[Handler, Tasks]:
    """The handler that takes batches apart, before `inner`; items are answered by `dispatch`."""
    runtime = replace(make_runtime(figures=figures), dispatch=dispatch)
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"client": settings}), runtime)
    return plugin.wrap(inner or ScriptedUpstream()), runtime.tasks


async def entries(handler: Handler, *items: Any) -> Any:
    """What a batch of these items is answered."""
    response: Response = await handler(batch_of(*items))
    assert response.status == 200
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


class Users:
    """An upstream that knows users singly and in bulk, but for those who are missing. It can be made to wait."""

    def __init__(self, *, waits: bool = False, missing: Collection[int] = ()) -> None:
        self.targets: list[str] = []
        self.cancelled: list[str] = []
        self.missing = missing
        self.gate = asyncio.Event()
        if not waits:
            self.gate.set()

    async def __call__(self, request: Request) -> Response:
        self.targets.append(request.target.decode())
        try:
            if not self.gate.is_set():
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(self.targets[-1])
            raise
        return self.answer(request)

    def answer(self, request: Request) -> Response:
        """What is answered, and for whom."""
        request.served_by = "http://app"
        who = request.fields.get(b"authorization") or request.fields.get(b"cookie") or b"anybody"
        fields = {"Content-Type": "application/json", "Server": f"for {who.decode()}"}
        path, _, query = request.target.decode().partition("?")
        if path == "/users" and query.startswith("ids="):
            wanted = [int(number) for number in query[4:].split(",")]
            data = [{"id": number} for number in reversed(wanted) if number not in self.missing]
            return make_response(200, fields, json.dumps({"data": data}).encode())
        name = path.removeprefix("/users/")
        if not name.isdigit():
            return make_response(404)
        return make_response(200, fields, json.dumps({"id": int(name), "single": True}).encode())


class Merged:
    """A plugin with one rule of merging for `/users/{id}`, before an upstream; its clock stands unless it is moved."""

    def __init__(self, upstream: Handler, **settings: Any) -> None:
        self.clock = ManualClock()
        self.figures = Figures.in_memory()
        runtime = make_runtime(clock=self.clock, figures=self.figures)
        self.tasks = runtime.tasks
        more = settings.pop("more", [])
        rule = {"match": "/users/{id}", "bulk": "/users?ids={ids}", "items": "/data", **settings}
        rules = [rule, *({**rule, **other} for other in more)]
        self.plugin = PLUGIN(PLUGIN.Settings.model_validate({"merge": rules}), runtime)
        self.handle = self.plugin.wrap(upstream)
        assert self.plugin.merge is not None
        self.rule = self.plugin.merge.rules[0]

    def plugin_waits(self) -> int:
        """How many wait for company."""
        return sum(gathering.waiters for gathering in self.rule.gatherer.gathering())

    async def until(self, holds: Callable[[], object]) -> None:
        """Let windows close until something holds."""

        def moved() -> object:
            self.clock.advance(0.001)
            return holds()

        await until(moved)

    def counted(self, outcome: str) -> float:
        """Requests that ended so."""
        return self.figures.value("batch_requests_total", route="default", part="merge", outcome=outcome)

    @property
    def saved(self) -> float:
        """Calls that were not made."""
        return self.figures.value("batch_upstream_calls_saved_total", route="default", part="merge")
