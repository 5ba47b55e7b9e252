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
        exchange.begin()
        return True
    if response is None:
        return False
    front = connection.front
    log = front.access_log
    goes_on = not connection.close_after and request.minor == 1 and request.method != "HEAD"
    if not goes_on or (log is not None and log.enabled):
        _answer_as_usual(connection, request, route, response)
        return True
    octets = response.joined or _join(response)
    if not octets:
        _answer_as_usual(connection, request, route, response)
        return True
    if response.replay is not None and request.offers_replay:
        _offer_replay(connection, request, route, response, octets)
    connection.transport.write(octets)
    figures = front.figures
    figures.row[figures.octets_out] += len(octets)
    now = time.monotonic()
    seconds = now - request.started
    route.figures.record(request.method, response.status, seconds, seconds)
    connection.finished(now)
    return True


def _join(response: Response) -> bytes:
    """Head and content in one piece; nothing when there is more to do about the response than to write it."""
    body = response.body
    if (
        body.__class__ is not bytes
        or len(body) > JOIN_UP_TO
        or not response.dated
        or response.status in NO_CONTENT
        or response.has_callbacks
    ):
        return b""
    octets = response_head(response, len(body), False, False, 1, None) + body
    if response.shared:
        response.joined = octets
    return octets


def _offer_replay(
    connection: Http1Connection, request: Request, route: Route, response: Response, octets: bytes
) -> None:
    """Let the replay lane give `octets`, head and content of `response`, again to a head that may well come again."""
    lane, head, body, source = connection.front.lane, connection.head, response.body, response.replay
    if request.method == "GET" and source is not None and lane.comes_again(head, request.fields):
        assert body.__class__ is bytes
        before = octets[: len(octets) - len(body)]
        lane.offer(
            connection.replays, head, before, body, response.replay_lines, source, route.figures, response.status
        )


def _answer_as_usual(connection: Http1Connection, request: Request, route: Route, response: Response) -> None:
    exchange = connection.exchange = Exchange(connection, request, route, _give(response))
    exchange.begin()


async def _give(response: Response) -> Response:
    return response


async def _raise(error: Exception) -> Response:
    raise error
