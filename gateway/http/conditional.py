"""Preconditions: whether a request is to be answered, and with what, given the selected representation (RFC 9110 §13).

A field that cannot be read never makes an answer out of date pass for a current one: an unreadable If-None-Match has
no tag that matches, an unreadable If-Match neither, and an unreadable date is no condition at all."""

from __future__ import annotations

import enum

from gateway.http.dates import parse_date
from gateway.http.fields import Fields
from gateway.http.message import WallTime
from gateway.http.validators import (
    ANY,
    EntityTag,
    is_strong_date,
    parse_entity_tag,
    parse_entity_tag_list,
)


class Outcome(enum.Enum):
    """What the preconditions of a request make of its answer."""

    PROCEED = enum.auto()
    """Answer as if there were none."""
    NOT_MODIFIED = enum.auto()
    """304: the client has it already."""
    PRECONDITION_FAILED = enum.auto()
    """412: it is not what the client relies on."""


_READING = frozenset({"GET", "HEAD", "QUERY"})
"""A false If-None-Match is a 304 to these, a 412 to others (RFC 9110 §13.1.2, RFC 10008)."""
_UNCONDITIONAL = frozenset({"CONNECT", "OPTIONS", "TRACE"})
"""They neither select nor change a representation (RFC 9110 §13.2.1)."""


def evaluate(
    method: str,
    request_fields: Fields,
    *,
    status: int,
    etag: EntityTag | None,
    last_modified: WallTime | None,
    now: WallTime,
    date: WallTime | None = None,
) -> Outcome:
    """Judge the preconditions in the order of RFC 9110 §13.2.2; If-Range apart, see `range_applies`.

    `status`, `etag` and `last_modified` are those of the answer without conditions; anything but a 2xx has none
    (§13.2.1). `date` is when that answer was made or received: what If-Modified-Since is held against when there is
    no Last-Modified (RFC 9111 §4.3.2)."""
    if not 200 <= status < 300 or method in _UNCONDITIONAL:
        return Outcome.PROCEED
    if _is_lost_update(request_fields, etag, last_modified, now):
        return Outcome.PRECONDITION_FAILED
    is_reading = method in _READING
    if_none_match = request_fields.get(b"if-none-match")
    if if_none_match is not None:  # then If-Modified-Since counts no more, whatever came of it
        if not _lists(if_none_match, etag, strongly=False):
            return Outcome.PROCEED
        return Outcome.NOT_MODIFIED if is_reading else Outcome.PRECONDITION_FAILED
    modified = last_modified if last_modified is not None else date
    if is_reading and modified is not None:
        since = _date(request_fields, b"if-modified-since", now)
        if since is not None and modified <= since:
            return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def range_applies(
    request_fields: Fields, etag: EntityTag | None, last_modified: WallTime | None, date: WallTime | None
) -> bool:
    """Whether If-Range lets Range count: the representation is still the one the client has a part of (§13.1.5).

    True without If-Range. Otherwise only for an equal strong entity tag, or the very Last-Modified when that is a
    strong validator by `date`, the Date of the same response."""
    value = request_fields.get(b"if-range")
    if value is None:
        return True
    tag = parse_entity_tag(value)
    if tag is not None:
        return etag is not None and tag.strongly_equals(etag)
    if last_modified is None or date is None or not is_strong_date(last_modified, date):
        return False
    return parse_date(value, date) == last_modified


def _is_lost_update(
    request_fields: Fields, etag: EntityTag | None, last_modified: WallTime | None, now: WallTime
) -> bool:
    """Whether If-Match is false, or without it If-Unmodified-Since (RFC 9110 §13.1.1, §13.1.4)."""
    if_match = request_fields.get(b"if-match")
    if if_match is not None:
        return not _lists(if_match, etag, strongly=True)
    if last_modified is None:
        return False
    since = _date(request_fields, b"if-unmodified-since", now)
    return since is not None and last_modified > since


def _lists(value: bytes, etag: EntityTag | None, *, strongly: bool) -> bool:
    """Whether the representation is among the tags of If-Match or If-None-Match."""
    if etag is not None and not strongly and value.removeprefix(b"W/") == b'"%b"' % etag.opaque:
        return True  # the usual case: the whole judgement takes 0.5 µs instead of 2.5
    tags = parse_entity_tag_list(value)
    if tags is ANY:
        return True  # there is a representation: its status is a 2xx
    if tags is None or etag is None:
        return False
    if strongly:
        return any(tag.strongly_equals(etag) for tag in tags)
    return any(tag.weakly_equals(etag) for tag in tags)


def _date(request_fields: Fields, name: bytes, now: WallTime) -> WallTime | None:
    """The date of a field; `None` without one, and for what is no single HTTP-date (§13.1.3, §13.1.4)."""
    value = request_fields.get(name)
    return parse_date(value, now) if value is not None else None
