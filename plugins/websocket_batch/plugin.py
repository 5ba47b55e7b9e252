"""The `websocket_batch` plugin on the road: it judges handshakes, and says how the connection shall be carried."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

from gateway.api import (
    AtOnce,
    Decision,
    Fields,
    Handler,
    OverloadedError,
    Plugin,
    Reason,
    RefusedError,
    Request,
    Response,
    Runtime,
    UpstreamProtocolError,
    agree_deflate,
)
from plugins.websocket_batch.caps import Caps
from plugins.websocket_batch.carrying import Terms, tunnel_terms, wanted_deflate
from plugins.websocket_batch.negotiation import (
    FIELD,
    PROTOCOLS,
    Offer,
    OfferError,
    agree,
    read_offer,
    upstream_protocols,
    without_parameter,
)
from plugins.websocket_batch.origins import AllowedOrigins
from plugins.websocket_batch.settings import Mode, UpstreamBatching, WebSocketBatchSettings
from plugins.websocket_batch.shim import read_shim

_EXTENSIONS = b"sec-websocket-extensions"
_RETRY_SECONDS = 5.0


class WebSocketReason(Reason):
    """What became of a handshake."""

    TUNNELLED = "tunnelled"
    FRAMED = "framed"
    BATCHED = "batched"
    ORIGIN = "origin_not_allowed"
    VERSION = "version"
    HANDSHAKE = "bad_handshake"
    CONNECTIONS = "too_many_connections"
    DECLINED = "declined"
    SHIM = "shim"


class WebSocketBatchPlugin(Plugin):
    """Limits, compression and batches for the WebSocket connections of a route."""

    Settings = WebSocketBatchSettings
    before: ClassVar[tuple[str, ...]] = ("cache", "coalesce")
    replay_safe = True  # what is replayed is never an upgrade, and everything else passes untouched

    def __init__(self, settings: WebSocketBatchSettings, runtime: Runtime) -> None:
        self._settings = settings
        self._origins = AllowedOrigins(settings.origins)
        self._caps = runtime.lasting.share(f"websocket_batch.{runtime.route}", Caps)
        self._forms = tuple(form.value for form in settings.formats)
        offers = settings.upstream_batching is UpstreamBatching.OFFER and bool(self._forms)
        self._upstream_form = self._forms[0] if offers else None
        self._deflate = wanted_deflate(settings)
        self._terms = Terms(settings)
        self._tunnel = tunnel_terms(settings)
        self._decisions = {reason: Decision("websocket_batch", reason) for reason in WebSocketReason}
        self._counters = {
            reason: runtime.figures.counter(
                "websocket_negotiation_total", "WebSocket handshakes", route=runtime.route, mode=reason.value
            )
            for reason in WebSocketReason
        }
        self._shim = read_shim() if settings.shim is not None else b""

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind the judgement of handshakes."""
        shim = self._settings.shim.encode() if self._settings.shim is not None else None
        upgrade = self._upgrade

        async def handle(request: Request) -> Response:
            if request.upgrade is not None:
                return await upgrade(request, inner)
            if shim is not None and request.method in ("GET", "HEAD") and request.path == shim:
                return self._serve_shim(request)
            return await inner(request)

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way of what is neither a handshake nor the module for browsers."""
        if inner is None:
            return None
        shim = self._settings.shim.encode() if self._settings.shim is not None else None

        def at_once(request: Request) -> Response | None:
            if request.upgrade is not None or (shim is not None and request.path == shim):
                return None
            return inner(request)

        return at_once

    async def _upgrade(self, request: Request, inner: Handler) -> Response:
        refusal = self._check(request)
        if refusal is not None:
            return refusal
        limit = self._caps.admit(request.client, self._settings.connections, self._settings.connections_per_client)
        if limit is not None:
            self._note(request, WebSocketReason.CONNECTIONS)
            error = OverloadedError("too many WebSocket connections", limit=f"websocket_batch.{limit}")
            error.retry_after = _RETRY_SECONDS
            raise error
        leave = self._leaving(request.client)
        try:
            response = await self._handshake(request, inner)
        except BaseException:
            leave(False)
            raise
        response.on_sent(leave)
        return response

    def _leaving(self, client: str) -> Callable[[bool], None]:
        return lambda complete: self._caps.leave(client)

    def _check(self, request: Request) -> Response | None:
        """Refuse what is no handshake, or not for this page (RFC 6455 §4.2.1, §4.2.2, §10.2; RFC 9110 §15.5.22)."""
        fields = request.fields
        if fields.get(b"sec-websocket-version") != b"13":
            self._note(request, WebSocketReason.VERSION)
            return Response(426, Fields([(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", b"13")]))
        if request.method != "GET" or not _is_key(fields.get(b"sec-websocket-key")):
            self._note(request, WebSocketReason.HANDSHAKE)
            raise RefusedError("no WebSocket handshake (RFC 6455 §4.2.1)", status=400)
        if not self._origins.allows(fields.get(b"origin"), request.scheme, request.authority):
            self._note(request, WebSocketReason.ORIGIN)
            raise RefusedError("pages of this origin may not connect", status=403)
        return None

    async def _handshake(self, request: Request, inner: Handler) -> Response:
        if self._settings.mode is Mode.TUNNEL:
            response = await inner(request)
            if response.status == 101:
                response.upgraded.terms = self._tunnel
                self._note(request, WebSocketReason.TUNNELLED)
            return response
        try:
            offer = read_offer(request.fields, request.query, self._forms, self._settings.query)
        except OfferError as error:
            self._note(request, WebSocketReason.HANDSHAKE)
            raise RefusedError(str(error), status=400) from None
        extensions = request.fields.get(_EXTENSIONS) or b""
        self._turn_to_upstream(request, offer)
        response = await inner(request)
        if response.status != 101:
            self._note(request, WebSocketReason.DECLINED)
            return response
        try:
            self._turn_to_client(request, response, offer, extensions)
        except BaseException:
            response.discard()
            raise
        return response

    def _turn_to_upstream(self, request: Request, offer: Offer) -> None:
        """What is agreed on with the client is not the upstream's business, and the other way round."""
        fields = request.fields = request.fields.copy()
        fields.remove(_EXTENSIONS)
        fields.remove(FIELD)
        names = upstream_protocols(offer, self._upstream_form)
        if names is None:
            fields.remove(PROTOCOLS)
        else:
            fields.set(b"Sec-WebSocket-Protocol", names)
        if self._settings.query is not None:
            request.target = without_parameter(request.target, self._settings.query)

    def _turn_to_client(self, request: Request, response: Response, offer: Offer, extensions: bytes) -> None:
        fields = response.fields
        if _EXTENSIONS in fields:
            raise UpstreamProtocolError("the upstream uses an extension that nobody offered (RFC 6455 §4.1)")
        agreed = agree(offer, fields.get(PROTOCOLS), self._upstream_form)
        if agreed is None:
            raise UpstreamProtocolError("the upstream chose a subprotocol that nobody offered (RFC 6455 §4.1)")
        fields.remove(PROTOCOLS)
        fields.remove(FIELD)
        if agreed.protocol is not None:
            fields.add(b"Sec-WebSocket-Protocol", agreed.protocol)
        if agreed.field is not None:
            fields.add(b"X-Gateway-Batch", agreed.field)
        deflate = None
        if self._deflate is not None and extensions:
            taken = agree_deflate(extensions, self._deflate)
            if taken is not None:
                deflate, said = taken
                fields.add(b"Sec-WebSocket-Extensions", said)
        response.upgraded.terms = self._terms.of(agreed, deflate)
        is_batched = agreed.downstream is not None or agreed.upstream is not None
        self._note(request, WebSocketReason.BATCHED if is_batched else WebSocketReason.FRAMED)

    def _serve_shim(self, request: Request) -> Response:
        self._note(request, WebSocketReason.SHIM)
        tag = b'"%b"' % hashlib.sha256(self._shim).hexdigest()[:16].encode()
        fields = Fields([(b"ETag", tag), (b"Cache-Control", b"public, max-age=3600")])
        if request.fields.get(b"if-none-match") == tag:
            return Response(304, fields)
        fields.add(b"Content-Type", b"text/javascript; charset=utf-8")
        fields.add(b"X-Content-Type-Options", b"nosniff")
        return Response(200, fields, self._shim)

    def _note(self, request: Request, reason: WebSocketReason) -> None:
        request.note(self._decisions[reason])
        self._counters[reason].inc()

    def explain(self, request: Request) -> dict[str, Any] | None:
        """How a handshake would be answered."""
        if request.upgrade is None:
            return None
        settings = self._settings
        if not self._origins.allows(request.fields.get(b"origin"), request.scheme, request.authority):
            reason = WebSocketReason.ORIGIN
            return {"decision": "refuse", "reason": reason.value, "why": "pages of this origin may not connect"}
        if settings.mode is Mode.TUNNEL:
            return {"decision": "tunnel", "reason": WebSocketReason.TUNNELLED.value, "connections": self._caps.total}
        try:
            offer = read_offer(request.fields, request.query, self._forms, settings.query)
        except OfferError as error:
            return {"decision": "refuse", "reason": WebSocketReason.HANDSHAKE.value, "why": str(error)}
        forms = sorted({*offer.batched.values(), offer.by_field or "", offer.by_query or ""} - {""})
        reason = WebSocketReason.BATCHED if forms else WebSocketReason.FRAMED
        why = f"asks for {', '.join(forms)}" if forms else "asks for no batches"
        return {
            "decision": "frames",
            "reason": reason.value,
            "why": why,
            "strategy": settings.strategy.value,
            "connections": self._caps.total,
        }


def _is_key(value: bytes | None) -> bool:
    """Whether it is sixteen octets in base64 (RFC 6455 §4.2.1)."""
    try:
        return value is not None and len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False
