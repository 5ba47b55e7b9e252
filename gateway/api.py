"""Everything a plugin may import. What is not here, or in `gateway.http`, may change without notice."""

from gateway.chain.plugin import Handler, Plugin
from gateway.chain.runtime import Clock, Control, Runtime, Tasks
from gateway.config.base import SettingError, Settings
from gateway.config.units import Duration, Size, kibibytes, mebibytes, seconds
from gateway.errors import (
    BodyTooLargeError,
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
from gateway.http.body import BodySink, BodySource, BodyStream, StreamEnd, Transform
from gateway.http.fields import Fields
from gateway.http.message import (
    IDEMPOTENT_METHODS,
    SAFE_METHODS,
    Body,
    Decision,
    Downstream,
    Monotonic,
    Reason,
    Request,
    Response,
    WallTime,
)

__all__ = [
    "IDEMPOTENT_METHODS",
    "SAFE_METHODS",
    "Body",
    "BodySink",
    "BodySource",
    "BodyStream",
    "BodyTooLargeError",
    "Clock",
    "Control",
    "Decision",
    "Downstream",
    "DownstreamError",
    "Duration",
    "Fault",
    "Fields",
    "GatewayError",
    "Handler",
    "Monotonic",
    "OverloadedError",
    "Plugin",
    "Reason",
    "RefusedError",
    "Request",
    "Response",
    "Runtime",
    "SettingError",
    "Settings",
    "Size",
    "StreamAbortedError",
    "StreamEnd",
    "Tasks",
    "Transform",
    "UpstreamClosedError",
    "UpstreamConnectError",
    "UpstreamError",
    "UpstreamProtocolError",
    "UpstreamTimeoutError",
    "WallTime",
    "kibibytes",
    "mebibytes",
    "seconds",
]
