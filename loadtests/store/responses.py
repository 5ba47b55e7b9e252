"""Stored responses as an origin would bring them, nothing shared between them but names of fields."""

from gateway.api import Fields, WallTime
from gateway.http.response_head import ResponseHeads
from gateway.http.validators import EntityTag
from plugins.cache.stored import StoredResponse

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: public, max-age=60\r\n"
    b'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: "%d"\r\nServer: origin\r\nLink: </style/%d.css>; rel=preload\r\n'
    b"X-Trace: %032x\r\nContent-Length: %d\r\n\r\n"
)


def key_of(number: int) -> bytes:
    """The primary key of response `number`."""
    return b"http://shop.example/products/%d?page=1" % number


def response(
    number: int, body: bytes, *, tags: frozenset[bytes] = frozenset(), fields: Fields | None = None
) -> StoredResponse:
    """Response `number`; reading `fields` takes longer than storing, so they may be given."""
    now = WallTime(784_111_777.0 + number)
    if fields is None:
        fields = fields_of(number, len(body))
    return StoredResponse(
        key=key_of(number),
        route="shop",
        status=200,
        fields=fields,
        body=body,
        request_time=now,
        response_time=now,
        stored_at=now,
        lifetime=60.0,
        etag=EntityTag(b"%d" % number),
        tags=tags,
        origin_seconds=0.02,
    )


def fields_of(number: int, length: int) -> Fields:
    """The fields of response `number`, read from a head."""
    head, *_ = ResponseHeads().parse(_HEAD % (number, number, number, length), "GET")
    head.fields.encode()
    return head.fields
