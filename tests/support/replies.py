"""The script of an origin that does everything right, with one target for each way of answering.

| target | answer |
|---|---|
| `/size/N` | N octets with Content-Length |
| `/chunked/N` | N octets in chunks, with the trailer fields `X-Digest` and `X-Ended` |
| `/until-close/N` | N octets that end with the connection |
| `/endless` | octets until the peer leaves |
| `/early-hints` | 103, then 200 |
| `/slow/N` | after N milliseconds |
| `/events` | an event at once, the second one when the test releases it |
| `/hold` | when the test releases it |
| `/refuse-upload` | 413 as soon as the head is there, then the end of the connection, what comes being thrown away |
| `/drop` | 200 as if the connection stayed, which it does not |
| `/status/N` | that status |
| `…/act/NAME` | what the test entered under that name in the origin's `acts`; it reads the content itself |
| anything else | what was asked, as JSON |

A request that expects 100-continue gets it before its content is read."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable, Iterator

from tests.support.origin import Connection, Received
from tests.support.wire import Field

_BLOCK = bytes(range(256)) * 256
DATE = b"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"


def content(size: int) -> Iterator[bytes]:
    """`size` octets, the same ones every time, in pieces of 64 KiB."""
    for _ in range(size // len(_BLOCK)):
        yield _BLOCK
    if size % len(_BLOCK):
        yield _BLOCK[: size % len(_BLOCK)]


def digest(size: int) -> str:
    """SHA-256 of `content(size)`."""
    hashed = hashlib.sha256()
    for piece in content(size):
        hashed.update(piece)
    return hashed.hexdigest()


def well_behaved(connection: Connection) -> None:
    """Answer requests until the peer leaves."""
    while (request := connection.head()) is not None:
        name = request.target.partition(b"/act/")[2]
        if name:
            if not connection.origin.acts[name](connection, request):
                return
            continue
        kind = request.target.partition(b"?")[0].split(b"/")[1:2] or [b""]
        if kind == [b"refuse-upload"]:
            connection.send(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nless")
            connection.sock.shutdown(socket.SHUT_WR)
            while connection.wire.some():  # as servers do that want their answer to be read
                continue
            return
        if b"100-continue" in [value.lower() for value in request.all(b"expect")]:
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.content(request)
        if not _REPLIES.get(kind[0], _echo)(connection, request) or b"close" in request.all(b"connection"):
            return


def answer(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with Content-Length."""
    head = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n" + DATE + b"\r\n" + body


def described(request: Received) -> bytes:
    """A request as JSON: what the origin saw of it."""
    return json.dumps(
        {
            "connection": request.connection,
            "method": request.method,
            "target": request.target.decode("latin-1"),
            "minor": request.minor,
            "fields": _texts(request.fields),
            "size": request.size,
            "digest": request.digest,
            "body": request.body[:1024].decode("latin-1"),
            "trailers": _texts(request.trailers),
        }
    ).encode()


def _texts(fields: list[Field]) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in fields]


def _number(request: Received) -> int:
    return int(request.target.partition(b"?")[0].rsplit(b"/", 1)[1])


def _echo(connection: Connection, request: Received) -> bool:
    reply = answer(described(request), b"Content-Type: application/json")
    return connection.send(reply[: reply.index(b"\r\n\r\n") + 4] if request.method == "HEAD" else reply)


def _sized(connection: Connection, request: Received) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % _number(request))
    return request.method == "HEAD" or all(connection.send(piece) for piece in content(_number(request)))


def _chunked(connection: Connection, request: Received) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\nTrailer: X-Digest, X-Ended\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in content(_number(request)):
        if not connection.send(b"%x\r\n%b\r\n" % (len(piece), piece)):
            return False
    return connection.send(b"0\r\nX-Digest: %b\r\nX-Ended: yes\r\n\r\n" % digest(_number(request)).encode())


def _until_close(connection: Connection, request: Received) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for piece in content(_number(request)):
        connection.send(piece)
    return False


def _endless(connection: Connection, request: Received) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while connection.send(b"1000\r\n" + _BLOCK[:4096] + b"\r\n"):
        pass
    return False


def _early_hints(connection: Connection, request: Received) -> bool:
    connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    return connection.send(answer(b"ready", b"Link: </style.css>; rel=preload"))


def _slow(connection: Connection, request: Received) -> bool:
    time.sleep(_number(request) / 1000)
    return connection.send(answer(b"slow"))


def _events(connection: Connection, request: Received) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send(b"d\r\ndata: first\n\n\r\n")
    connection.origin.release.wait(30)
    return connection.send(b"e\r\ndata: second\n\n\r\n0\r\n\r\n")


def _hold(connection: Connection, request: Received) -> bool:
    connection.origin.release.wait(30)
    return connection.send(answer(b"held"))


def _drop(connection: Connection, request: Received) -> bool:
    connection.send(answer(b"and gone"))
    return False


def _status(connection: Connection, request: Received) -> bool:
    return connection.send(answer(b"", status=b"%d Chosen" % _number(request)))


_REPLIES: dict[bytes, Callable[[Connection, Received], bool]] = {
    b"size": _sized,
    b"chunked": _chunked,
    b"until-close": _until_close,
    b"endless": _endless,
    b"early-hints": _early_hints,
    b"slow": _slow,
    b"events": _events,
    b"hold": _hold,
    b"drop": _drop,
    b"status": _status,
}
