"""The same traffic on two roads: what an origin does at its best and at its worst, by the word in the target, and what
a client makes of it."""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import dataclass, field

from tests.support.answer import NO_CONTENT, Answer, read_answer
from tests.support.client import Address, Client, request
from tests.support.origin import Connection
from tests.support.sending import WHOLE
from tests.support.wire import MalformedError, TruncatedError

SMUGGLED = b"nobody-asked-for-this"
LARGE = 70_000
_OWN = ("date", "via", "age")


def _ok(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"X-Mark: 1", b"", b""])


def _chunks(body: bytes, size: int, trailers: bytes = b"") -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces) + b"0\r\n" + trailers + b"\r\n"


_FALSE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED)
_SIZED = _ok(b"Content-Length: 11")
_LONG = _ok(b"Content-Length: %d" % LARGE)
_CHUNKED = _ok(b"Transfer-Encoding: chunked")

GOOD = {
    "sized": _SIZED + b"hello world",
    "empty": _ok(b"Content-Length: 0"),
    "long": _LONG + b"l" * LARGE,
    "chunked": _CHUNKED + _chunks(b"hello world", 4),
    "trailers": _ok(b"Transfer-Encoding: chunked", b"Trailer: X-End") + _chunks(b"hello", 2, b"X-End: yes\r\n"),
    "none": _ok(status=b"204 No Content"),
    "same": _ok(b'ETag: "a"', status=b"304 Not Modified"),
    "same-sized": _ok(b'ETag: "a"', b"Content-Length: 11", status=b"304 Not Modified"),
    "hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + _SIZED + b"hello world",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + _SIZED + b"hello world",
    "missing": _ok(b"Content-Length: 2", status=b"404 Not Found") + b"no",
    "broken": _ok(b"Content-Length: 2", status=b"500 Internal Server Error") + b"no",
    "odd": b"HTTP/1.1 299 \r\nContent-Length: 2\r\nKeep-Alive: timeout=3\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nok",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "cookie": _ok(b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"Content-Length: 2") + b"ok",
}
"""What is said by an origin that keeps the connection (but for `old`)."""

TWO_HEADS = ("hints", "continue")

AND_CLOSES = {
    "until-close": _ok() + b"hello world",
    "last": _ok(b"Connection: close", b"Content-Length: 2") + b"ok",
    "old-until-close": b"HTTP/1.0 200 OK\r\n\r\nhello world",
    "none-with-content": _ok(b"Content-Length: 21", status=b"204 No Content") + SMUGGLED,
    "same-with-content": _ok(status=b"304 Not Modified") + SMUGGLED,
    "and-another": _SIZED + b"hello world" + _FALSE,
    "none-and-another": _ok(status=b"204 No Content") + _FALSE,
    "chunked-and-another": _CHUNKED + _chunks(b"hello", 2) + _FALSE,
    "both-framings": _ok(b"Content-Length: 5", b"Transfer-Encoding: chunked") + _chunks(b"hello", 5),
    "two-lengths": _ok(b"Content-Length: 5", b"Content-Length: 6") + b"hello",
    "folded": _ok(b"X-Folded: a", b" b", b"Content-Length: 2") + b"ok",
    "spaced": _ok(b"X-Spaced : a", b"Content-Length: 2") + b"ok",
    "bare-lines": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "bad-chunk": _CHUNKED + b"5\r\nhello\r\nzz\r\n",
    "garbage": b"SSH-2.0-OpenSSH\r\n\r\n",
    "switches": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "hints-only": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
    "many-hints": b"HTTP/1.1 102 Processing\r\n\r\n" * 40,
    "half-a-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half-a-body": _SIZED + b"hello",
    "half-of-long": _LONG + b"l" * 40_000,
    "half-a-chunk": _CHUNKED + b"b\r\nhello",
    "silence": b"",
}
"""What is said by one that closes afterwards, or should not have said that. It leaves whole: what comes late would be
for whoever has the connection by then."""

WORDS = (*GOOD, *AND_CLOSES)
RESETS = ("silence", "half-a-head", "half-a-body", "half-of-long", "half-a-chunk")
"""After these it may also reset."""
FRAMING = ("content-length", "transfer-encoding")
"""How content is framed depends on how much of it comes at once."""


def origin_of_twins(connection: Connection) -> None:
    """Say what the last-but-one part of the target names, in pieces as the last part says."""
    while (asked := connection.head()) is not None:
        word, _, manner = asked.target.rpartition(b"/")[0].rpartition(b"/")[2].decode().partition(".")
        step = int(asked.target.rpartition(b"/")[2].partition(b"-")[0])
        early = "early" in manner
        if not early:
            connection.content(asked)
        said = GOOD.get(word) or AND_CLOSES.get(word, b"")
        if asked.method == "HEAD" and word in GOOD:
            said = said[: said.index(b"\r\n\r\n", said.index(b"\r\n\r\n") + 4 if word in TWO_HEADS else 0) + 4]
        connection.send(said, step if word in GOOD else WHOLE)
        if early:
            connection.content(asked)
        if word in AND_CLOSES or word == "old":
            if "reset" in manner:
                connection.reset()
            else:
                connection.sock.shutdown(socket.SHUT_WR)
                connection.left()
            return


