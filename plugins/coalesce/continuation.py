"""How an answer can go on by another exchange: what to ask for, and whether what comes is the same answer.

With a strong validator the rest is asked for, and the validator says that it belongs to what has come (RFC 9110 §14.2,
§13.1.5). Without one the whole is asked for once more; its head must be the same where it describes the content, and
its octets are compared with those that have come."""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.api import BodyStream, Fields, Response, StreamEnd
from plugins.coalesce.asked import Asked

_ABOUT_PARTS = frozenset(
    {b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"}
)
_DESCRIBING = (
    b"etag",
    b"last-modified",
    b"content-type",
    b"content-encoding",
    b"content-language",
    b"content-range",
    b"content-digest",
    b"repr-digest",
    b"digest",
)
_WITHOUT_END = (b"text/event-stream", b"multipart/x-mixed-replace")
_part = re.compile(rb"[ \t]*bytes[ \t]+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})[ \t]*", re.IGNORECASE).fullmatch


class Head(NamedTuple):
    """What is remembered of the answer that began."""

    status: int
    described: tuple[bytes | None, ...]
    """The fields that describe its content."""
    length: int | None
    etag: bytes | None
    """Its entity tag, if it is a strong one."""
    may_continue: bool
    """Whether there could be another exchange with the same content."""

    @property
    def must_compare(self) -> bool:
        """Whether only the octets themselves can tell that another answer has the same content."""
        return self.may_continue and self.etag is None

    def fields(self, asked: Asked, offset: int) -> Fields:
        """The fields of a request for the content from `offset` on, or for all of it."""
        if self.etag is None or self.status != 200 or asked.method != "GET" or not offset:
            return asked.fields
        fields = asked.fields
        fields.remove_any(_ABOUT_PARTS)
        fields.add(b"Range", b"bytes=%d-" % offset)
        fields.add(b"If-Range", self.etag)
        return fields

    def begins_at(self, response: Response, offset: int) -> int | None:
        """Where the content of `response` begins that was asked for with `fields`; `None` if it is another content."""
        body = response.body
        length = body.length if isinstance(body, BodyStream) else len(body)
        if response.status == 206 and self.status == 200:
            part = _part(response.fields.get(b"content-range") or b"")
            if part is None or response.fields.get(b"etag") != self.etag or self.etag is None:
                return None
            first, last, whole = int(part[1]), int(part[2]), int(part[3])
            fits = first == offset and last == whole - 1 and self.length in (None, whole)
            return offset if fits and length in (None, whole - first) else None
        if (response.status, length, _described(response.fields)) == (self.status, self.length, self.described):
            return 0
        return None


def head_of(response: Response, length: int | None) -> Head:
    """What is to be remembered of an answer whose content has that length, `None` where only the end tells."""
    fields = response.fields
    etag = fields.get(b"etag")
    kind = (fields.get(b"content-type") or b"").lower()
    strong = etag if etag is not None and etag.startswith(b'"') else None
    return Head(response.status, _described(fields), length, strong, not kind.startswith(_WITHOUT_END))


def content_of(response: Response) -> BodyStream:
    """The content of a response, at hand or not, as a stream. Who waits for its end is told when it has come."""
    body = response.body
    if isinstance(body, BodyStream):
        stream = body
    else:
        stream = BodyStream(len(body))
        stream.feed(body)
        stream.finish()
    if response.has_callbacks:
        stream.on_end(lambda end: response.sent(end is StreamEnd.FINISHED))
    return stream


def _described(fields: Fields) -> tuple[bytes | None, ...]:
    return tuple([fields.get(name) for name in _DESCRIBING])
