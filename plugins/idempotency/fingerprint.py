"""What makes a request the same request."""

from __future__ import annotations

from hashlib import blake2b

from gateway.api import BodyStream, Fields, Request
from plugins.idempotency.settings import Fingerprint

_DESCRIBING = (b"content-type", b"content-encoding")


class Print:
    """The fingerprint of a request. As a sink it takes content that passes by."""

    __slots__ = ("_digest", "is_whole", "wants_content")

    def __init__(self, request: Request, by: Fingerprint) -> None:
        self._digest = blake2b(digest_size=32)
        self.wants_content = by is Fingerprint.CONTENT
        self.is_whole = not self.wants_content
        """Whether all of the content is in it."""
        parts = [request.method.encode(), request.target]
        if self.wants_content:
            parts += [request.fields.get(name) or b"" for name in _DESCRIBING]
        for part in parts:
            self._digest.update(b"%d:%b" % (len(part), part))
        if self.wants_content and isinstance(request.body, bytes):
            self.feed(request.body)
            self.is_whole = True

    def feed(self, data: bytes) -> None:
        """The next octets of the content."""
        self._digest.update(data)

    def finish(self, trailers: Fields | None) -> None:
        """That was all of it."""
        self.is_whole = True

    def fail(self, error: Exception) -> None:
        """There is no more of it: it never becomes whole."""

    async def read(self, body: BodyStream) -> None:
        """Take the whole content of a request that goes no further, and keep none of it."""
        async for piece in body:
            self.feed(piece)
        self.is_whole = True

    @property
    def octets(self) -> bytes:
        """What is compared."""
        return self._digest.digest()
