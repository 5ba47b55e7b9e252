"""The error family. Each error answers: whose fault, which status, may the exchange be tried again.

    GatewayError
    ├── DownstreamError             fault of who sends to us; never worth another try
    │   ├── BadRequestError         400  a message two parsers could read differently, or no HTTP at all
    │   ├── RequestTimeoutError     408  head or body came too slowly
    │   ├── BodyTooLargeError       413  content above a limit
    │   ├── TargetTooLongError      414
    │   ├── ExpectationError        417  an expectation other than 100-continue
    │   ├── FieldsTooLargeError     431
    │   ├── MethodNotAllowedError   405
    │   ├── MisdirectedError        421  a secured resource asked for without security
    │   ├── UnknownTransferCodingError 501  a transfer coding we do not know
    │   └── VersionError            505
    ├── NoRouteError                404  no route matches
    ├── PluginTimeoutError          500  a plugin took longer than its guard allows
    ├── RefusedError                our decision: a plugin's refusal, with a status of its choice
    ├── OverloadedError             503  a limit of ours is reached
    │   ├── PoolTimeoutError        503  no free upstream connection in time
    │   └── CircuitOpenError        503  the upstream keeps failing and is not asked for the time being
    ├── UpstreamError               fault of the upstream, 502 unless said otherwise
    │   ├── UpstreamConnectError    no connection; nothing was sent, so another try is safe
    │   │   ├── UpstreamDnsError
    │   │   ├── UpstreamTlsError
    │   │   ├── UpstreamConnectTimeoutError  504
    │   │   └── NoServerError       503  no server of the upstream may be used
    │   ├── UpstreamClosedError     closed or reset before an answer
    │   ├── UpstreamProtocolError   the answer is not HTTP as RFC 9112 has it
    │   ├── UpstreamTimeoutError    504  no answer in time
    │   └── UpstreamBrokenError     broke off in the middle of its answer
    └── StreamAbortedError          a body whose consumer or producer left

`detail` is for people and goes into the response; `proxy_error` is the error type of RFC 9209 §2.3. Library
errors are translated where they come in; errors become responses only in `gateway/listener/error_response.py`."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from gateway.http.message import Replayable


class Fault(enum.Enum):
    """Whose fault an error is."""

    DOWNSTREAM = "downstream"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


class GatewayError(Exception):
    """Something that went wrong with an exchange."""

    fault: ClassVar[Fault] = Fault.GATEWAY
    status: int = 500
    proxy_error: ClassVar[str] = "proxy_internal_error"
    reason: ClassVar[str] = "internal"
    """Short name for logs and metric labels."""
    retryable: bool = False
    """Whether the upstream cannot have begun to act on the request."""
    retry_after: float | None = None
    """Seconds after which another try may succeed."""
    server: str = ""
    """URL of the upstream server that failed, empty where none did."""
    replay: Replayable | None = None
    """Set by who raises it when the same request head may be told the same again without asking the chain."""
    close: ClassVar[bool] = False
    """Whether the downstream connection can no longer be trusted."""

    def __init__(self, detail: str = "", *, limit: str | None = None) -> None:
        super().__init__(detail)
        self.limit = limit
        """Name of the setting whose bound was reached, for the figures."""

    @property
    def detail(self) -> str:
        """What happened, in words."""
        return str(self) or (self.__doc__ or "").split("\n", 1)[0]


class DownstreamError(GatewayError):
    """The downstream's message cannot be served."""

    fault = Fault.DOWNSTREAM
    status = 400
    proxy_error = "http_request_error"
    reason = "bad_request"
    close = True


class BadRequestError(DownstreamError):
    """The request is malformed or ambiguous (RFC 9112 §2.2, §3, §5, §6)."""


class RequestTimeoutError(DownstreamError):
    """The request did not arrive in time (RFC 9110 §15.5.9)."""

    status = 408
    reason = "request_timeout"


class BodyTooLargeError(DownstreamError):
    """The content is larger than a limit (RFC 9110 §15.5.14)."""

    status = 413
    reason = "body_too_large"


class TargetTooLongError(DownstreamError):
    """The request target is longer than the limit (RFC 9110 §15.5.15)."""

    status = 414
    reason = "target_too_long"


