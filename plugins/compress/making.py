"""Contents in another form, made whole: the work that a thread may do."""

from __future__ import annotations

from collections.abc import Mapping

from plugins.compress.codecs import FASTEST, Going, compress
from plugins.compress.decoding import DecodeLimits, decode
from plugins.compress.policy import Make
from plugins.compress.settings import Coding, CompressSettings


class Levels:
    """How hard to try."""

    __slots__ = ("best", "usual")

    def __init__(self, settings: CompressSettings) -> None:
        zstd, br, gzip = settings.zstd, settings.br, settings.gzip
        self.usual: Mapping[Coding, int] = {Coding.ZSTD: zstd.level, Coding.BR: br.level, Coding.GZIP: gzip.level}
        """While somebody waits."""
        self.best: Mapping[Coding, int] = {Coding.ZSTD: zstd.best, Coding.BR: br.best, Coding.GZIP: gzip.best}
        """Behind."""

    def now(self, coding: Coding, *, is_busy: bool) -> int:
        """The level for somebody who waits; a busy worker does no more than it must."""
        return min(self.usual[coding], FASTEST[coding]) if is_busy else self.usual[coding]


def _always() -> bool:
    return True


def make(content: bytes, wanted: Make, level: int, limits: DecodeLimits, going: Going = _always) -> bytes | None:
    """The content in the form that is wanted; `None` when it would be no smaller, or nobody wants it any more.

    What has to be decoded first is given in any size: as it came, the client cannot read it.
    Raises ContentCodingError."""
    if wanted.decodes is not None:
        content = decode(wanted.decodes, content, limits)
    if wanted.coding is None:
        return content
    coded = compress(wanted.coding, level, content, going)
    if coded is None or (wanted.decodes is None and len(coded) >= len(content)):
        return None
    return coded
