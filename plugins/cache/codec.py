"""A stored response as octets, for tiers: what finds and judges it, the field block as it came, the rest, the content.

In front stands all that it takes to answer with it, in fixed places, so that a first use need not read the rest, which
is JSON. Times are wall time there, whatever clock the worker that wrote them runs on. What cannot be read is nobody's
answer. Credentials that an answer depends on stay in memory: the digest of them in the variant is enough to find it
by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

import orjson

from gateway.api import Fields, Reason, WallTime
from gateway.http.cache_control import CacheControl, parse_cache_control
from gateway.http.validators import EntityTag
from plugins.cache.etags import lacks_tag
from plugins.cache.reasons import LifetimeReason
from plugins.cache.stored import RequestFields, StoredResponse
from plugins.cache.vary import CREDENTIALS, PART, Names

VERSION = 2

_FRONT = Struct(">BBH6I3d")
_WHOLE, _LACKS_TAG, _HAS_REASON = 1, 2, 4
_WITHOUT_CONTENT = frozenset({204, 206, 304, *range(100, 200)})
_SETS = frozenset({"no_cache_fields", "private_fields"})
_DIRECTIVES = tuple(CacheControl.__dataclass_fields__)
_NO_DIRECTIVES = CacheControl()
_whys: dict[str, Reason | str] = {reason.value: reason for reason in LifetimeReason}


class CodecError(Exception):
    """Those octets are no stored response."""


@dataclass(slots=True)
class Glimpse:
    """What stands in front of a record: enough to select it (as `StoredResponse` has it), to judge whether it is fresh,
    and to answer with it. Not frozen: that would make it three times as dear."""

    variant: bytes
    names: Names
    """Of the request fields that Vary names."""
    response_time: float
    """Wall time, unlike that of a `StoredResponse`."""
    corrected_initial_age: float
    lifetime: float
    status: int
    reason: bytes | None
    is_whole: bool
    """Whether it answers a plain GET by itself, as it is: no part, no status without content, no `no-cache`."""
    lacks_tag: bool
    """Whether an entity tag of ours belongs to it where a route makes them."""
    block: bytes
    """The field lines, each with its CRLF."""
    body: bytes


def encode(stored: StoredResponse, shift: float) -> bytes:
    """All of `stored` but its content, which follows. `shift` is what wall time is ahead of its times, in seconds."""
    control = stored.cache_control
    meta: list[Any] = [
        [None if value is None or name in CREDENTIALS else _text(value) for name, value in stored.request_fields],
        stored.route,
        stored.request_time + shift,
        stored.stored_at + shift,
        getattr(stored.why, "value", str(stored.why)),
        None if stored.etag is None else [_text(stored.etag.opaque), stored.etag.weak],
        stored.last_modified,
        None if parse_cache_control(stored.fields.get(b"cache-control")) == control else _directives(control),
        [_text(tag) for tag in stored.tags],
        stored.origin_seconds,
    ]
    is_whole = stored.status not in _WITHOUT_CONTENT and not control.no_cache and not stored.variant.startswith(PART)
    names, reason = b"\n".join([name for name, _ in stored.request_fields]), stored.reason or b""
    block, rest = stored.fields.encode(), orjson.dumps(meta)
    front = _FRONT.pack(
        VERSION,
        is_whole * _WHOLE | lacks_tag(stored) * _LACKS_TAG | (stored.reason is not None) * _HAS_REASON,
        stored.status,
        *map(len, (stored.key, stored.variant, names, reason, block, rest)),
        stored.response_time + shift,
        stored.corrected_initial_age,
        stored.lifetime,
    )
    return b"".join((front, stored.key, stored.variant, names, reason, block, rest))


def glimpse(record: bytes, key: bytes) -> Glimpse:
    """What stands in front of the record of `key`. Raises CodecError, also for the record of another key."""
    own, seen, _ = _split(record)
    if own != key:
        raise CodecError("another key")
    return seen


def decode(record: bytes, shift: float) -> StoredResponse:
    """What was encoded, and its content. `shift` is what wall time is ahead of the times it is to have, in seconds.

    Raises CodecError."""
    try:
        key, seen, rest = _split(record)
        return _stored(key, seen, orjson.loads(rest), shift)
    except CodecError:
        raise
    except Exception as error:  # whatever it is, it is not what was written
        raise CodecError(f"{type(error).__name__}: {error}") from error


def _split(record: bytes) -> tuple[bytes, Glimpse, bytes]:
    """Key, what stands in front, and the rest, not read yet."""
    if not record or record[0] != VERSION:
        raise CodecError(f"version {record[0]}" if record else "empty")
    if len(record) < _FRONT.size:
        raise CodecError("cut short")
    (_, flags, status, key, variant, names, reason, block, rest, time, age, lifetime) = _FRONT.unpack_from(record)
    variant += (key := key + _FRONT.size)  # from lengths to ends
    names += variant
    reason += names
    block += reason
    rest += block
    if len(record) < rest:
        raise CodecError("cut short")
    lines = record[reason:block]
    if lines and (lines[-2:] != b"\r\n" or b"\r\n\r\n" in lines):
        raise CodecError("something else than field lines")
    seen = Glimpse(
        record[key:variant],
        tuple(record[variant:names].split(b"\n")) if names != variant else (),
        time,
        age,
        lifetime,
        status,
        record[names:reason] if flags & _HAS_REASON else None,
        flags & _WHOLE != 0,
        flags & _LACKS_TAG != 0,
        lines,
        record[rest:],
    )
    return record[_FRONT.size : key], seen, record[block:rest]


def _stored(key: bytes, seen: Glimpse, meta: Sequence[Any], shift: float) -> StoredResponse:
    values, route, request_time, stored_at, why, etag, last_modified, directives, tags, origin_seconds = meta
    request_fields: RequestFields = tuple(
        [(name, None if value is None else _octets(value)) for name, value in zip(seen.names, values, strict=True)]
    )
    fields = Fields.unread(seen.block)
    len(fields)  # reads them, or raises
    control = parse_cache_control(fields.get(b"cache-control")) if directives is None else _control(directives)
    return StoredResponse(
        key=key,
        variant=seen.variant,
        request_fields=request_fields,
        route=route,
        status=seen.status,
        reason=seen.reason,
        fields=fields,
        body=seen.body,
        request_time=WallTime(request_time - shift),
        response_time=WallTime(seen.response_time - shift),
        stored_at=WallTime(stored_at - shift),
        corrected_initial_age=seen.corrected_initial_age,
        lifetime=seen.lifetime,
        why=_whys.get(why, why),
        etag=None if etag is None else EntityTag(_octets(etag[0]), etag[1]),
        last_modified=None if last_modified is None else WallTime(last_modified),
        cache_control=control,
        tags=frozenset([_octets(tag) for tag in tags]) if tags else frozenset(),
        origin_seconds=origin_seconds,
    )


def _directives(control: CacheControl) -> dict[str, Any]:
    said = {}
    for name in _DIRECTIVES:
        value = getattr(control, name)
        if value != getattr(_NO_DIRECTIVES, name):
            said[name] = [_text(each) for each in value] if name in _SETS else value
    return said


def _control(said: dict[str, Any]) -> CacheControl:
    arguments: dict[str, Any] = dict(said)
    for name in _SETS & said.keys():
        arguments[name] = frozenset(map(_octets, said[name]))
    return CacheControl(**arguments)


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")


def _octets(text: str) -> bytes:
    return text.encode("latin-1")
