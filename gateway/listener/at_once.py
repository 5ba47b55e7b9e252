"""Answers that the chain gives without waiting: no task, no exchange, one write."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.chain.plugin import AtOnce
from gateway.http.message import Request, Response
from gateway.listener.encode import NO_CONTENT, response_head
from gateway.listener.exchange import JOIN_UP_TO, Exchange

if TYPE_CHECKING:
    from gateway.listener.front import Route
    from gateway.listener.http1 import Http1Connection


def answer_at_once(connection: Http1Connection, request: Request, route: Route, at_once: AtOnce) -> bool:
    """Answer `request` by the short way of its route, if that has an answer; whether it has."""
    try:
        response = at_once(request)
    except Exception as error:
        exchange = connection.exchange = Exchange(connection, request, route, _raise(error))
        exchange.resume()
        return True
    if response is None:
        return False
    front = connection.front
    body = response.body
    log = front.access_log
    if (
        body.__class__ is not bytes
        or not response.dated
        or response.status in NO_CONTENT
        or request.method == "HEAD"
        or response.has_callbacks
        or (log is not None and log.enabled)
    ):
        exchange = connection.exchange = Exchange(connection, request, route, _give(response))
        exchange.resume()
        return True
    size = len(body)
    head = response_head(response, size, False, connection.close_after, request.minor, None)
    if size > JOIN_UP_TO:
        connection.transport.writelines((head, body))
    else:
        connection.transport.write(head + body)
    figures = front.figures
    figures.row[figures.octets_out] += len(head) + size
    now = time.monotonic()
    seconds = now - request.started
    route.figures.record(request.method, response.status, seconds, seconds)
    connection.finished(now)
    return True


async def _give(response: Response) -> Response:
    return response


async def _raise(error: Exception) -> Response:
    raise error