@dataclass(frozen=True)
class Asked:
    """A request of a script."""

    method: str
    place: str
    """The target behind the name of the road."""
    fields: tuple[str, ...]
    body: bytes | None

    def octets(self, road: str) -> bytes:
        """It, sent on one of the roads."""
        return request(self.method, f"/{road}/{self.place}", *self.fields, body=self.body)


@dataclass(frozen=True)
class Script:
    """What a client does on one connection."""

    asked: list[Asked]
    pipelined: bool
    step: int
    """Octets of a piece when it sends; zero for all at once."""


def script_of(seed: int) -> Script:
    """A client's doings."""
    rng = random.Random(seed)
    pipelined, step = rng.random() < 0.4, rng.choice((WHOLE, WHOLE, WHOLE, 1, 7, 50))
    asked = [_asked(rng, f"{seed}.{number}", step) for number in range(rng.randrange(1, 6))]
    return Script(asked, pipelined, step)


def _asked(rng: random.Random, name: str, step: int) -> Asked:
    word = rng.choice(tuple(GOOD) if rng.random() < 0.5 else WORDS)
    method = rng.choice(("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"))
    manner = ""
    if word in RESETS and rng.random() < 0.5:
        manner = ".reset"
    fields: list[str] = []
    if rng.random() < 0.3:
        fields.append("X-Forwarded-For: 192.0.2.9")
    if rng.random() < 0.2:
        fields += ["Connection: X-Secret", "X-Secret: hop"]
    if rng.random() < 0.2:
        fields.append('If-None-Match: "a"')
    body = None
    if method in ("POST", "PUT"):
        body = b"GET /smuggled/sized/0-x HTTP/1.1\r\nHost: evil.test\r\n\r\n"[: rng.randrange(60)]
        if body and step == WHOLE and word in GOOD and rng.random() < 0.4:
            manner = ".early"  # of content in pieces some would be missing, or none
    return Asked(method, f"{word}{manner}/{rng.choice((0, 0, 1, 5, 60))}-{name}", tuple(fields), body)


@dataclass
class Seen:
    """What a client has seen of one answer. How much came of one that broke off is a matter of time."""

    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    end: str = ""


def play(address: Address, script: Script, road: str) -> list[Seen]:
    """What the client of a script sees on a road, up to the answer that is the last on its connection."""
    seen: list[Seen] = []
    with Client(address) as client, contextlib.ExitStack() as stack:
        if script.pipelined:
            stack.enter_context(client.sending(b"".join(each.octets(road) for each in script.asked), script.step))
        for asked in script.asked:
            if not script.pipelined:
                client.send(asked.octets(road), script.step)
            seen.append(_settled(_see(client, asked.method, road), asked))
            if seen[-1].end:
                break
    return seen


def _settled(seen: Seen, asked: Asked) -> Seen:
    """Without what depends on when octets come."""
    if asked.place.startswith("half-a-body") and asked.method != "HEAD":
        is_told = seen.status == 502  # that a short answer broke off, unless it took too long
        return Seen(end="broken off" if is_told or seen.end == "broken off" else "whole")
    if seen.status == 502 and ".reset" in asked.place:
        return Seen(502, end=seen.end)
    if asked.method != "HEAD" and seen.status not in NO_CONTENT:
        seen.fields = [(name, value) for name, value in seen.fields if name not in FRAMING]
    return seen


def _see(client: Client, method: str, road: str) -> Seen:
    seen = Seen()

    def on_head(answer: Answer) -> None:
        seen.status = answer.status
        seen.fields = [
            (name.decode(), value.decode("latin-1").replace(road, "ROAD"))
            for name, value in answer.fields
            if name.decode() not in _OWN
        ]

    try:
        answer = read_answer(client.wire, method, on_head=on_head)
    except TruncatedError:
        seen.end = "broken off"
        return seen
    except MalformedError as error:
        seen.end = f"malformed: {error}"
        return seen
    seen.body = answer.body.replace(road.encode(), b"ROAD")
    assert not (method == "HEAD" or seen.status in NO_CONTENT) or not seen.body
    seen.trailers = answer.trailers
    seen.interim = [each.status for each in answer.interim]
    if answer.closes:
        seen.end = "closed"
    return seen


def leave(address: Address, script: Script, road: str, rng: random.Random, *, reset: bool) -> None:
    """Send some of a script, read some of the answers, and go."""
    octets = b"".join(each.octets(road) for each in script.asked)
    with Client(address) as client:
        client.send(octets[: rng.randrange(1, len(octets) + 1)])
        for _ in range(rng.randrange(3)):
            client.sock.settimeout(0.02)
            with contextlib.suppress(TimeoutError, OSError):
                client.sock.recv(rng.choice((1, 30, 4096)))
        if reset:
            client.reset()


def made_of(script: Script, road: str) -> dict[bytes, Asked]:
    """The requests of a script by their targets."""
    return {f"/{road}/{asked.place}".encode(): asked for asked in script.asked}