class ExpectationError(DownstreamError):
    """An expectation other than 100-continue (RFC 9110 §15.5.18)."""

    status = 417
    reason = "expectation"


class FieldsTooLargeError(DownstreamError):
    """The field section is larger than a limit (RFC 6585 §5)."""

    status = 431
    reason = "fields_too_large"


class MethodNotAllowedError(DownstreamError):
    """A method that the gateway does not serve, such as CONNECT (RFC 9110 §15.5.6)."""

    status = 405
    reason = "method_not_allowed"


class MisdirectedError(DownstreamError):
    """A resource of `https` asked for over a connection that is not secured (RFC 9110 §7.4, §15.5.20)."""

    status = 421
    reason = "misdirected"


class UnknownTransferCodingError(DownstreamError):
    """A transfer coding that the gateway does not know (RFC 9112 §6.1)."""

    status = 501
    reason = "transfer_coding"


class VersionError(DownstreamError):
    """A major version of HTTP that this listener does not speak (RFC 9110 §15.6.6)."""

    status = 505
    reason = "version"


class NoRouteError(GatewayError):
    """No route of the configuration matches the request."""

    fault = Fault.DOWNSTREAM
    status = 404
    proxy_error = "destination_not_found"
    reason = "no_route"


class PluginTimeoutError(GatewayError):
    """A plugin took longer than its guard allows."""

    reason = "plugin_timeout"


class RefusedError(GatewayError):
    """A plugin's refusal. The plugin says status and detail."""

    proxy_error = "http_request_denied"
    reason = "refused"

    def __init__(self, detail: str, status: int = 403, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class OverloadedError(GatewayError):
    """A limit of the gateway is reached."""

    status = 503
    proxy_error = "connection_limit_reached"
    reason = "overloaded"
    retry_after: float | None = 1.0


class PoolTimeoutError(OverloadedError):
    """No upstream connection became free in time."""

    reason = "pool_timeout"


class CircuitOpenError(OverloadedError):
    """The upstream keeps failing and is not asked for the time being. For who stands in front it cannot be reached."""

    proxy_error = "destination_unavailable"
    reason = "circuit_open"

    def __init__(self, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class UpstreamError(GatewayError):
    """The upstream did not give a usable answer."""

    fault = Fault.UPSTREAM
    status = 502
    proxy_error = "http_response_incomplete"
    reason = "upstream"


class UpstreamConnectError(UpstreamError):
    """No connection to the upstream. Nothing was sent, so a retry is safe."""

    proxy_error = "connection_refused"
    reason = "connect"
    retryable = True


class UpstreamDnsError(UpstreamConnectError):
    """The upstream's name cannot be resolved."""

    proxy_error = "dns_error"
    reason = "dns"


class UpstreamTlsError(UpstreamConnectError):
    """The TLS handshake with the upstream failed."""

    proxy_error = "tls_protocol_error"
    reason = "tls"


class UpstreamConnectTimeoutError(UpstreamConnectError):
    """The upstream did not accept a connection in time."""

    status = 504
    proxy_error = "connection_timeout"
    reason = "connect_timeout"


class NoServerError(UpstreamConnectError):
    """No server of the upstream may be used: all are drained or unhealthy, or none has been found."""

    status = 503
    proxy_error = "destination_unavailable"
    reason = "no_server"
    retry_after = 1.0


class UpstreamClosedError(UpstreamError):
    """The upstream closed the connection before it answered."""

    proxy_error = "connection_terminated"
    reason = "closed"


class UpstreamProtocolError(UpstreamError):
    """The upstream's answer is malformed or ambiguous (RFC 9112 §6.3)."""

    proxy_error = "http_protocol_error"
    reason = "protocol"


class UpstreamTimeoutError(UpstreamError):
    """The upstream did not answer in time (RFC 9110 §15.6.5)."""

    status = 504
    proxy_error = "http_response_timeout"
    reason = "timeout"


class UpstreamBrokenError(UpstreamError):
    """The upstream broke off in the middle of its answer."""

    proxy_error = "http_response_incomplete"
    reason = "broken"


class StreamAbortedError(GatewayError):
    """A body was given up before its end."""

    reason = "aborted"
