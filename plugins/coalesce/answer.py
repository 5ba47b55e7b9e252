"""An answer that several requests get: its head once, a response for each."""

from __future__ import annotations

from copy import copy
from typing import Any

from gateway.api import (
    BodyStream,
    Fault,
    GatewayError,
    Monotonic,
    RefusedError,
    Request,
    Response,
    StreamEnd,
)
from plugins.coalesce.asked import Asked
from plugins.coalesce.course import Course
from plugins.coalesce.flight import Flight
from plugins.coalesce.sharing import Verdict


class SharedAnswer:
    """What one exchange brought, for all who may have it."""

    def __init__(self, flight: Flight, response: Response | None) -> None:
        """The head is kept as it is now; whoever gets `response` may change that one. `None`: the exchange failed."""
        request = flight.request
        self._head = None if response is None else like(response, b"")
        self.body: bytes | Course = b""
        self.asked = flight.asked
        self.verdict: Verdict | None = None
        """Who may get it, as soon as somebody asks."""
        self.names: tuple[bytes, ...] = ()
        """Fields in which requests for the same may differ, and must not if they are to get it."""
        self.joinable_until = Monotonic(0.0)
        """When it becomes too old for newcomers."""
        self._epoch = request.epoch
        self._served_by = request.served_by
        self._error_fields = request.error_fields
        self._attributes = added(flight.attributes, request.attributes)

    @property
    def head(self) -> Response:
        """A response with its head, which nobody changes."""
        assert self._head is not None, "the exchange failed"
        return self._head

    def fits(self, asked: Asked) -> bool:
        """Whether a request for the same agrees in all that the answer depends on (RFC 9111 §4.1)."""
        return all(self.asked.values(name) == asked.values(name) for name in self.names)

    def branch(self) -> BodyStream | bytes:
        """The content for one more who waited for the head."""
        return self.body.branch() if isinstance(self.body, Course) else self.body

    def give(self, request: Request, body: BodyStream | bytes, waited: float) -> Response:
        """The response to `request`, which waited for so many seconds."""
        request.upstream_wait += waited
        self.tell(request)
        response = like(self.head, body)
        response.epoch = self._epoch
        return response

    def tell(self, request: Request) -> None:
        """Leave with `request` what plugins behind have said about the exchange beside the answer."""
        request.served_by = self._served_by
        if self._error_fields is not None:
            request.error_fields = self._error_fields.copy()
        if self._attributes:
            request.attributes = {**(request.attributes or {}), **self._attributes}


def added(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    """The word that plugins behind have left on a request, and only that."""
    if after is None:
        return {}
    known = before or {}
    return {name: word for name, word in after.items() if name not in known or known[name] is not word}


def like(response: Response, body: BodyStream | bytes) -> Response:
    """A response with the same head, which its owner may change. Who waits for the end of the first is not told of
    the end of this one."""
    copied = Response(response.status, response.fields.again(), body, response.reason)
    if response.described_length is not None:
        copied.described_length = response.described_length
    if response.dated:
        copied.dated = True
    return copied


def is_about_the_request(error: Exception) -> bool:
    """Whether an error speaks of the one request that met it, so that another one would not."""
    return isinstance(error, RefusedError) or (isinstance(error, GatewayError) and error.fault is Fault.DOWNSTREAM)


def again(error: Exception) -> Exception:
    """The same error for somebody else: each one that is raised gets a traceback of its own."""
    try:
        other = copy(error)
    except Exception:  # an error of a plugin with arguments of its own kind
        return error.with_traceback(None)
    other.__cause__ = error.__cause__
    return other


def of_leader(response: Response, answer: SharedAnswer) -> Response:
    """The response for the request that brought the answer: `response` itself, unless somebody waits for its end.
    Those are told when the exchange ends: what they guard is the way upstream."""
    if isinstance(answer.body, bytes):
        return response
    stream = response.body
    assert isinstance(stream, BodyStream)
    branch = answer.body.branch()
    if response.has_callbacks:
        guarded = response
        stream.on_end(lambda end: guarded.sent(end is StreamEnd.FINISHED))
        return like(response, branch)
    response.body = branch
    return response


def without_leader(response: Response, answer: SharedAnswer) -> None:
    """The same when whoever made the request has left."""
    if isinstance(answer.body, bytes):
        response.sent(True)
    elif response.has_callbacks:
        stream = response.body
        assert isinstance(stream, BodyStream)
        stream.on_end(lambda end: response.sent(end is StreamEnd.FINISHED))
