from typing import Any

import pytest

from gateway.api import BodyStream, Handler, Plugin, UpstreamTimeoutError
from gateway.figures.registry import Figures
from plugins.headers import PLUGIN
from plugins.headers.request_id import RequestIdReason, is_well_formed
from tests.support.plugins import (
    ScriptedUpstream,
    chain_of,
    make_request,
    make_response,
    make_runtime,
    pairs,
    without_waiting,
)


def headers(upstream: ScriptedUpstream, figures: Figures | None = None, **settings: Any) -> Handler:
    return chain_of(PLUGIN, upstream, make_runtime(route="api", figures=figures), **settings)


def plugin_with(**settings: Any) -> Plugin:
    return PLUGIN(PLUGIN.Settings.model_validate(settings), make_runtime())


def test_a_route_without_changes_pays_nothing() -> None:
    upstream = ScriptedUpstream()
    assert headers(upstream) is upstream
    assert headers(upstream, request={}, response=[{"status": "5xx"}]) is upstream


def test_requests_change_on_their_way_up_and_responses_on_their_way_back() -> None:
    upstream = ScriptedUpstream(make_response(200, {"Server": "unicorn", "ETag": '"1"'}))
    handler = headers(
        upstream,
        request={"set": {"X-Forwarded-Path": "{path}"}, "remove": ["Cookie"]},
        response={"remove": ["Server"], "set": {"X-Route": "{route}", "X-Status": "{status}"}},
    )
    response = without_waiting(handler(make_request(target="/a?b", fields={"Cookie": "secret"})))
    assert pairs(upstream.requests[0].fields) == [("X-Forwarded-Path", "/a")]
    assert pairs(response.fields) == [("ETag", '"1"'), ("X-Route", "api"), ("X-Status", "200")]


def test_a_stream_goes_through_untouched() -> None:
    body = BodyStream()
    handler = headers(ScriptedUpstream(make_response(body=body)), response={"set": {"X-A": "1"}})
    assert without_waiting(handler(make_request())).body is body


def test_the_word_of_the_request_counts_as_it_came_in() -> None:
    def moved(request: Any) -> Any:
        request.fields.set(b"X-A", b"changed further in")
        return make_response(404)

    handler = headers(ScriptedUpstream(moved), response={"status": 404, "set": {"X-Path": "{path}"}})
    assert pairs(without_waiting(handler(make_request(target="/gone"))).fields) == [("X-Path", "/gone")]


def test_an_error_passes_and_takes_the_fields_for_its_answer_along() -> None:
    upstream = ScriptedUpstream(UpstreamTimeoutError())
    request = make_request()
    handler = headers(
        upstream,
        response=[{"set": {"X-Frame-Options": "DENY"}}, {"status": 504, "set": {"X-Late": "{status}"}}],
        request_id={},
    )
    with pytest.raises(UpstreamTimeoutError):
        without_waiting(handler(request))
    assert request.error_fields is not None
    given_id = upstream.requests[0].fields.get(b"x-request-id")
    assert given_id is not None
    assert pairs(request.error_fields) == [
        ("X-Request-Id", given_id.decode()),
        ("X-Frame-Options", "DENY"),
        ("X-Late", "504"),
    ]


def test_an_error_of_ours_passes_without_a_trace() -> None:
    request = make_request()
    with pytest.raises(ZeroDivisionError):
        without_waiting(headers(ScriptedUpstream(ZeroDivisionError()), response={"set": {"X": "1"}})(request))
    assert request.error_fields is None


def test_every_request_gets_an_id_of_its_own_which_the_response_carries_too() -> None:
    upstream = ScriptedUpstream(lambda request: make_response(200, {"X-Request-Id": "the upstream's"}))
    handler = headers(upstream, request_id={})
    ids = []
    for _ in range(2):
        response = without_waiting(handler(make_request()))
        ids.append(response.fields.get(b"x-request-id"))
        assert upstream.requests[-1].fields.get(b"x-request-id") == ids[-1]
    assert ids[0] != ids[1]
    assert all(value is not None and is_well_formed(value) for value in ids)


@pytest.mark.parametrize(
    ("trust", "peer_trusted", "brought", "reason"),
    [
        (False, False, "theirs", RequestIdReason.UNTRUSTED),
        (False, True, "theirs", RequestIdReason.KEPT),
        (True, False, "theirs", RequestIdReason.KEPT),
        (True, True, "not an id", RequestIdReason.MALFORMED),
        (True, True, None, RequestIdReason.NEW),
    ],
)
def test_whose_id_is_kept(trust: bool, peer_trusted: bool, brought: str | None, reason: RequestIdReason) -> None:
    figures, upstream = Figures.in_memory(), ScriptedUpstream()
    fields = {} if brought is None else {"Trace": brought}
    request = make_request(fields=fields, trusted=peer_trusted)
    without_waiting(headers(upstream, figures, request_id={"header": "Trace", "trust": trust})(request))
    assert (request.fields.get(b"trace") == (brought or "").encode()) is (reason is RequestIdReason.KEPT)
    assert [(decision.by, decision.reason) for decision in request.trail] == [("headers", reason)]
    assert figures.value("headers_request_ids_total", route="api", outcome=reason.value) == 1


def test_several_ids_in_one_request_are_none() -> None:
    request = make_request(fields=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    without_waiting(headers(ScriptedUpstream(), request_id={"trust": True})(request))
    assert request.trail[0].reason is RequestIdReason.MALFORMED
    assert len(request.fields.values(b"x-request-id")) == 1


def test_no_change_takes_the_id_away() -> None:
    upstream = ScriptedUpstream()
    handler = headers(
        upstream, request_id={"trust": True}, request={"remove": ["X-*"], "set": {"Trace": "{request_id}"}}
    )
    without_waiting(handler(make_request(fields={"X-Request-Id": "kept"})))
    assert pairs(upstream.requests[0].fields) == [("Trace", "kept"), ("X-Request-Id", "kept")]


def test_a_kept_id_leaves_the_fields_as_the_octets_they_came_in_as() -> None:
    request = make_request(fields={"X-Request-Id": "kept"})
    block = request.fields.encode()
    without_waiting(headers(ScriptedUpstream(), request_id={"trust": True})(request))
    assert request.fields.encode() is block


def test_the_response_can_be_left_without_the_id() -> None:
    response = without_waiting(headers(ScriptedUpstream(), request_id={"respond": False})(make_request()))
    assert pairs(response.fields) == []


def test_changed_messages_are_counted_by_side() -> None:
    figures = Figures.in_memory()
    upstream = ScriptedUpstream(make_response(200), make_response(404), make_response(404))
    handler = headers(upstream, figures, request={"set": {"A": "1"}}, response={"status": 404, "set": {"B": "2"}})
    for _ in range(3):
        without_waiting(handler(make_request()))
    assert figures.value("headers_changed_total", route="api", side="request") == 3
    assert figures.value("headers_changed_total", route="api", side="response") == 2


@pytest.mark.parametrize(
    ("settings", "safe"),
    [
        ({"response": {"set": {"A": "{route}"}}}, True),
        ({"request": {"set": {"A": "x"}}}, True),
        ({"request": {"set": {"A": "{client}"}}}, False),
        ({"response": {"set": {"A": "{client}"}}}, False),
        ({"request_id": {}}, False),
    ],
)
def test_only_what_is_the_same_for_the_same_head_may_be_replayed(settings: dict[str, Any], safe: bool) -> None:
    assert plugin_with(**settings).replay_safe is safe
