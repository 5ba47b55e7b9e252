"""Whether the content of an answer is coded, left, or freed of its coding."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api import Fields
from gateway.http.cache_control import parse_cache_control
from gateway.http.content_coding import content_codings
from plugins.compress.client import Client
from plugins.compress.decoding import can_decode
from plugins.compress.forms import FORM_OF, Form
from plugins.compress.media import MediaTypes
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, CompressSettings

_NO_CONTENT = frozenset({*range(100, 200), 204, 205, 304})
_PARTIAL = frozenset({206, 416})


@dataclass(frozen=True, slots=True)
class Leave:
    """Let the content be what it is."""

    reason: CompressReason
    varies: bool
    """Whether others may get it in another form, so that `Vary` has to say so."""


@dataclass(frozen=True, slots=True)
class Make:
    """Give the content another form."""

    form: Form
    coding: Coding | None
    """What it is coded with; `None` when it is only decoded."""
    decodes: Coding | None
    """What is taken off before."""
    reason: CompressReason

    @property
    def varies(self) -> bool:
        """Others get it in another form."""
        return True


Verdict = Leave | Make

_NO_CONTENT_HERE = Leave(CompressReason.NO_CONTENT, varies=False)
_PART = Leave(CompressReason.PARTIAL, varies=False)
_LEFT = {(reason, varies): Leave(reason, varies) for reason in CompressReason for varies in (False, True)}
_MADE = {coding: Make(FORM_OF[coding], coding, None, CompressReason.COMPRESSED) for coding in Coding}


class Policy:
    """The settings of one route as values that need no further thought."""

    __slots__ = ("_decodes", "_min_size", "_types", "flushes", "skips_cookies")

    def __init__(self, settings: CompressSettings) -> None:
        self._decodes = settings.decode
        self._min_size = settings.min_size
        self._types = MediaTypes(settings.types)
        self.flushes = MediaTypes(settings.flush_types)
        """Types whose streams never wait for more."""
        self.skips_cookies = settings.skip_cookies

    def leaves(self, request_fields: Fields) -> CompressReason | None:
        """What in a request stands against coding its answer, whatever that is."""
        if b"range" in request_fields:
            return CompressReason.RANGE
        wanted = request_fields.get(b"cache-control")
        if wanted is not None and parse_cache_control(wanted).no_transform:  # RFC 9111 §5.2.1.6
            return CompressReason.NO_TRANSFORM
        if self.skips_cookies and b"cookie" in request_fields:
            return CompressReason.COOKIES
        return None

    def judge(
        self, client: Client, leaves: CompressReason | None, status: int, fields: Fields, length: int | None
    ) -> Verdict:
        """What to do with an answer of `length` octets (`None` if nobody knows). `leaves`: see there."""
        if status in _NO_CONTENT:
            return _NO_CONTENT_HERE
        if status in _PARTIAL or b"content-range" in fields:
            return _PART
        coded = content_codings(fields) if b"content-encoding" in fields else ()
        if parse_cache_control(fields.get(b"cache-control")).no_transform:
            return _LEFT[CompressReason.NO_TRANSFORM, False]
        if coded:
            return self._judge_coded(client, leaves, coded, fields)
        if fields.get(b"content-type") not in self._types:
            return _LEFT[CompressReason.TYPE, False]
        if length is not None and length < self._min_size:
            return _LEFT[CompressReason.SMALL, False]
        if leaves is not None:
            return _LEFT[leaves, True]
        if not client.codings:
            return _LEFT[CompressReason.NOT_ACCEPTED, True]
        return _MADE[client.codings[0]]

    def _judge_coded(
        self, client: Client, leaves: CompressReason | None, coded: tuple[bytes, ...], fields: Fields
    ) -> Verdict:
        """Content that the origin has coded. One coding is taken off where it has to be; of several, nobody's."""
        coding = can_decode(coded[0]) if len(coded) == 1 and self._decodes else None
        if coding is None:
            return _LEFT[CompressReason.CODED, False]
        if leaves is CompressReason.NO_TRANSFORM:
            return _LEFT[leaves, True]
        if client.can_read(coded[0]):
            return _LEFT[CompressReason.CODED, True]
        if leaves is None and client.codings and fields.get(b"content-type") in self._types:
            return Make(FORM_OF[client.codings[0]], client.codings[0], coding, CompressReason.RECODED)
        return Make(Form.PLAIN, None, coding, CompressReason.DECODED)
