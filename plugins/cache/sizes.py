"""What a stored response takes in memory, in octets: content and fields as they are long, the rest in fixed amounts.

The fixed amounts are what CPython 3.11 to 3.14 takes on 64 bits, rounded up as its allocators do; a test compares
them with what is really allocated. They err on the side of too much: a bound on memory that does not hold is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gateway.api import Fields

if TYPE_CHECKING:
    from plugins.cache.stored import StoredResponse

OBJECT = 48
"""An object of octets without them: 33, and half the rounding to 16 on average."""
ENTRY = 1370
"""The object (some 320), its numbers (32 each), its places in the tables of keys (130 when those have just grown), its
tuple of variants, the fields' own object, list and index, two validators, and what is around the octets of key,
secondary key and content."""
FIELD_LINE = 225
"""A tuple of five (96), name, value and line without their octets, and the places in list and index."""
COPIES = 5
"""How often the octets of a field section are there: names and values, lines, the section, the section on the wire, and
a whole head."""
REQUEST_FIELD = 150
"""A pair, a name and a value without their octets."""
TAGS = 220
"""The set of a response's tags."""
TAG = 110
"""A tag in it, and the response's place in the index."""
DISTINCT_TAG = 300
"""A tag of the index with a set of those that have it; of no response, so the store reserves it."""
DISTINCT_URL = 400
"""A URL of the index with a set of the keys that begin with it."""
DISTINCT_KEY = 70
"""A key in such a set."""
SHELF = 240
"""The dictionary of what is derived."""
DERIVED = 150
"""One thing there, without its own octets."""


def size_of(stored: StoredResponse) -> int:
    """Octets of a stored response without what is derived from it."""
    size = ENTRY + len(stored.body) + len(stored.key) + len(stored.variant) + octets_of_fields(stored.fields)
    if stored.request_fields:
        size += sum(REQUEST_FIELD + len(name) + len(value or b"") for name, value in stored.request_fields)
    if stored.tags:
        size += TAGS + TAG * len(stored.tags) + sum(map(len, stored.tags))
    return size


def octets_of_fields(fields: Fields) -> int:
    """Octets of fields, as if each of their forms was there: that comes with use."""
    return FIELD_LINE * len(fields) + COPIES * len(fields.encode())


def size_of_derived(derived: Iterable[tuple[Any, int, bool]]) -> int:
    """Octets of what is kept beside a response."""
    return SHELF + sum(DERIVED + size for _, size, _ in derived)


def octets_of(made: object) -> int:
    """Octets of something derived: octets, fields, tuples or lists of those; of anything else only its own."""
    if isinstance(made, bytes | bytearray):
        return OBJECT + len(made)
    if isinstance(made, Fields):
        return octets_of_fields(made)
    if isinstance(made, tuple | list):
        return OBJECT + sum(8 + octets_of(part) for part in made)
    return sys.getsizeof(made)
