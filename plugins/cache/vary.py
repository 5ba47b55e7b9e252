"""The secondary key: which stored response of a URL fits the fields of a request (RFC 9111 §4.1).

Values count in a normal form where that is known to mean the same: Accept, Accept-Encoding and Accept-Language by
weight, in any order among equals and in any case. Of long values and of credentials the secondary key has a digest, so
that a listing of what is stored shows nobody's cookies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Protocol, TypeVar

from gateway.api import Fields
from gateway.http.fields import is_token
from gateway.http.hop_by_hop import list_members
from gateway.http.memo import Memo
from gateway.http.redaction import SECRET_FIELDS
from plugins.cache.stored import RequestFields, StoredResponse

MOST_NAMES = 16
"""Fields that Vary may name. The widest that were seen in the wild name ten."""
LONGEST_VALUE = 64
"""Octets of a value that stand in the secondary key as they are."""

PART: Final = b"\0part\0"
"""Begins the secondary key of a stored part (206), so that it never takes the place of the whole."""

CREDENTIALS = frozenset(name.encode() for name in SECRET_FIELDS)
"""Fields that say who somebody is, and prove it."""

Names = tuple[bytes, ...]


def _names(value: bytes) -> Names | None:
    members = sorted(set(list_members(value)))
    if b"*" in members or not all(is_token(name) for name in members):
        return None
    return tuple(members)


_parsed: Memo[bytes, Names | None] = Memo(_names)


def vary_names(fields: Fields) -> Names | None:
    """Lower-case names of the request fields a response depends on, in their order and once each; `None` when it can
    fit no other request: for `*`, and for what is no list of names (RFC 9110 §12.5.5)."""
    value = fields.get(b"vary")
    return () if value is None else _parsed[value]


def selecting_fields(names: Names, request_fields: Fields) -> RequestFields:
    """What the request has in those fields, lines joined; `None` where it has none."""
    return tuple([(name, request_fields.get(name)) for name in names])


def secondary_key(names: Names, request_fields: Fields) -> bytes:
    """The same for all requests that a response with that Vary fits; empty without Vary."""
    if not names:
        return b""
    parts = []
    for name in names:
        value = request_fields.get(name)
        if value is None:
            parts.append(name)
            continue
        form = NORMAL_FORMS.get(name)
        if form is not None:
            value = form[value]
        if len(value) > LONGEST_VALUE or name in CREDENTIALS:
            value = b"#" + blake2b(value, digest_size=20).hexdigest().encode()
        else:
            value = b"=" + value
        parts.append(name + value)
    return b"\n".join(parts)


class Selectable(Protocol):
    """What can be selected: a stored response, or what is known of one."""

    @property
    def variant(self) -> bytes:
        """Its secondary key."""

    @property
    def names(self) -> Names:
        """Of the request fields that its Vary names."""

    @property
    def response_time(self) -> float:
        """When it came, on the clock of the others."""


S = TypeVar("S", bound=Selectable)


def select(variants: Sequence[S], request_fields: Fields) -> S | None:
    """The whole stored response that fits a request: of several the most recent one (RFC 9111 §4.1).

    Where an origin names fields in Vary only sometimes, an answer without Vary does not stand in for what a more recent
    one said to depend on."""
    found: S | None = None
    varied_at = 0.0
    for stored in variants:
        variant = stored.variant
        if not variant:
            fits = True
        elif variant.startswith(PART):
            continue
        else:
            fits = variant == secondary_key(stored.names, request_fields)
            varied_at = max(varied_at, stored.response_time)
        if fits and (found is None or stored.response_time > found.response_time):
            found = stored
    if found is not None and not found.variant and varied_at > found.response_time:
        return None
    return found


def select_part(variants: Sequence[StoredResponse], request_fields: Fields) -> StoredResponse | None:
    """The most recent stored part that fits a request."""
    found: StoredResponse | None = None
    for stored in variants:
        if stored.variant.startswith(PART) and (found is None or stored.response_time > found.response_time):
            fits = stored.variant[len(PART) :] == secondary_key(stored.names, request_fields)
            found = stored if fits else found
    return found


def fitting(variants: Sequence[StoredResponse], request_fields: Fields) -> list[StoredResponse]:
    """Every whole stored response that could have been selected for a request."""
    return [
        stored
        for stored in variants
        if not stored.variant
        or (not stored.variant.startswith(PART) and stored.variant == secondary_key(stored.names, request_fields))
    ]


_WEIGHT = re.compile(rb"[ \t]*;[ \t]*[qQ][ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*").fullmatch
_MEMBER = re.compile(rb"([^;]*)((?:;.*)?)", re.DOTALL).fullmatch


def _by_weight(value: bytes) -> bytes:
    """A list of names with weights, heaviest first; `value` as it is when it is anything else."""
    weighted: set[tuple[int, bytes]] = set()
    for member in value.lower().split(b","):
        member = member.strip(b" \t")
        if not member:
            continue
        name, semicolon, _ = member.partition(b";")
        weight = 1000
        if semicolon:
            found = _WEIGHT(member[len(name) :])
            if found is None:
                return value
            weight = _thousandths(found[1])
        weighted.add((-weight, name.rstrip(b" \t")))
    return _written(weighted)


def _media_by_weight(value: bytes) -> bytes:
    """The same for media ranges, whose parameters count and are kept as they are, in lower case only in their names."""
    if b'"' in value:
        return value  # a comma or a semicolon may be part of a text
    weighted: set[tuple[int, bytes]] = set()
    for member in value.split(b","):
        kind, *parameters = [part.strip(b" \t") for part in member.split(b";")]
        if not kind:
            if parameters:
                return value
            continue
        weight = 1000
        kept = [kind.lower()]
        for place, parameter in enumerate(parameters):
            name, equals, content = parameter.partition(b"=")
            if name.strip(b" \t").lower() == b"q":
                found = _WEIGHT(b";" + parameter)
                if found is None or place != len(parameters) - 1:
                    return value
                weight = _thousandths(found[1])
            else:
                kept.append(name.lower() + equals + content)
        weighted.add((-weight, b";".join(kept)))
    return _written(weighted)


def _thousandths(digits: bytes) -> int:
    whole, _, rest = digits.partition(b".")
    return int(whole) * 1000 + int((rest + b"000")[:3])


def _written(weighted: set[tuple[int, bytes]]) -> bytes:
    return b",".join(name if weight == -1000 else b"%b;q=0.%03d" % (name, -weight) for weight, name in sorted(weighted))


NORMAL_FORMS: dict[bytes, Memo[bytes, bytes]] = {
    b"accept": Memo(_media_by_weight),
    b"accept-encoding": Memo(_by_weight),
    b"accept-language": Memo(_by_weight),
}
"""Lower-case field name → value → the form that all values of its meaning share."""
