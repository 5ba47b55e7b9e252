"""The tags a response carries, for purges: Cache-Tag, Surrogate-Key and Cache-Groups (RFC 9875 §2).

A group is a tag like the others, so that a purge by tag finds it, and once more with the site it belongs to: what an
origin invalidates by Cache-Group-Invalidation is its own only."""

from __future__ import annotations

from gateway.api import Fields, Request
from gateway.http.structured import StructuredFieldError, parse_strings
from plugins.cache.key import site

_NONE: frozenset[bytes] = frozenset()
_FIELDS = (b"cache-tag", b"surrogate-key", b"cache-groups")


def labels_of(request: Request, fields: Fields) -> frozenset[bytes]:
    """The tags in the fields of a response to `request`; of a malformed Cache-Groups none."""
    if not any(name in fields for name in _FIELDS):
        return _NONE
    found = {tag for part in (fields.get(b"cache-tag") or b"").split(b",") if (tag := part.strip(b" \t"))}
    found.update(line for value in fields.values(b"surrogate-key") for line in value.split())
    value = fields.get(b"cache-groups")
    if value is not None:
        for group in strings_of(value):
            found.add(group)
            found.add(group_label(request, group))
    return frozenset(found)


def strings_of(value: bytes) -> tuple[bytes, ...]:
    """The members of a List of Strings; none when it is not one (RFC 9875 §2)."""
    try:
        return tuple(text.encode("ascii") for text in parse_strings(value))
    except StructuredFieldError:
        return ()


def group_label(request: Request, group: bytes) -> bytes:
    """The tag that stands for a group of the site that `request` is for. No Surrogate-Key has a space in it."""
    return b"group %b %b" % (site(request.scheme, request.authority), group)
