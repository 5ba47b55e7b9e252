import asyncio
from typing import Any

import pytest

from gateway.api import (
    FrameTerms,
    Handler,
    OverloadedError,
    RefusedError,
    Request,
    Response,
    TunnelTerms,
    UpstreamProtocolError,
)
from gateway.figures.registry import Figures
from gateway.websocket.tunnel import UpgradedUpstream
from plugins.websocket_batch import PLUGIN
from plugins.websocket_batch.plugin import WebSocketReason
from tests.support.plugins import (
    ScriptedUpstream,
    chain_of,
    make_request,
    make_response,
    make_runtime,
    without_waiting,
)

HANDSHAKE = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


class _NoTransport:
    """A connection nobody uses."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


def handshake(fields: dict[str, str] | None = None, target: str = "/socket", **more: Any) -> Request:
    request = make_request(target=target, fields={**HANDSHAKE, **(fields or {})}, **more)
    request.upgrade = b"websocket"
    return request


def switching(fields: dict[str, str] | None = None) -> Response:
    response = make_response(101, fields or {})
    transport: Any = _NoTransport()
    response.upgraded = UpgradedUpstream(transport, b"", lambda: None)
    return response


def websocket(upstream: ScriptedUpstream, figures: Figures | None = None, **settings: Any) -> Handler:
    return chain_of(PLUGIN, upstream, make_runtime(figures=figures), **settings)


def test_what_is_no_upgrade_passes_untouched() -> None:
    upstream = ScriptedUpstream()
    request = make_request(fields={"Sec-WebSocket-Protocol": "chat"})
    without_waiting(websocket(upstream)(request))
    assert upstream.requests == [request]
    assert request.fields.get(b"sec-websocket-protocol") == b"chat"
    assert request.trail == []


def test_what_is_no_upgrade_may_be_answered_at_once() -> None:
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"shim": "/ws.js"}), make_runtime())
    assert plugin.wrap_at_once(None) is None
    stored = make_response(200)
    at_once = plugin.wrap_at_once(lambda request: stored)
    assert at_once is not None
    assert at_once(make_request(target="/page")) is stored
    assert at_once(make_request(target="/ws.js")) is None
    assert at_once(handshake(target="/page")) is None


def test_a_plain_client_is_framed() -> None:
    upstream = ScriptedUpstream(switching({"Sec-WebSocket-Protocol": "chat"}))
    request = handshake({"Sec-WebSocket-Protocol": "chat"})
    response = without_waiting(websocket(upstream)(request))
    assert response.fields.get(b"sec-websocket-protocol") == b"chat"
    assert isinstance(response.upgraded.terms, FrameTerms)
    assert response.upgraded.terms.mode == "framed"
    assert [decision.reason for decision in request.trail] == [WebSocketReason.FRAMED]


def test_a_client_that_asks_for_batches_gets_them_and_the_upstream_hears_nothing_of_it() -> None:
    figures = Figures.in_memory()
    upstream = ScriptedUpstream(switching({"Sec-WebSocket-Protocol": "chat"}))
    request = handshake(
        {
            "Sec-WebSocket-Protocol": "chat+batch.v1, chat",
            "Sec-WebSocket-Extensions": "permessage-deflate",
            "X-Gateway-Batch": "json",
        },
        target="/socket?batch=json&a=1",
    )
    response = without_waiting(websocket(upstream, figures, query="batch")(request))
    (seen,) = upstream.requests
    assert seen.fields.get(b"sec-websocket-protocol") == b"chat"
    assert b"sec-websocket-extensions" not in seen.fields
    assert b"x-gateway-batch" not in seen.fields
    assert seen.target == b"/socket?a=1"
    assert response.fields.get(b"sec-websocket-protocol") == b"chat+batch.v1"
    assert (response.fields.get(b"sec-websocket-extensions") or b"").startswith(
        b"permessage-deflate; server_no_context"
    )
    terms = response.upgraded.terms
    assert terms.mode == "batch.v1"
    assert terms.downstream.deflate is not None
    assert terms.upstream.deflate is None
    assert figures.value("websocket_negotiation_total", route="default", mode="batched") == 1


def test_a_tunnel_keeps_the_handshake_as_it_is() -> None:
    upstream = ScriptedUpstream(switching({"Sec-WebSocket-Extensions": "permessage-deflate"}))
    request = handshake({"Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "a+batch.v1"})
    response = without_waiting(websocket(upstream, mode="tunnel", idle="5s")(request))
    assert request.fields.get(b"sec-websocket-extensions") == b"permessage-deflate"
    assert request.fields.get(b"sec-websocket-protocol") == b"a+batch.v1"
    assert response.fields.get(b"sec-websocket-extensions") == b"permessage-deflate"
    assert isinstance(response.upgraded.terms, TunnelTerms)
    assert response.upgraded.terms.idle == 5.0


@pytest.mark.parametrize("version", ["8", "", "13, 8"])
def test_another_version_is_told_which_one_there_is(version: str) -> None:
    upstream = ScriptedUpstream()
    response = without_waiting(websocket(upstream)(handshake({"Sec-WebSocket-Version": version})))
    assert (response.status, response.fields.get(b"sec-websocket-version")) == (426, b"13")
    assert response.fields.get(b"upgrade") == b"websocket"
    assert upstream.requests == []


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSEhISE="])
def test_what_is_no_handshake_is_400(key: str) -> None:
    with pytest.raises(RefusedError) as refused:
        without_waiting(websocket(ScriptedUpstream())(handshake({"Sec-WebSocket-Key": key})))
    assert refused.value.status == 400


def test_subprotocols_that_are_no_names_are_400() -> None:
    with pytest.raises(RefusedError) as refused:
        without_waiting(websocket(ScriptedUpstream())(handshake({"Sec-WebSocket-Protocol": "a b"})))
    assert refused.value.status == 400


def test_pages_of_other_origins_never_reach_the_upstream() -> None:
    upstream = ScriptedUpstream(lambda request: switching())
    handle = websocket(upstream, origins=["https://app.example.com", "same"])
    for origin in ("https://app.example.com", "http://shop.example"):
        assert without_waiting(handle(handshake({"Origin": origin}))).status == 101
    assert without_waiting(handle(handshake())).status == 101
    with pytest.raises(RefusedError) as refused:
        without_waiting(handle(handshake({"Origin": "https://evil.test"})))
    assert (refused.value.status, len(upstream.requests)) == (403, 3)


def test_a_connection_too_many_is_refused_until_one_has_ended() -> None:
    handle = websocket(ScriptedUpstream(lambda request: switching()), connections=2)
    first = without_waiting(handle(handshake()))
    without_waiting(handle(handshake()))
    with pytest.raises(OverloadedError) as refused:
        without_waiting(handle(handshake()))
    assert refused.value.retry_after is not None
    assert refused.value.limit == "websocket_batch.connections"
    first.sent(True)
    without_waiting(handle(handshake()))


def test_one_client_may_not_take_all_places() -> None:
    handle = websocket(ScriptedUpstream(lambda request: switching()), connections_per_client=1)
    without_waiting(handle(handshake(peer="192.0.2.1")))
    with pytest.raises(OverloadedError):
        without_waiting(handle(handshake(peer="192.0.2.1")))
    without_waiting(handle(handshake(peer="192.0.2.2")))


@pytest.mark.parametrize("failure", [RuntimeError("broken"), asyncio.CancelledError()])
def test_a_handshake_that_fails_gives_its_place_back(failure: BaseException) -> None:
    def fail(request: Request) -> Response:
        raise failure

    upstream = ScriptedUpstream(fail, fail, switching())
    handle = websocket(upstream, connections=1)
    for _ in range(2):
        with pytest.raises(type(failure)):
            without_waiting(handle(handshake()))
    assert without_waiting(handle(handshake())).status == 101


def test_places_outlive_a_reload() -> None:
    runtime = make_runtime()
    upstream = ScriptedUpstream(lambda request: switching())
    before = chain_of(PLUGIN, upstream, runtime, connections=1)
    response = without_waiting(before(handshake()))
    after = chain_of(PLUGIN, upstream, runtime, connections=1)
    with pytest.raises(OverloadedError):
        without_waiting(after(handshake()))
    response.sent(True)
    assert without_waiting(after(handshake())).status == 101


def test_an_upstream_that_declines_is_heard() -> None:
    theirs = make_response(401, {"WWW-Authenticate": "Basic"})
    request = handshake({"Sec-WebSocket-Protocol": "batch.v1"})
    assert without_waiting(websocket(ScriptedUpstream(theirs))(request)) is theirs
    assert [decision.reason for decision in request.trail] == [WebSocketReason.DECLINED]


@pytest.mark.parametrize(
    "fields", [{"Sec-WebSocket-Extensions": "permessage-deflate"}, {"Sec-WebSocket-Protocol": "never heard of"}]
)
def test_an_upstream_that_chooses_what_nobody_offered_is_at_fault(fields: dict[str, str]) -> None:
    theirs = switching(fields)
    with pytest.raises(UpstreamProtocolError):
        without_waiting(websocket(ScriptedUpstream(theirs))(handshake({"Sec-WebSocket-Protocol": "chat"})))
    assert theirs.upgraded.transport.aborted


def test_the_module_for_browsers_is_served_and_revalidated() -> None:
    upstream = ScriptedUpstream()
    handle = websocket(upstream, shim="/slipstream/ws.js")
    response = without_waiting(handle(make_request(target="/slipstream/ws.js?v=1")))
    assert response.status == 200
    assert response.fields.get(b"content-type") == b"text/javascript; charset=utf-8"
    assert b"extends EventTarget" in response.body
    tag = response.fields.get(b"etag").decode()
    again = without_waiting(handle(make_request(target="/slipstream/ws.js", fields={"If-None-Match": tag})))
    assert (again.status, again.body) == (304, b"")
    assert upstream.requests == []
    without_waiting(handle(make_request("POST", target="/slipstream/ws.js")))
    without_waiting(handle(make_request(target="/other")))
    assert len(upstream.requests) == 2


def test_it_explains_what_would_happen() -> None:
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"origins": "same"}), make_runtime())
    assert plugin.explain(make_request()) is None
    told = plugin.explain(handshake({"Sec-WebSocket-Protocol": "batch.v1", "Origin": "http://shop.example"}))
    assert told is not None
    assert (told["decision"], told["reason"], told["why"]) == ("frames", "batched", "asks for batch.v1")
    told = plugin.explain(handshake({"Origin": "https://evil.test"}))
    assert told is not None
    assert told["decision"] == "refuse"
    tunnel = PLUGIN(PLUGIN.Settings.model_validate({"mode": "tunnel"}), make_runtime())
    told = tunnel.explain(handshake())
    assert told is not None
    assert told["decision"] == "tunnel"
