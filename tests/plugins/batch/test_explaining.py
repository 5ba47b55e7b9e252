from typing import Any

from gateway.api import Monotonic
from plugins.batch.explaining import explained_batch, explained_calls, explained_merge
from plugins.batch.merge.rule import Rule
from plugins.batch.rpc.endpoint import Endpoint
from plugins.batch.settings import MergeSettings, RpcSettings
from tests.support.plugins import make_request

NOW = Monotonic(0.0)


def words(told: dict[str, Any] | None) -> tuple[Any, Any]:
    assert told is not None
    assert told["why"]
    return told["decision"], told["reason"]


def test_a_batch_is_taken_apart_if_it_is_posted() -> None:
    assert words(explained_batch(make_request("POST", "/batch"))) == ("take apart", "answered")
    assert words(explained_batch(make_request("GET", "/batch"))) == ("refuse", "not_posted")


def test_an_array_of_calls_is_taken_apart_or_reduced() -> None:
    request = make_request("POST", "/rpc", {"Content-Type": "application/json"})
    assert words(explained_calls(request, Endpoint(RpcSettings()))) == ("take apart", "taken_apart")
    reduced = Endpoint(RpcSettings.model_validate({"send": "array"}))
    assert words(explained_calls(request, reduced)) == ("take apart", "reduced")
    assert explained_calls(request, None) is None
    assert explained_calls(make_request("POST", "/rpc"), reduced) is None
    assert explained_calls(make_request("GET", "/rpc", {"Content-Type": "application/json"}), reduced) is None


def test_a_request_gathers_while_there_is_a_call_to_share() -> None:
    rule = Rule(MergeSettings(match="/users/{id}", bulk="/users?ids={ids}"))
    request = make_request(target="/users/7")
    told = explained_merge(request, [rule], NOW)
    assert words(told) == ("pass", "lone")
    assert told is not None
    assert (told["rule"], told["id"], told["window"]) == ("/users/{id}", "7", rule.gatherer.window)
    asked = rule.template.read(b"/users/7")
    assert asked is not None
    rule.gatherer.begin(rule.partitioner.of(request, asked))
    assert words(explained_merge(request, [rule], NOW)) == ("gather", "merged")
    assert words(explained_merge(make_request("HEAD", "/users/7"), [rule], NOW)) == ("pass", "method")
    assert explained_merge(make_request(target="/"), [rule], NOW) is None
    assert len(rule.gatherer) == 1, "nothing is changed by asking"
