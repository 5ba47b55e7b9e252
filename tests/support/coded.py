"""Contents to code, and decoders that are not ours to check the result with."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from functools import cache

from gateway.api import Response
from plugins.compress.libraries import brotli, zstd
from plugins.compress.settings import Coding

WORDS = b"the of and to in a is that for it as was with be by on not he his but at are this have from or had".split()


def text_of(size: int, seed: int = 1) -> bytes:
    """`size` octets of words, the same ones every time."""
    chance = random.Random(seed)
    words = bytearray()
    while len(words) < size:
        words += chance.choice(WORDS) + b" "
    return bytes(words[:size])


def noise_of(size: int, seed: int = 1) -> bytes:
    """`size` octets that no coding makes smaller."""
    return random.Random(seed).randbytes(size)


def reference_decode(coding: str | None, content: bytes) -> bytes:
    """The content by the library's own one-shot decoder, which refuses what is cut short. `None`: as it is."""
    if coding is None:
        return content
    if coding == "gzip":
        decoder = zlib.decompressobj(31)
        found = decoder.decompress(content) + decoder.flush()
        assert decoder.eof, "cut short"
        assert not decoder.unused_data, "octets behind the end"
        return found
    whole: bytes = brotli.decompress(content) if coding == "br" else zstd.decompress(content)
    return whole


def reference_encode(coding: Coding, content: bytes) -> bytes:
    """The content in a coding, as an origin would send it."""
    if coding is Coding.GZIP:
        return zlib.compress(content, 6, 31)
    whole: bytes = brotli.compress(content, quality=4) if coding is Coding.BR else zstd.compress(content, 3)
    return whole


def content_of(response: Response) -> bytes:
    """The content of an answer at hand, decoded."""
    assert isinstance(response.body, bytes), "it is on its way"
    coding = response.fields.get(b"content-encoding")
    return reference_decode(coding.decode() if coding else None, response.body)


def cut(content: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The content in pieces of these sizes, the rest in one."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(content[start : start + size])
        start += size
    return [piece for piece in [*pieces, content[start:]] if piece]


@cache
def bomb_of(coding: Coding, mebibytes: int = 1024) -> bytes:
    """Nothing but zeros, as small as it goes: a gigabyte in a megabyte or less."""
    block = bytes(1 << 20)
    if coding is Coding.GZIP:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        return b"".join(packer.compress(block) for _ in range(mebibytes)) + packer.flush()
    if coding is Coding.BR:
        made = brotli.Compressor(quality=1)
        return b"".join(made.process(block) for _ in range(mebibytes)) + bytes(made.finish())
    made = zstd.ZstdCompressor(1)
    return b"".join(made.compress(block) for _ in range(mebibytes)) + bytes(made.flush())
