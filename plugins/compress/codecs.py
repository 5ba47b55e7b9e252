"""The codings as this machine can make them: whole contents at once, or piece by piece.

What is missing is said once, by `unavailable`, and the others go on. gzip can always be made: zlib stands in for ISA-L.
Compressors for streams have small windows (128 KiB for zstd, 256 KiB for brotli): a thousand slow streams must fit into
memory, and a page repeats itself within less."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from plugins.compress.libraries import brotli, isal_zlib, zstd
from plugins.compress.settings import Coding

STEP = 64 * 1024
"""Octets that are compressed between two looks at whether to go on; brotli 11 takes some 60 ms for them."""
FASTEST = {Coding.ZSTD: 1, Coding.BR: 1, Coding.GZIP: 1}
"""The levels of a busy worker. Lower ones save no time worth it and make content a third larger."""

_GZIP_WINDOW = 31
_ISAL_LEVELS = 3
_STREAM_WINDOW_ZSTD = 17
_STREAM_WINDOW_BR = 18
_IDLE_ZSTD = 8


class Encoder(Protocol):
    """An incremental compressor of one content."""

    def feed(self, data: bytes) -> bytes:
        """What is ready after these octets."""

    def flush(self) -> bytes:
        """All that is needed to decode what was fed so far."""

    def finish(self) -> bytes:
        """The rest. The encoder is used up."""


class Going(Protocol):
    """Whether work that takes long is still wanted."""

    def __call__(self) -> bool: ...


def _always() -> bool:
    return True


def unavailable(coding: Coding) -> str | None:
    """What to install before this coding can be made; `None` when it can be."""
    if coding is Coding.BR and brotli is None:
        return "brotli is not installed"
    if coding is Coding.ZSTD and zstd is None:
        return "neither compression.zstd (Python 3.14) nor backports.zstd is installed"
    return None


def make_encoder(coding: Coding, level: int) -> Encoder:
    """An encoder for a stream."""
    if coding is Coding.GZIP:
        return _Gzip(level)
    if coding is Coding.BR:
        return _Brotli(level)
    return _Zstd(level)


def compress(coding: Coding, level: int, content: bytes, going: Going = _always) -> bytes | None:
    """The whole content coded. `None` when `going` says, between two steps, that it is not wanted any more.

    May be called from any thread."""
    if coding is Coding.ZSTD:
        return _whole_zstd(level, content) if going() else None
    if len(content) <= STEP:
        if coding is Coding.BR:
            made: bytes = brotli.compress(content, quality=level)
            return made
        return _whole_gzip(level, content)
    encoder = _Brotli(level, _window_for(len(content))) if coding is Coding.BR else _Gzip(level)
    pieces = []
    for start in range(0, len(content), STEP):
        if not going():
            return None
        pieces.append(encoder.feed(content[start : start + STEP]))
    pieces.append(encoder.finish())
    return b"".join(pieces)


def _whole_gzip(level: int, content: bytes) -> bytes:
    if isal_zlib is not None and level <= _ISAL_LEVELS:
        whole: bytes = isal_zlib.compress(content, level, _GZIP_WINDOW)
        return whole
    made = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WINDOW)
    return made.compress(content) + made.flush()


def _window_for(size: int) -> int:
    """Brotli's window for a content of that size, as a power of two: no larger than it helps, 4 MiB at most."""
    return max(16, min(22, size.bit_length()))


class _Zstds(threading.local):
    """Compressors of one thread, by level: a new one costs ten times what 1 KB of content does."""

    def __init__(self) -> None:
        self.by_level: dict[int, Any] = {}


_zstds = _Zstds()
_idle: dict[int, list[Any]] = {}
"""Compressors of streams that have come to their end. For the thread of the loop alone."""


def _whole_zstd(level: int, content: bytes) -> bytes:
    made = _zstds.by_level.get(level)
    if made is None:
        made = _zstds.by_level[level] = zstd.ZstdCompressor(level=level)
    whole: bytes = made.compress(content, zstd.ZstdCompressor.FLUSH_FRAME)
    return whole


class _Gzip:
    __slots__ = ("_feed", "_flush")

    def __init__(self, level: int) -> None:
        module: Any = isal_zlib if isal_zlib is not None and level <= _ISAL_LEVELS else zlib
        made = module.compressobj(level, zlib.DEFLATED, _GZIP_WINDOW)
        self._feed: Callable[[bytes], bytes] = made.compress
        self._flush: Callable[..., bytes] = made.flush

    def feed(self, data: bytes) -> bytes:
        return self._feed(data)

    def flush(self) -> bytes:
        return self._flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._flush()


class _Brotli:
    __slots__ = ("feed", "finish", "flush")

    def __init__(self, level: int, window: int = _STREAM_WINDOW_BR) -> None:
        made = brotli.Compressor(quality=level, lgwin=window)
        self.feed: Callable[[bytes], bytes] = made.process
        self.flush: Callable[[], bytes] = made.flush
        self.finish: Callable[[], bytes] = made.finish


class _Zstd:
    __slots__ = ("_level", "_made", "feed")

    def __init__(self, level: int) -> None:
        idle = _idle.get(level)
        self._level = level
        self._made = idle.pop() if idle else _new_zstd(level)
        self.feed: Callable[[bytes], bytes] = self._made.compress

    def flush(self) -> bytes:
        made: bytes = self._made.flush(zstd.ZstdCompressor.FLUSH_BLOCK)
        return made

    def finish(self) -> bytes:
        rest: bytes = self._made.flush(zstd.ZstdCompressor.FLUSH_FRAME)
        idle = _idle.setdefault(self._level, [])
        if len(idle) < _IDLE_ZSTD:
            idle.append(self._made)
        return rest


def _new_zstd(level: int) -> Any:
    parameter = zstd.CompressionParameter
    return zstd.ZstdCompressor(options={parameter.compression_level: level, parameter.window_log: _STREAM_WINDOW_ZSTD})
