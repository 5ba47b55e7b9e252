"""Everything a plugin may import. What is not here, or in `gateway.http`, may change without notice."""

from gateway.chain.eager import EagerTask, Waiter
from gateway.chain.plugin import AtOnce, Handler, Plugin
from gateway.chain.runtime import Clock, Control, Lasting, Runtime, Tasks
from gateway.config.base import SettingError, Settings
from gateway.config.named import SharedBy, UpstreamName
from gateway.config.shorthand import OneOrMany, StatusPattern, Token, check_token
from gateway.config.units import Duration, OrOff, Size, kibibytes, mebibytes, seconds
from gateway.errors import (
    BodyTooLargeError,
    CircuitOpenError,
    DownstreamError,
    Fault,
    GatewayError,
    OverloadedError,
    RefusedError,
    StreamAbortedError,
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)
from gateway.figures.layout import Join
from gateway.figures.registry import Counter, Figures, Gauge, Histogram
from gateway.http.body import BodySink, BodySource, BodyStream, StreamEnd, Transform
from gateway.http.fields import Fields
from gateway.http.message import (
    IDEMPOTENT_METHODS,
    SAFE_METHODS,
    Body,
    Decision,
    Derivable,
    Downstream,
    Monotonic,
    Reason,
    Replayable,
    Request,
    Response,
    ToldReason,
    WallTime,
)
from gateway.listener.error_response import error_response, internal_error
from gateway.sharing.lease import Lease
from gateway.sharing.leases import Seen
from gateway.sharing.limits import SharedCharge, SharedLimits
from gateway.sharing.sharing import Sharing
from gateway.tiers.tier import Entry as TierEntry
from gateway.tiers.tier import Found as TierFound
from gateway.tiers.tier import PurgeOrder, TierError
from gateway.tiers.tiers import Tiers
from gateway.websocket.close_codes import CloseCode, WebSocketError
from gateway.websocket.deflate import Deflate, agree_deflate
from gateway.websocket.runs import Run as MessageRun
from gateway.websocket.runs import walk as walk_run
from gateway.websocket.terms import (
    Flush,
    FrameTerms,
    LegTerms,
    Outbox,
    QueueLimits,
    Sending,
    Slow,
    TunnelTerms,
    Unpack,
    Upgraded,
)
from gateway.websocket.terms import Message as WebSocketMessage

__all__ = [
    "IDEMPOTENT_METHODS",
    "SAFE_METHODS",
    "AtOnce",
    "Body",
    "BodySink",
    "BodySource",
    "BodyStream",
    "BodyTooLargeError",
    "CircuitOpenError",
    "Clock",
    "CloseCode",
    "Control",
    "Counter",
    "Decision",
    "Deflate",
    "Derivable",
    "Downstream",
    "DownstreamError",
    "Duration",
    "EagerTask",
    "Fault",
    "Fields",
    "Figures",
    "Flush",
    "FrameTerms",
    "GatewayError",
    "Gauge",
    "Handler",
    "Histogram",
    "Join",
    "Lasting",
    "Lease",
    "LegTerms",
    "MessageRun",
    "Monotonic",
    "OneOrMany",
    "OrOff",
    "Outbox",
    "OverloadedError",
    "Plugin",
    "PurgeOrder",
    "QueueLimits",
    "Reason",
    "RefusedError",
    "Replayable",
    "Request",
    "Response",
    "Runtime",
    "Seen",
    "Sending",
    "SettingError",
    "Settings",
    "SharedBy",
    "SharedCharge",
    "SharedLimits",
    "Sharing",
    "Size",
    "Slow",
    "StatusPattern",
    "StreamAbortedError",
    "StreamEnd",
    "Tasks",
    "TierEntry",
    "TierError",
    "TierFound",
    "Tiers",
    "Token",
    "ToldReason",
    "Transform",
    "TunnelTerms",
    "Unpack",
    "Upgraded",
    "UpstreamClosedError",
    "UpstreamConnectError",
    "UpstreamError",
    "UpstreamName",
    "UpstreamProtocolError",
    "UpstreamTimeoutError",
    "Waiter",
    "WallTime",
    "WebSocketError",
    "WebSocketMessage",
    "agree_deflate",
    "check_token",
    "error_response",
    "internal_error",
    "kibibytes",
    "mebibytes",
    "seconds",
    "walk_run",
]
