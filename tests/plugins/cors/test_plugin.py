from typing import Any

import pytest

from gateway.api import BodyStream, Handler, RefusedError, Request, UpstreamConnectError
from gateway.figures.registry import Figures
from plugins.cors import PLUGIN
from plugins.cors.policy import CorsReason
from tests.support.plugins import (
    ScriptedUpstream,
    chain_of,
    make_request,
    make_response,
    make_runtime,
    pairs,
    without_waiting,
)

PAGE = "https://app.example.com"


def cors(upstream: ScriptedUpstream, figures: Figures | None = None, **settings: Any) -> Handler:
    return chain_of(PLUGIN, upstream, make_runtime(figures=figures), **{"allow_origins": [PAGE], **settings})


def preflight(origin: str = PAGE, method: str = "PUT") -> Request:
    return make_request("OPTIONS", fields={"Origin": origin, "Access-Control-Request-Method": method})


def test_a_preflight_never_reaches_the_upstream() -> None:
    upstream = ScriptedUpstream()
    response = without_waiting(cors(upstream, allow_methods=["PUT"])(preflight()))
    assert upstream.requests == []
    assert (response.status, response.body) == (204, b"")
    assert pairs(response.fields) == [
        ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ("Access-Control-Allow-Origin", PAGE),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Max-Age", "600"),
    ]


def test_a_preflight_of_a_stranger_never_reaches_the_upstream_either() -> None:
    upstream = ScriptedUpstream()
    response = without_waiting(cors(upstream)(preflight("https://evil.test")))
    assert upstream.requests == []
    assert [name for name, _ in pairs(response.fields)] == ["Vary"]


def test_a_preflight_can_be_forwarded_and_its_answer_is_ours_where_it_speaks_of_origins() -> None:
    theirs = make_response(
        200, {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "DELETE", "Allow": "GET"}
    )
    response = without_waiting(cors(ScriptedUpstream(theirs), preflight="forward", allow_methods=["PUT"])(preflight()))
    assert response.status == 200
    assert pairs(response.fields)[:4] == [
        ("Allow", "GET"),
        ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ("Access-Control-Allow-Origin", PAGE),
        ("Access-Control-Allow-Methods", "PUT"),
    ]


def test_the_answer_to_a_page_has_our_fields_alone_and_its_stream_is_left_alone() -> None:
    body = BodyStream()
    theirs = make_response(200, {"Access-Control-Allow-Origin": "*", "Vary": "Accept"}, body)
    request = make_request(fields={"Origin": PAGE})
    response = without_waiting(cors(ScriptedUpstream(theirs))(request))
    assert pairs(response.fields) == [("Vary", "Accept, Origin"), ("Access-Control-Allow-Origin", PAGE)]
    assert response.body is body
    assert pairs(request.fields) == [("Origin", PAGE)]


def test_without_an_origin_the_upstreams_word_on_origins_does_not_get_out() -> None:
    theirs = make_response(200, {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"})
    request = make_request()
    response = without_waiting(cors(ScriptedUpstream(theirs))(request))
    assert pairs(response.fields) == [("Vary", "Origin")]
    assert request.trail == []


def test_a_page_may_read_that_the_upstream_is_down() -> None:
    request = make_request(fields={"Origin": PAGE})
    with pytest.raises(UpstreamConnectError):
        without_waiting(cors(ScriptedUpstream(UpstreamConnectError()))(request))
    assert request.error_fields is not None
    assert pairs(request.error_fields) == [("Vary", "Origin"), ("Access-Control-Allow-Origin", PAGE)]


def test_a_stranger_may_not_read_even_that() -> None:
    request = make_request(fields={"Origin": "https://evil.test"})
    with pytest.raises(UpstreamConnectError):
        without_waiting(cors(ScriptedUpstream(UpstreamConnectError()))(request))
    assert request.error_fields is not None
    assert pairs(request.error_fields) == [("Vary", "Origin")]


def test_a_refused_stranger_never_reaches_the_upstream() -> None:
    upstream = ScriptedUpstream()
    request = make_request("POST", fields={"Origin": "https://evil.test"})
    with pytest.raises(RefusedError, match=r"pages of https://evil\.test") as refused:
        without_waiting(cors(upstream, other_origins="refuse")(request))
    assert (refused.value.status, upstream.requests) == (403, [])
    assert request.error_fields is not None
    assert pairs(request.error_fields) == [("Vary", "Origin")]


def test_every_decision_is_on_the_trail_and_counted() -> None:
    figures = Figures.in_memory()
    handler = cors(ScriptedUpstream(lambda request: make_response()), figures)
    wanted = [
        (make_request(fields={"Origin": PAGE}), CorsReason.ALLOWED, "actual"),
        (make_request(fields={"Origin": "https://evil.test"}), CorsReason.ORIGIN_NOT_ALLOWED, "actual"),
        (make_request(fields={"Origin": "http://shop.example"}), CorsReason.SAME_ORIGIN, "actual"),
        (preflight(), CorsReason.METHOD_NOT_ALLOWED, "preflight"),
    ]
    for request, reason, kind in wanted:
        without_waiting(handler(request))
        assert [(decision.by, decision.reason) for decision in request.trail] == [("cors", reason)]
        assert figures.value("cors_requests_total", route="default", kind=kind, outcome=reason.value) == 1


def test_what_it_says_may_be_replayed_and_must_not_be_stored_inside() -> None:
    assert PLUGIN.replay_safe
    assert "cache" in PLUGIN.before
