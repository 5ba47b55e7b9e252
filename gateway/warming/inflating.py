"""Files that may be gzipped: told apart by their first octets, bounded in what becomes of them. No I/O."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_GZIP = b"\x1f\x8b"
_STEP = 256 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class TooMuchError(ValueError):
    """More than was allowed; the text says of what."""


class Inflating:
    """Octets in, the content out: inflated where they are gzip, several members one after the other included."""

    def __init__(self, limit: int) -> None:
        """`limit` is how many octets may come out."""
        self._limit = limit
        self._begin = b""
        self._inflate: zlib._Decompress | None = None
        self._is_plain = False
        self._is_inside = False
        self._octets = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these octets bring, in pieces: a little gzip may be very much. Raises TooMuchError, and ValueError for
        broken gzip. To be iterated to its end."""
        if self._is_plain:
            yield self._count(data)
            return
        if self._inflate is None:
            self._begin += data
            if len(self._begin) < len(_GZIP):
                return
            data, self._begin = self._begin, b""
            if not data.startswith(_GZIP):
                self._is_plain = True
                yield self._count(data)
                return
            self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        yield from self._inflated(data)

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        while self._inflate is not None:
            if not self._is_inside:
                data = data.lstrip(b"\0")  # padding between members and behind the last
            if not data:
                return
            self._is_inside = True
            try:
                found = self._inflate.decompress(data, _STEP)
            except zlib.error as error:
                raise ValueError(f"broken gzip: {error}") from None
            data = self._inflate.unconsumed_tail
            if self._inflate.eof:
                data = self._inflate.unused_data
                self._inflate, self._is_inside = zlib.decompressobj(_GZIP_WINDOW), False
            yield self._count(found)

    def finish(self) -> bytes:
        """What is left when there is no more. Raises ValueError when gzip was cut short."""
        if self._is_inside:
            raise ValueError("broken gzip: cut short")
        data, self._begin = self._begin, b""
        return self._count(data)

    def _count(self, data: bytes) -> bytes:
        self._octets += len(data)
        if self._octets > self._limit:
            raise TooMuchError(f"more than {self._limit} octets")
        return data
