import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.api import Handler, Plugin, Request, Response
from gateway.chain.compile import ChainError, check_order
from gateway.chain.registry import find
from plugins.batch import PLUGIN
from tests.support.batching import batch_of, until
from tests.support.plugins import ScriptedUpstream, chain_of, make_request, make_response, make_runtime

RULE = {"match": "/users/{id}", "bulk": "/users?ids={ids}"}


def plugin_with(**settings: Any) -> Plugin:
    return PLUGIN(PLUGIN.Settings.model_validate(settings), make_runtime())


def test_what_is_not_wanted_costs_nothing() -> None:
    upstream = ScriptedUpstream()
    assert chain_of(PLUGIN, upstream) is upstream


@pytest.mark.parametrize(
    "settings", [{"client": {}}, {"merge": RULE}, {"rpc": {}}, {"client": {}, "merge": RULE, "rpc": {}}]
)
async def test_requests_that_concern_no_part_pass_without_a_trace(settings: dict[str, Any]) -> None:
    answer = make_response()
    request = make_request("POST", "/other", {"Content-Type": "application/json"}, b"[]")
    runtime = replace(make_runtime(), dispatch=ScriptedUpstream())
    assert await chain_of(PLUGIN, ScriptedUpstream(answer), runtime, **settings)(request) is answer
    assert request.trail == []


async def test_items_of_a_batch_may_be_merged() -> None:
    handlers: list[Handler] = []
    targets: list[bytes] = []

    async def dispatch(request: Request) -> Response:
        return await handlers[0](request)

    async def upstream(request: Request) -> Response:
        targets.append(request.target)
        if request.target == b"/users/0":
            await until(lambda: len(targets) == 2)
            return make_response(200, {"Content-Type": "application/json"}, b'{"id":0}')
        return make_response(200, {"Content-Type": "application/json"}, b'[{"id":2},{"id":1}]')

    runtime = replace(make_runtime(), dispatch=dispatch)
    handlers.append(chain_of(PLUGIN, upstream, runtime, client={}, merge={**RULE, "max": 2}))
    response = await handlers[0](batch_of(*[{"path": f"/users/{number}"} for number in range(3)]))
    assert isinstance(response.body, bytes)
    assert [entry["body"] for entry in json.loads(response.body)] == [{"id": 0}, {"id": 1}, {"id": 2}]


def test_it_says_what_it_would_do() -> None:
    def reason(plugin: Plugin, request: Request) -> Any:
        told = plugin.explain(request)
        return told and told["reason"]

    runtime = replace(make_runtime(), dispatch=ScriptedUpstream())
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"client": {}, "merge": RULE, "rpc": {}}), runtime)
    posted = make_request("POST", "/rpc", {"Content-Type": "application/json"})
    assert reason(plugin, make_request("POST", "/batch?x")) == "answered"
    assert reason(plugin, make_request(target="/users/1")) == "lone"
    assert reason(plugin, posted) == "taken_apart"
    assert reason(plugin, make_request()) is None
    assert reason(plugin_with(), posted) is None


def test_it_stands_behind_what_stores_and_in_front_of_what_counts_failures() -> None:
    names = ["cache", "batch"]
    check_order("r", names, [find("cache"), PLUGIN])
    with pytest.raises(ChainError, match="batch must come after cache"):
        check_order("r", names[::-1], [PLUGIN, find("cache")])
    assert "circuit_breaker" in PLUGIN.before


async def test_it_closes_whatever_it_has() -> None:
    wanted: list[dict[str, Any]] = [{}, {"merge": RULE}, {"client": {}}]
    for settings in wanted:
        await plugin_with(**settings).close()
