"""Taking a content coding off, with a bound on what may come out of it.

A bomb is told by what it does: it grows past `decode_up_to`, or past `decode_ratio` times what came once it has passed
`FREE` octets. No step gives more than `STEP` octets, so memory is bounded whatever comes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Protocol

from plugins.compress.codecs import unavailable
from plugins.compress.errors import ContentCodingError
from plugins.compress.libraries import brotli, isal_zlib, zstd
from plugins.compress.settings import Coding

STEP = 64 * 1024
"""Octets that one step decodes."""
FREE = 1024 * 1024
"""Octets below which nothing is a bomb."""
MOST_MEMBERS = 1000
"""Members of a gzip content, or frames of a zstd one. Each costs a new decompressor: parallel compressors write one for
128 KiB or more, so only somebody who means ill has so many."""
_WINDOW_ZSTD = 23
"""8 MiB, the most that a content coding may ask for (RFC 9659)."""
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What decoded content may grow to."""

    octets: int
    ratio: int


class _Inflater(Protocol):
    """A decompressor that gives at most so much at a time."""

    def step(self, data: bytes) -> bytes:
        """What comes of `data` (nothing, to go on with what it has), at most `STEP` octets."""

    @property
    def has_more(self) -> bool:
        """Whether another step without data may give more."""

    @property
    def is_complete(self) -> bool:
        """Whether the content may end here."""


class Decoder:
    """Takes a coding off a content that comes in pieces. Raises ContentCodingError, and is of no use after that."""

    __slots__ = ("_inflater", "_limits", "octets_in", "octets_out")

    def __init__(self, coding: Coding, limits: DecodeLimits) -> None:
        self._inflater = _make(coding)
        self._limits = limits
        self.octets_in = 0
        self.octets_out = 0

    def feed(self, data: bytes) -> bytes:
        """What these octets become."""
        self.octets_in += len(data)
        inflater, pieces = self._inflater, []
        try:
            piece = inflater.step(data)
            while piece or inflater.has_more:
                self._check(len(piece))
                pieces.append(piece)
                piece = inflater.step(b"")
        except ContentCodingError:
            raise
        except Exception as error:  # each library has errors of its own
            raise ContentCodingError(f"the content is not what its Content-Encoding says: {error}") from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> bytes:
        """Nothing more comes."""
        if self.octets_in and not self._inflater.is_complete:
            raise ContentCodingError("the coded content is cut short")
        return b""

    def _check(self, octets: int) -> None:
        total = self.octets_out = self.octets_out + octets
        limits = self._limits
        if total > limits.octets:
            raise ContentCodingError(f"the content grows past {limits.octets} octets when it is decoded")
        if total > FREE and total > limits.ratio * self.octets_in:
            raise ContentCodingError(f"the content grows to more than {limits.ratio} times what came")


def decode(coding: Coding, content: bytes, limits: DecodeLimits) -> bytes:
    """The whole content without its coding. Raises ContentCodingError."""
    decoder = Decoder(coding, limits)
    return decoder.feed(content) + decoder.finish()


def can_decode(name: bytes) -> Coding | None:
    """The coding of that name, if it can be taken off here."""
    coding = _NAMES.get(name)
    return coding if coding is not None and unavailable(coding) is None else None


_NAMES = {coding.value.encode(): coding for coding in Coding}


def _make(coding: Coding) -> _Inflater:
    if coding is Coding.BR:
        return _Brotli()
    return _Members(coding)


class _Brotli:
    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made = brotli.Decompressor()

    def step(self, data: bytes) -> bytes:
        if self._made.is_finished():
            if data:  # in one piece with the end, the library refuses it too
                raise ContentCodingError("there are octets behind the end of the content")
            return b""
        piece: bytes = self._made.process(data, output_buffer_limit=STEP)
        return piece

    @property
    def has_more(self) -> bool:
        return not (self._made.is_finished() or self._made.can_accept_more_data())

    @property
    def is_complete(self) -> bool:
        return bool(self._made.is_finished())


class _Members:
    """gzip and zstd: a content may be several of them one behind the other (RFC 1952 §2.2, RFC 8878 §3)."""

    __slots__ = ("_begin", "_coding", "_held", "_made", "_members", "_over")

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        self._begin = _GZIP if coding is Coding.GZIP else _ZSTD
        self._members = 1
        self._made = self._new()
        self._held = b""
        self._over = False

    def _new(self) -> Any:
        if self._coding is Coding.GZIP:
            return _GzipMember()
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_ZSTD})

    def step(self, data: bytes) -> bytes:
        if self._over:
            return b""  # as browsers do with what stands behind the end
        if self._made.eof:
            self._held += data
            if len(self._held) < len(self._begin) and self._begin.startswith(self._held):
                return b""  # perhaps another member
            if not self._held.startswith(self._begin):
                self._over = True
                return b""
            if self._members == MOST_MEMBERS:
                raise ContentCodingError(f"the content has more than {MOST_MEMBERS} members")
            self._members += 1
            self._made = self._new()
            data, self._held = self._held, b""
        piece: bytes = self._made.decompress(data, STEP)
        if self._made.eof:
            self._held = self._made.unused_data
        return piece

    @property
    def has_more(self) -> bool:
        if self._over:
            return False
        if self._made.eof:
            return self._held.startswith(self._begin)
        return not self._made.needs_input

    @property
    def is_complete(self) -> bool:
        return self._over or bool(self._made.eof)


class _GzipMember:
    """zlib's decompressor with the manners of zstd's."""

    __slots__ = ("_made", "eof", "needs_input", "unused_data")

    def __init__(self) -> None:
        module: Any = isal_zlib if isal_zlib is not None else zlib
        self._made = module.decompressobj(31)
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, most: int) -> bytes:
        made = self._made
        piece: bytes = made.decompress(made.unconsumed_tail + data, most)
        self.eof = made.eof
        self.needs_input = not made.unconsumed_tail and len(piece) < most
        if self.eof:
            self.unused_data = made.unused_data
        return piece
