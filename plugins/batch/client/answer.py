"""The answer to one item, as JSON: `{"id": …, "status": …, "headers": …, "body": …}`.

JSON is put in as it came, text as text, and everything else in base64 with `"encoding": "base64"` beside it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson

from gateway.api import Fields, Response
from plugins.batch.client.items import Id
from plugins.batch.common.json_text import is_json

_UTF_8 = (b"", b"utf-8", b'"utf-8"', b"utf8", b"us-ascii")
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")
NO_CONTENT = frozenset({204, 304})


@dataclass(slots=True)
class Answered:
    """What became of one item."""

    octets: bytes
    """Its entry in the answer to the batch, one line."""
    status: int
    cookies: tuple[bytes, ...] = ()
    """Its `Set-Cookie` lines. They are for the browser alone, so no script may find them among the `headers`."""


def rendered(
    name: Id | None, response: Response, content: bytes, *, index: int | None = None, described: int | None = None
) -> Answered:
    """The entry of an item that got this response. `index` is its place in the batch, for answers out of order;
    `described` the length of content that an answer to HEAD only describes."""
    fields = response.fields
    entry: dict[str, object] = {} if index is None else {"index": index}
    if name is not None:
        entry["id"] = name
    headers = _headers(fields)
    if described is not None:
        headers["Content-Length"] = str(described)
    entry |= {"status": response.status, "headers": headers, "body": None}
    if content:
        entry["body"] = _readable(fields, content)
        if entry["body"] is None:
            entry["body"] = base64.b64encode(content).decode("ascii")
            entry["encoding"] = "base64"
    return Answered(orjson.dumps(entry), response.status, tuple(fields.values(b"set-cookie")))


def _headers(fields: Fields) -> dict[str, str]:
    """Fields by their name as it came, lines of one name joined (RFC 9110 §5.3)."""
    headers: dict[str, str] = {}
    names: dict[bytes, str] = {}
    for name, value in fields:
        lower = name.lower()
        if lower == b"set-cookie":
            continue
        known = names.setdefault(lower, name.decode("ascii"))
        headers[known] = f"{headers[known]}, {_text(value)}" if known in headers else _text(value)
    return headers


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _readable(fields: Fields, content: bytes) -> object:
    """Content as JSON or text, `None` when it is neither."""
    coding = fields.get(b"content-encoding")
    if coding is not None and coding.lower() != b"identity":
        return None
    content_type = (fields.get(b"content-type") or b"").lower()
    if content_type.partition(b"charset=")[2].partition(b";")[0].strip() not in _UTF_8:
        return None
    if is_json(content_type):
        try:
            orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
        else:  # an end of a line can only stand between two tokens, and must not end a line of answers
            return orjson.Fragment(content.translate(_LINE_ENDS))
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def array(answers: list[Answered]) -> bytes:
    """The answer to a batch, in the order of its items."""
    return b"[%b]\n" % b",\n".join(answer.octets for answer in answers)
