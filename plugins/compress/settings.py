"""Settings of the `compress` plugin."""

import re
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.api import Duration, OneOrMany, OrOff, SettingError, Settings, Size, kibibytes, mebibytes, seconds

_TYPE = re.compile(r"(?:\*|[a-z0-9!#$&^_.+-]+)/(?:\*|\*\+[a-z0-9.-]+|[a-z0-9!#$&^_.+-]+)")

DEFAULT_TYPES = (
    "text/*",
    "application/*+json",
    "application/*+xml",
    "application/javascript",
    "application/json",
    "application/jsonl",
    "application/manifest+json",
    "application/rtf",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/x-icon",
)
"""Types whose content is text or bare numbers. Pictures, sound, woff fonts and archives are compressed already."""


class Coding(Enum):
    """A content coding by its registered name."""

    ZSTD = "zstd"
    BR = "br"
    GZIP = "gzip"


class OriginSees(Enum):
    """What becomes of Accept-Encoding on its way to the origin."""

    ACCEPTED = "accepted"
    IDENTITY = "identity"


def _check_type(text: str) -> str:
    lower = text.lower()
    if not _TYPE.fullmatch(lower) or (lower.startswith("*/") and lower != "*/*" and "+" not in lower):
        raise SettingError("must be a media type", hint="write text/html, text/*, application/*+json or */*+xml")
    return lower


def _check_distinct(value: tuple[Coding, ...]) -> tuple[Coding, ...]:
    if len(set(value)) != len(value):
        raise SettingError("names a coding twice")
    return value


MediaType = Annotated[str, AfterValidator(_check_type)]
MediaTypes = OneOrMany[MediaType]
Codings = Annotated[OneOrMany[Coding], Field(min_length=1), AfterValidator(_check_distinct)]


class ZstdSettings(Settings):
    """Levels of zstd (RFC 8878). Windows stay within the 8 MiB that every client has to offer (RFC 9659)."""

    level: Annotated[int, Field(ge=1, le=19)] = 3
    """For an answer that somebody waits for: 100 KB of JSON take 0.12 ms and become 20 KB."""
    best: Annotated[int, Field(ge=1, le=19)] = 19
    """For a stored response that proved popular: 23 ms and 15 KB, in a thread behind."""


class BrotliSettings(Settings):
    """Levels of brotli (RFC 7932)."""

    level: Annotated[int, Field(ge=0, le=11)] = 2
    """For an answer that somebody waits for: 100 KB of JSON take 0.24 ms and become 19 KB."""
    best: Annotated[int, Field(ge=0, le=11)] = 11
    """For a stored response that proved popular: 81 ms and 13 KB, in a thread behind."""


class GzipSettings(Settings):
    """Levels of gzip (RFC 1952): 1 to 3 are ISA-L's, which are several times faster, 4 to 9 zlib's."""

    level: Annotated[int, Field(ge=1, le=9)] = 2
    """For an answer that somebody waits for: 100 KB of JSON take 0.08 ms and become 22 KB."""
    best: Annotated[int, Field(ge=1, le=9)] = 9
    """For a stored response that proved popular: 3 ms and 20 KB, in a thread behind."""


class CompressSettings(Settings):
    """Settings of the `compress` plugin."""

    prefer: Codings = (Coding.ZSTD, Coding.BR, Coding.GZIP)
    """Codings that are offered, the best one first. The order decides among those that a client likes equally well;
    one that is not named here is never made."""
    types: MediaTypes = DEFAULT_TYPES
    """Media types worth it: `text/html`, all of a kind (`text/*`), all with a suffix (`application/*+json`). The list
    replaces the one that is built in."""
    min_size: Size = 512
    """Octets below which content is left as it is: it fits into one packet either way."""
    origin_sees: OriginSees = OriginSees.ACCEPTED
    """What Accept-Encoding the origin gets. `accepted`: those of our codings that the client accepts, in one way of
    writing, so that an origin may compress by itself, and a cache inside has at most a handful of variants. `identity`:
    the origin never compresses; a cache inside has one variant, of which each coding is made here."""

    decode: bool = True
    """Decode what the origin has compressed for clients that cannot read it."""
    decode_up_to: Size = mebibytes(64)
    """Octets that an answer may grow to when it is decoded. Beyond that it is a 502, or broken off where it has begun:
    streams are decoded piece by piece."""
    decode_ratio: Annotated[int, Field(ge=2, le=10_000)] = 100
    """How many times larger than what came it may get, once past a mebibyte. Text reaches 20, a bomb 1,000."""

    inline_up_to: Size = kibibytes(128)
    """Content at hand up to this size is compressed at once, which holds up the loop for 0.3 ms at most; what is larger
    goes to a thread, which costs 0.05 ms more and holds up nobody while there is a core to spare."""
    threads: Annotated[int, Field(ge=1, le=32)] = 2
    """Threads of a worker that compress what somebody waits for. One more, of the lowest priority, does the rest."""
    waiting: Annotated[int, Field(ge=1, le=1000)] = 32
    """Answers that may wait for such a thread. One more is left as it is."""
    popular_after: Annotated[Annotated[int, Field(ge=1)] | None, OrOff(), Field(validate_default=False)] = 20
    """After how many uses in a coding a stored response is compressed once more, at the level `best`. `off`: never."""
    best_up_to: Size = mebibytes(1)
    """Octets up to which that is done: a mebibyte takes brotli a second."""
    busy_after: Duration = seconds(0.025)
    """From a loop that comes so late to its timers on, the lowest levels are used; from five times that on, what is not
    kept already is left as it is."""

    flush_after: Annotated[Duration, Field(ge=0, le=10)] = seconds(0.02)
    """How long octets of a streamed answer may wait in the compressor for more. 0 sends each piece as it comes, which
    costs about a tenth in size for pieces of 1 KB. The first piece never waits."""
    flush_types: MediaTypes = (
        "text/event-stream",
        "application/x-ndjson",
        "application/jsonl",
        "application/json-seq",
        "multipart/x-mixed-replace",
    )
    """Types whose streams never wait: each event is sent at once."""

    skip_cookies: bool = False
    """Leave answers to requests with cookies as they are. Against attacks that read a secret from how well it
    compresses beside their own words (BREACH): for pages that show both to who is logged in."""
    jitter: Annotated[Size, Field(le=4096)] = 0
    """Add a field of random length, 1 to so many octets, to every compressed answer that is not a stored one. Makes
    such an attack take longer, not impossible."""

    zstd: ZstdSettings = ZstdSettings()
    br: BrotliSettings = BrotliSettings()
    gzip: GzipSettings = GzipSettings()
