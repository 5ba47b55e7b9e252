"""An origin that makes a cache's life hard: it changes its mind about Vary, about lifetimes and about framing, breaks
off, and says in every content what that content is good for."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from gateway.http.dates import format_date
from tests.support.origin import Connection, Origin, Received

ANY = b"*"
"""In the place of a value on which a content does not depend."""
NAMES = (b"x-user", b"accept-language", b"x-request-id")
"""Request fields that the origin may vary by. The replay lane ignores the last one unless told otherwise."""
_VARIES = [(), (), NAMES[:1], NAMES[1:2], NAMES[2:], NAMES[:2], NAMES[::2], NAMES]
_LIFETIMES = [
    b"max-age=60",
    b"max-age=60",
    b"max-age=60",
    b"max-age=1",
    b"max-age=0",
    b"no-cache",
    b"max-age=60, public",
]
_MORE = [b"", b"", b", stale-while-revalidate=30", b", stale-if-error=30"]
_PERSONAL = [b"private, max-age=60", b"no-store", b"max-age=60, private", b"max-age=60\r\nSet-Cookie: session=1"]
_LARGE = 150_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a content says about itself; `values` are those of `NAMES`."""

    version: int
    values: tuple[bytes, ...]
    owner: bytes
    """Whom it is for alone, `ANY` for everybody."""

    @classmethod
    def read(cls, octets: bytes) -> Content:
        """From a content, or from an entity tag without its quotes."""
        version, *values, owner = octets.split(b"|")[: len(NAMES) + 2]
        return cls(int(version), tuple(values), owner)

    def written(self) -> bytes:
        """The same as octets; the first six are the version."""
        return b"|".join([b"%06d" % self.version, *self.values, self.owner])


class Fickle(Origin):
    """The origin. Every target has a version, which a PUT raises, and a POST to `/all` raises all of them."""

    def __init__(self, seed: int) -> None:
        super().__init__(self._follow)
        self._draw = random.Random(seed)
        self._versions: defaultdict[bytes, int] = defaultdict(lambda: 1)
        self._all = 0
        self._guard = threading.Lock()

    def version(self, target: bytes) -> int:
        """What a target has now."""
        with self._guard:
            return self._versions[target] + self._all

    def _follow(self, connection: Connection) -> None:
        while (request := connection.request()) is not None:
            if request.method == "GET":
                going = self._get(connection, request)
            else:
                going = connection.send(self._change(request))
            if not going:
                return

    def _change(self, request: Received) -> bytes:
        with self._guard:
            if request.target == b"/all":
                self._all += 1
                return b'HTTP/1.1 204 No Content\r\nCache-Group-Invalidation: "all"\r\n\r\n'
            self._versions[request.target] += 1
            version = self._versions[request.target] + self._all
        return b"HTTP/1.1 204 No Content\r\nX-Version: %d\r\n\r\n" % version

    def _get(self, connection: Connection, request: Received) -> bool:
        with self._guard:
            vary = self._draw.choice(_VARIES)
            control = self._draw.choice(_LIFETIMES) + self._draw.choice(_MORE)
            personal = self._draw.choice(_PERSONAL)
            chance = self._draw.random()
            hesitates = self._draw.random() < 0.2
        given = dict(request.fields)
        owner = ANY
        if request.target.startswith(b"/me/"):
            control, owner = personal, given.get(b"authorization") or given.get(b"cookie") or b"-"
            if owner.startswith(b"Basic") and chance < 0.5:
                control = b"max-age=60"  # for one user all the same: the request had credentials
        values = tuple(given.get(name, b"-") if name in vary else ANY for name in NAMES)
        content = Content(self.version(request.target), values, owner).written()
        tag = b'"%b"' % content
        head = b"Date: %b\r\nCache-Control: %b\r\nETag: %b\r\n" % (format_date(time.time()), control, tag)
        head += b'Cache-Groups: "all"\r\n'
        if vary:
            head += b"Vary: %b\r\n" % b", ".join(vary)
        if hesitates:
            time.sleep(0.01)  # what it says is decided; meanwhile others change it
        if tag in request.all(b"if-none-match"):
            return connection.send(b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % head)
        octets = (content + b"|").ljust(_LARGE if chance > 0.9 else 100, b".")
        if 0.5 < chance < 0.7:
            lines = b"Transfer-Encoding: chunked\r\n"
            octets = b"%x\r\n%b\r\n0\r\n\r\n" % (len(octets), octets)
        else:
            lines = b"Content-Length: %d\r\n" % len(octets)
        octets = b"HTTP/1.1 200 OK\r\n%b%b\r\n%b" % (head, lines, octets)
        if 0.88 < chance < 0.92:
            connection.send(octets[: -len(octets) // 4])
            return False
        half = len(octets) // 2
        if hesitates and connection.send(octets[:half]):
            time.sleep(0.005)
            octets = octets[half:]
        return connection.send(octets)
