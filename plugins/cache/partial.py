"""Parts of a representation: what a stored 206 can answer, and how parts become one (RFC 9111 §3.3, §3.4)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api import Fields, WallTime
from gateway.http.conditional import range_applies
from gateway.http.dates import parse_date
from gateway.http.ranges import ByteRange, ContentRange, content_range, parse_content_range, requested_ranges
from gateway.http.validators import EntityTag, is_strong_date
from plugins.cache.stored import StoredResponse
from plugins.cache.updates import updated


def own_date(fields: Fields, reference: WallTime) -> WallTime | None:
    """The Date of a response, `None` without a valid one; `reference` is for two-digit years."""
    value = fields.get(b"date")
    return parse_date(value, reference) if value is not None else None


def has_strong_validator(etag: EntityTag | None, last_modified: WallTime | None, date: WallTime | None) -> bool:
    """Whether two parts with this validator are parts of one representation (RFC 9110 §8.8.1, §8.8.2.2)."""
    if etag is not None:
        return not etag.weak
    return last_modified is not None and is_strong_date(last_modified, date)


def usable_part(
    fields: Fields, etag: EntityTag | None, last_modified: WallTime | None, received: WallTime
) -> ContentRange | None:
    """Where a 206 lies in its representation; `None` when it cannot be stored: several parts in one, a length that is
    not known, or no strong validator."""
    part = parse_content_range(fields.get(b"content-range"))
    if part is None or part.length is None:
        return None
    return part if has_strong_validator(etag, last_modified, own_date(fields, received)) else None


def stored_part(stored: StoredResponse) -> ContentRange | None:
    """Where a stored response lies in its representation; `None` for a whole one."""
    return parse_content_range(stored.fields.get(b"content-range")) if stored.status == 206 else None


def covers(stored: StoredResponse, request_fields: Fields) -> bool:
    """Whether a stored part has every octet that Range asks for, If-Range included."""
    part = stored_part(stored)
    if part is None or part.length is None:
        return False
    date = own_date(stored.fields, stored.response_time)
    if not range_applies(request_fields, stored.etag, stored.last_modified, date):
        return False
    ranges = requested_ranges(request_fields.get(b"range"), part.length)
    return isinstance(ranges, list) and all(part.start <= start and end <= part.end for start, end in ranges)


@dataclass(frozen=True, slots=True)
class Combined:
    """Two parts as one response."""

    status: int
    """200 when nothing is missing any more, otherwise 206."""
    fields: Fields
    body: bytes


def combine(
    stored: StoredResponse, fields: Fields, body: bytes, etag: EntityTag | None, last_modified: WallTime | None
) -> Combined | None:
    """A stored part and a new one, whose fields replace the old ones (RFC 9111 §3.4).

    `None` when they do not touch, or do not share a strong validator."""
    old, new = stored_part(stored), parse_content_range(fields.get(b"content-range"))
    if old is None or new is None or old.length != new.length or new.end - new.start != len(body):
        return None
    if not _same_representation(stored, fields, etag, last_modified) or old.start > new.end or new.start > old.end:
        return None
    start, end = min(old.start, new.start), max(old.end, new.end)
    before = stored.body[: max(0, new.start - old.start)]
    after = stored.body[new.end - old.start :] if new.end < old.end else b""
    combined = updated(stored.fields, fields)
    if start == 0 and end == new.length:
        combined.remove(b"content-range")
        return Combined(200, combined, before + body + after)
    combined.set(b"Content-Range", content_range(ByteRange(start, end), new.length))
    return Combined(206, combined, before + body + after)


def _same_representation(
    stored: StoredResponse, fields: Fields, etag: EntityTag | None, last_modified: WallTime | None
) -> bool:
    if stored.etag is not None or etag is not None:
        return stored.etag is not None and etag is not None and stored.etag.strongly_equals(etag)
    if last_modified is None or stored.last_modified != last_modified:
        return False
    dates = own_date(stored.fields, stored.response_time), own_date(fields, stored.response_time)
    return all(has_strong_validator(None, last_modified, date) for date in dates)
