"""A stored response as octets, for tiers: lengths, metadata in JSON, the field block as it came, the content.

Times are wall time there, whatever clock the worker that wrote them runs on. What cannot be read is nobody's answer.
Credentials that an answer depends on stay in memory: the digest of them in the variant is enough to find it by."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

import orjson

from gateway.api import Fields, Reason, WallTime
from gateway.http.cache_control import CacheControl, parse_cache_control
from gateway.http.fields import lower_names
from gateway.http.validators import EntityTag
from plugins.cache.reasons import LifetimeReason
from plugins.cache.stored import RequestFields, StoredResponse
from plugins.cache.vary import CREDENTIALS

VERSION = 1

_LENGTHS = Struct(">BII")
_SETS = frozenset({"no_cache_fields", "private_fields"})
_DIRECTIVES = tuple(CacheControl.__dataclass_fields__)
_NO_DIRECTIVES = CacheControl()
_whys: dict[str, Reason | str] = {reason.value: reason for reason in LifetimeReason}


class CodecError(Exception):
    """Those octets are no stored response."""


def encode(stored: StoredResponse, shift: float) -> bytes:
    """All of `stored` but its content, which follows. `shift` is what wall time is ahead of its times, in seconds."""
    control = stored.cache_control
    meta: list[Any] = [
        _text(stored.key),
        _text(stored.variant),
        [
            [_text(name), None if value is None or name in CREDENTIALS else _text(value)]
            for name, value in stored.request_fields
        ],
        stored.route,
        stored.status,
        None if stored.reason is None else _text(stored.reason),
        stored.request_time + shift,
        stored.response_time + shift,
        stored.stored_at + shift,
        stored.corrected_initial_age,
        stored.lifetime,
        getattr(stored.why, "value", str(stored.why)),
        None if stored.etag is None else [_text(stored.etag.opaque), stored.etag.weak],
        stored.last_modified,
        None if parse_cache_control(stored.fields.get(b"cache-control")) == control else _directives(control),
        [_text(tag) for tag in stored.tags],
        stored.origin_seconds,
    ]
    written, block = orjson.dumps(meta), stored.fields.encode()
    return b"".join((_LENGTHS.pack(VERSION, len(written), len(block)), written, block))


def decode(record: bytes, shift: float) -> StoredResponse:
    """What was encoded, and its content. `shift` is what wall time is ahead of the times it is to have, in seconds.

    Raises CodecError."""
    try:
        version, length, block_length = _LENGTHS.unpack_from(record)
        if version != VERSION:
            raise CodecError(f"version {version}")
        begin = _LENGTHS.size + length
        meta = orjson.loads(record[_LENGTHS.size : begin])
        block = record[begin : begin + block_length]
        if len(block) != block_length:
            raise CodecError("cut short")
        return _stored(meta, _fields(block), record[begin + block_length :], shift)
    except CodecError:
        raise
    except Exception as error:  # whatever it is, it is not what was written
        raise CodecError(f"{type(error).__name__}: {error}") from error


def _stored(meta: Sequence[Any], fields: Fields, body: bytes, shift: float) -> StoredResponse:
    (
        key,
        variant,
        request_fields,
        route,
        status,
        reason,
        request_time,
        response_time,
        stored_at,
        initial_age,
        lifetime,
        why,
        etag,
        last_modified,
        directives,
        tags,
        origin_seconds,
    ) = meta
    own: RequestFields = tuple(
        [(_octets(name), None if value is None else _octets(value)) for name, value in request_fields]
    )
    return StoredResponse(
        key=_octets(key),
        variant=_octets(variant),
        request_fields=own,
        route=route,
        status=status,
        reason=None if reason is None else _octets(reason),
        fields=fields,
        body=body,
        request_time=WallTime(request_time - shift),
        response_time=WallTime(response_time - shift),
        stored_at=WallTime(stored_at - shift),
        corrected_initial_age=initial_age,
        lifetime=lifetime,
        why=_whys.get(why, why),
        etag=None if etag is None else EntityTag(_octets(etag[0]), etag[1]),
        last_modified=None if last_modified is None else WallTime(last_modified),
        cache_control=parse_cache_control(fields.get(b"cache-control")) if directives is None else _control(directives),
        tags=frozenset([_octets(tag) for tag in tags]) if tags else frozenset(),
        origin_seconds=origin_seconds,
    )


def _fields(block: bytes) -> Fields:
    """Fields from their block, which was checked when it first came."""
    entries = []
    for line in block.split(b"\r\n")[:-1]:
        name, colon, value = line.partition(b":")
        if not colon:
            raise CodecError("a line without a name")
        entries.append((lower_names[name], name, value.strip(b" \t"), 0, line))
    return Fields.received(entries, block)


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
