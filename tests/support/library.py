"""An origin with a thousand texts for what changes contents on their way: sizes, framings and pieces as chance has it.

| target | answer |
|---|---|
| `/body/N` | text N, with a length or in chunks, in one piece or many |
| `/kept/N` | the same with `max-age=600`, a strong tag, and 304 where that fits |
| `/coded/N` | the same in gzip whatever is asked for |
| `/bomb/CODING` | a few kilobytes that want to be a gigabyte, in pieces |
| `/bomb/CODING/whole` | the same with a length, in one piece |
| `/cut/N` | text N in gzip, but for its last octets |
| `/late` | the first half of a long text in gzip, and its end once the first event is set: cut short in the middle |
| `/events` | three events, each when `release` is set |
| `/report` | 204; what a page found is in the request |
| `/page` | `page`, for a browser |
"""

from __future__ import annotations

import random
import threading
import time
from functools import cache

from gateway.http.dates import format_date
from plugins.compress.settings import Coding
from tests.support.coded import bomb_of, cut, reference_encode, text_of
from tests.support.origin import Connection, Origin, Received

TAG = '"text-%d"'


@cache
def content_of_text(number: int) -> bytes:
    """Text `number`: from nothing to 200,000 octets, mostly a few thousand."""
    chance = random.Random(number)
    size = chance.choice([0, 1, 511, 512, chance.randrange(2_000), chance.randrange(20_000), chance.randrange(60_000)])
    if number % 50 == 7:
        size = 150_000 + chance.randrange(50_000)
    return chance.randbytes(size) if number % 20 == 3 else text_of(size, number)


class Library(Origin):
    """Serves the texts."""

    def __init__(self) -> None:
        super().__init__(self._serve_texts)
        self._bombs = threading.Lock()
        self.events = [threading.Event() for _ in range(3)]
        self.page = b""

    def _serve_texts(self, connection: Connection) -> None:
        while (request := connection.request()) is not None:
            kind, _, rest = request.target.decode().partition("?")[0].lstrip("/").partition("/")
            if kind == "events":
                self._tell_events(connection)
            elif kind == "late":
                self._stop_half_way(connection)
            elif kind == "bomb":
                self._throw(connection, rest)
            else:
                connection.send(self._answer(request, kind, rest))

    def _answer(self, request: Received, kind: str, rest: str) -> bytes:
        if kind == "report":
            return b"HTTP/1.1 204 No Content\r\n" + _date() + b"\r\n"
        if kind == "page":
            return _whole(self.page, b"Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n")
        if not rest.isdecimal():
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n" + _date() + b"\r\n"
        number = int(rest)
        content, fields = content_of_text(number), b"Content-Type: text/plain; charset=latin-1\r\n"
        if kind == "kept":
            tag = (TAG % number).encode()
            fields += b"Cache-Control: max-age=600\r\nETag: " + tag + b"\r\n"
            if tag in b", ".join(request.all(b"if-none-match")):
                return b"HTTP/1.1 304 Not Modified\r\nETag: " + tag + b"\r\n" + _date() + b"\r\n"
        if kind in ("coded", "cut"):
            content = reference_encode(Coding.GZIP, content)
            fields += b"Content-Encoding: gzip\r\n"
        if kind == "cut":
            content = content[:-4]
        answer = _whole(content, fields) if number % 3 == 0 else _in_pieces(content, fields, number)
        return answer[: answer.index(b"\r\n\r\n") + 4] if request.method == "HEAD" else answer

    def _tell_events(self, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + _date())
        connection.send(b"Transfer-Encoding: chunked\r\n\r\n")
        for number, event in enumerate(self.events):
            event.wait(30)
            connection.send(b"9\r\ndata: %d\n\n\r\n" % number)
        connection.send(b"0\r\n\r\n")

    def _stop_half_way(self, connection: Connection) -> None:
        coded = reference_encode(Coding.GZIP, text_of(200_000))
        half = coded[: len(coded) // 2]
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n" + _date())
        connection.send(b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(half), half))
        self.events[0].wait(30)
        connection.send(b"0\r\n\r\n")

    def _throw(self, connection: Connection, rest: str) -> None:
        coding, _, how = rest.partition("/")
        with self._bombs:  # one that is being made for all who ask for it meanwhile
            content = bomb_of(Coding(coding))
        fields = b"Content-Type: text/plain\r\nContent-Encoding: " + coding.encode() + b"\r\n"
        connection.send(_whole(content, fields) if how else _in_pieces(content, fields, 1))


def _date() -> bytes:
    return b"Date: %b\r\n" % format_date(time.time())


def _whole(content: bytes, fields: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%b%bContent-Length: %d\r\n\r\n%b" % (_date(), fields, len(content), content)


def _in_pieces(content: bytes, fields: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    sizes = [chance.choice([1, 10, 1_000, 5_000, 40_000]) for _ in range(chance.choice([0, 1, 3, 30]))]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut(content, sizes))
    return b"HTTP/1.1 200 OK\r\n%b%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (_date(), fields, chunks)
