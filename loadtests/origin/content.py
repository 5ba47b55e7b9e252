"""Contents of an exact size, and the fields a real origin sends with them."""

import zlib
from email.utils import formatdate

KIB = 1024
_LAST_MODIFIED = "Tue, 04 Feb 2025 08:00:00 GMT"


def json_content(size: int) -> bytes:
    """A JSON document of exactly `size` octets: a list of items, padded to length.

    The items differ, so that a content coding has something real to do. Raises `ValueError` below 25 octets."""
    room = size - len('{"items":[],"padding":""}')
    if room < 0:
        raise ValueError(f"no document fits into {size} octets")
    items: list[str] = []
    while True:
        item = _item(len(items))
        cost = len(item) + bool(items)  # a comma before all but the first
        if cost > room:
            break
        items.append(item)
        room -= cost
    return f'{{"items":[{",".join(items)}],"padding":"{"." * room}"}}'.encode()


def _item(number: int) -> str:
    mark = zlib.crc32(str(number).encode())
    in_stock = "true" if mark % 3 else "false"
    return f'{{"id":{number},"name":"article {mark:08x}","price":{mark % 99_999},"in_stock":{in_stock}}}'


def entity_tag(content: bytes) -> str:
    """A strong validator of `content` (RFC 9110 §8.8.3)."""
    return f'"{zlib.crc32(content):08x}-{len(content):x}"'


def head(
    status: str, length: int | None, *, now: float, etag: str | None = None, cache_control: str = "no-store"
) -> bytes:
    """A response head ending in its empty line; without a length the content is chunked. `now` in Unix seconds."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Date: {formatdate(now, usegmt=True)}",
        "Server: loadtests-origin",
        "Content-Type: application/json; charset=utf-8",
        "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}",
        f"Cache-Control: {cache_control}",
        f"Last-Modified: {_LAST_MODIFIED}",
        "Vary: Accept-Encoding",
    ]
    if etag is not None:
        lines.append(f"ETag: {etag}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def response(content: bytes, *, now: float, cache_control: str = "no-store") -> bytes:
    """A whole 200 response with its validators."""
    return head("200 OK", len(content), now=now, etag=entity_tag(content), cache_control=cache_control) + content
