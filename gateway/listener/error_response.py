"""Errors become responses here, and nowhere else.

Each carries `Proxy-Status` (RFC 9209), a short body (problem+json when JSON is accepted, RFC 9457), and
`Retry-After` where another try may help. Details speak of this exchange alone; nothing of our insides leaks."""

from __future__ import annotations

import re

import orjson

from gateway.errors import GatewayError
from gateway.http.fields import Fields
from gateway.http.message import Replayable, Request, Response
from gateway.http.phrases import phrase

_LONGEST = 300
"""Characters of a detail worth remembering."""
_MOST = 512
"""Answers remembered at once; a full memory forgets everything, and the common ones are soon back."""
_rendered: dict[tuple[object, ...], tuple[Fields, bytes]] = {}
"""What errors with the same words became. A flood of refusals costs a tenth of making each anew (7 µs)."""

_EXCLUDED = re.compile(rb"(?:.*;)?[ \t]*q=0(?:\.0*)?[ \t]*").fullmatch


def proxy_status(name: str, error: GatewayError) -> bytes:
    """The member of Proxy-Status that says what went wrong (RFC 9209 §2.1)."""
    return f'{name}; error={error.proxy_error}; details="{_quotable(error.detail)}"'.encode("ascii")


def _quotable(text: str) -> str:
    """`text` as the inside of an sf-string: printable ASCII, quotes and backslashes escaped, bounded."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text[:200])
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def wants_json(request: Request | None) -> bool:
    """Whether the client would rather have JSON: it names a JSON type and does not exclude it."""
    if request is None:
        return False
    accept = request.fields.get(b"accept")
    if accept is None:
        return False
    types = [part.partition(b";") for part in accept.lower().split(b",")]
    return any(b"json" in name and not _EXCLUDED(weight) for name, _, weight in types)


def error_response(error: GatewayError, request: Request | None, name: str) -> Response:
    """The response that tells the downstream of `error`. `request` is `None` when there was none to read."""
    as_json = request is not None and wants_json(request)
    retry_after = error.retry_after
    if retry_after is not None:
        retry_after = max(1, round(retry_after))
    text = str(error)
    mark = (error.__class__, text, error.status, retry_after, as_json, name)
    found = _rendered.get(mark)
    if found is None:
        found = _render(error, retry_after, name, as_json=as_json)
        if len(text) <= _LONGEST:
            if len(_rendered) >= _MOST:
                _rendered.clear()
            _rendered[mark] = found
    own, body = found
    fields = own.copy()
    if request is not None and request.error_fields is not None:
        for field, value in request.error_fields:
            if field.lower() not in own:
                fields.add(field, value)
    return Response(error.status, fields, body)


def _render(error: GatewayError, retry_after: float | None, name: str, *, as_json: bool) -> tuple[Fields, bytes]:
    """The fields and the content for an error."""
    status = error.status
    title = phrase(status) or "Error"
    if as_json:
        body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": error.detail}) + b"\n"
        content_type = b"application/problem+json"
    else:
        body = f"{status} {title}: {error.detail}\n".encode("utf-8", "replace")
        content_type = b"text/plain; charset=utf-8"
    fields = Fields([(b"Content-Type", content_type)])
    if status >= 400:
        fields.add(b"Proxy-Status", proxy_status(name, error))
    fields.add(b"Cache-Control", b"no-store")
    if retry_after is not None:
        fields.add(b"Retry-After", b"%d" % retry_after)
    if status in (200, 405):  # 200: what is asked is what is allowed, and nobody behind may be asked
        fields.add(b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    fields.encode()  # its octets are shared by all copies
    return fields, body


def let_again(response: Response, source: Replayable, now: float) -> None:
    """Let `response`, which tells of an error, be given again as `source` says, from `now` on, in monotonic seconds.

    What changes with time then stands behind everything else, in one piece."""
    lines, _ = source.lines(now)
    changing = [line.split(b": ", 1) for line in lines.split(b"\r\n") if line]
    for name, _ in changing:
        response.fields.remove(name)
    for name, value in changing:
        response.fields.add(name, value)
    response.replay, response.replay_lines = source, lines
    response.dated = b"date" in response.fields


def internal_error(request: Request | None, name: str) -> Response:
    """The response for a broken promise in our own code; the log has the rest."""
    return error_response(GatewayError("the gateway failed; its log says why"), request, name)
