"""The answer that a stored response gives to a request: whole, 304, 412, 206 or 416 (RFC 9110 §13, §14; RFC 9111 §4).

A hit costs little because its fields are made once a second and shared: they change with the age alone."""

from __future__ import annotations

from secrets import token_hex

from gateway.api import Fields, Request, Response, WallTime
from gateway.http.conditional import Outcome, evaluate, range_applies
from gateway.http.dates import parse_date
from gateway.http.fields import Wire
from gateway.http.ranges import (
    UNSATISFIABLE,
    ByteRange,
    content_range,
    multipart_byteranges,
    multipart_content_type,
    requested_ranges,
    unsatisfied_content_range,
)
from gateway.http.validators import EntityTag, parse_entity_tag
from plugins.cache.etags import entity_tag_for_clients
from plugins.cache.freshness import age_seconds, date_of
from plugins.cache.partial import own_date, stored_part
from plugins.cache.policy import Policy
from plugins.cache.sizes import octets_of_fields
from plugins.cache.status import append
from plugins.cache.stored import StoredResponse

_PRECONDITIONS = (b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since")
_CONDITIONAL_METHODS = frozenset({"GET", "HEAD", "QUERY"})
_REPRESENTATION = frozenset(
    {b"content-encoding", b"content-language", b"content-md5", b"content-range", b"content-type", b"digest"}
    | {b"content-digest", b"repr-digest"}
)
"""What a 304 leaves out: it is about a content that the client has already (RFC 9110 §15.4.5)."""


class Heads:
    """The fields that answers from one stored response have, as they are this second."""

    __slots__ = ("_age", "_base", "_length", "_status", "_written")

    def __init__(self, base: Fields, length: int) -> None:
        self._base = base
        self._length = length
        self._age = -1
        self._status: bytes | None = None
        self._written = base

    def at(self, age: int, cache_status: bytes | None) -> Fields:
        """The fields with this Age and Cache-Status: the caller's own, though they share their octets with others."""
        if age != self._age or cache_status != self._status:
            self._write(age, cache_status)
        return self._written.copy()

    def _write(self, age: int, cache_status: bytes | None) -> None:
        fields = self._base.copy()
        fields.add(b"Age", b"%d" % age)
        if cache_status is not None:
            append(fields, cache_status)
        block = fields.encode()
        wire = fields.encode_with_length(self._length)
        self._written = Fields.received(fields.entries, block, Wire(wire, self._length))
        self._age, self._status = age, cache_status

    @property
    def octets(self) -> int:
        """What it takes beside the stored fields: two sections, two forms of one of them, and a whole head."""
        return 600 + 3 * octets_of_fields(self._base)


def answer(
    request: Request, stored: StoredResponse, age: float, now: WallTime, policy: Policy, cache_status: bytes | None
) -> Response:
    """The answer to `request` from `stored`, `age` seconds old. `cache_status` is our member of Cache-Status."""
    fields = request.fields
    seconds = age_seconds(age)
    method = request.method
    if method in _CONDITIONAL_METHODS:
        for name in _PRECONDITIONS:
            if name in fields:
                judged = _judged(request, stored, seconds, now, policy, cache_status)
                if judged is not None:
                    return judged
                break
        if method == "GET" and b"range" in fields:
            ranged = _ranged(request, stored, seconds, policy, cache_status)
            if ranged is not None:
                return ranged
    head = whole(stored, policy).at(seconds, cache_status)
    body = stored.body
    response = Response(stored.status, head, b"" if method == "HEAD" else body, stored.reason)
    response.dated = True
    response.stored = stored
    if method == "HEAD":
        response.described_length = len(body)
    return response


def _judged(
    request: Request, stored: StoredResponse, age: int, now: WallTime, policy: Policy, cache_status: bytes | None
) -> Response | None:
    """304 or 412 where the client's conditions lead to one."""
    outcome = evaluate(
        request.method,
        request.fields,
        status=stored.status,
        etag=entity_tag_for_clients(stored, policy),
        last_modified=stored.last_modified,
        now=now,
        date=date_of(stored.fields, stored.response_time),
    )
    if outcome is Outcome.PROCEED:
        return None
    if outcome is Outcome.PRECONDITION_FAILED:
        return _without_content(412, Fields(), cache_status)
    heads = stored.derived("heads.304")
    if heads is None:
        heads = stored.derive("heads.304", lambda stored: Heads(_reduced(_base(stored, policy)), 0), _octets)
    response = Response(304, heads.at(age, cache_status))
    response.dated = True
    response.stored = stored
    return response


def _ranged(
    request: Request, stored: StoredResponse, age: int, policy: Policy, cache_status: bytes | None
) -> Response | None:
    """206 or 416 where Range applies: to a whole 200, or inside of a stored part."""
    part = stored_part(stored)
    if stored.status != 200 and part is None:
        return None
    offset, length = (0, len(stored.body)) if part is None else (part.start, part.length or 0)
    etag = entity_tag_for_clients(stored, policy)
    if not range_applies(request.fields, etag, stored.last_modified, own_date(stored.fields, stored.response_time)):
        return None
    ranges = requested_ranges(request.fields.get(b"range"), length)
    if ranges is UNSATISFIABLE:
        fields = Fields([(b"Content-Range", unsatisfied_content_range(length))])
        return _without_content(416, fields, cache_status)
    if not isinstance(ranges, list):
        return None
    fields = whole(stored, policy).at(age, cache_status)
    if len(ranges) == 1:
        start, end = ranges[0]
        fields.set(b"Content-Range", content_range(ByteRange(start, end), length))
        body = stored.body[start - offset : end - offset]
    else:
        boundary = token_hex(16).encode()
        content_type = fields.get(b"content-type")
        body = multipart_byteranges(
            stored.body, ranges, content_type=content_type, boundary=boundary, offset=offset, length=length
        )
        fields.remove(b"content-range")
        fields.set(b"Content-Type", multipart_content_type(boundary))
    response = Response(206, fields, body)
    response.dated = True
    return response


def answer_fetched(request: Request, response: Response, received: WallTime) -> Response | None:
    """304 or 412 for a client whose conditions were not sent upstream, given the head of the answer that came;
    `None` when the client gets that answer. Its content is still there to be stored."""
    if request.method not in _CONDITIONAL_METHODS:
        return None
    fields = response.fields
    modified = fields.get(b"last-modified")
    outcome = evaluate(
        request.method,
        request.fields,
        status=response.status,
        etag=parse_entity_tag(fields.get(b"etag")),
        last_modified=parse_date(modified, received) if modified is not None else None,
        now=received,
        date=date_of(fields, received),
    )
    if outcome is Outcome.PROCEED:
        return None
    if outcome is Outcome.PRECONDITION_FAILED:
        return _without_content(412, Fields(), None)
    return Response(304, _reduced(fields))


def whole(stored: StoredResponse, policy: Policy) -> Heads:
    """The fields of answers with the whole of `stored`."""
    heads: Heads | None = stored.derived("heads")
    if heads is None:
        heads = stored.derive("heads", lambda stored: Heads(_base(stored, policy), len(stored.body)), _octets)
    return heads


def _base(stored: StoredResponse, policy: Policy) -> Fields:
    """The stored fields, with the entity tag for clients."""
    fields = stored.fields.copy()
    tag: EntityTag | None = entity_tag_for_clients(stored, policy)
    if tag is not None and stored.etag is None:
        fields.add(b"ETag", tag.encode())
    return fields


def _reduced(fields: Fields) -> Fields:
    """What a 304 has of them: Last-Modified only where there is nothing better to go by (RFC 9110 §15.4.5)."""
    reduced = fields.copy()
    reduced.remove_any(_REPRESENTATION | {b"last-modified"} if b"etag" in fields else _REPRESENTATION)
    return reduced


def _without_content(status: int, fields: Fields, cache_status: bytes | None) -> Response:
    if cache_status is not None:
        append(fields, cache_status)
    return Response(status, fields)


def _octets(heads: Heads) -> int:
    return heads.octets
