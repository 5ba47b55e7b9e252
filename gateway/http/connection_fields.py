"""Taking the fields of one connection out of a field section (RFC 9110 §7.6.1)."""

from __future__ import annotations

from gateway.http.fields import Entry
from gateway.http.hop_by_hop import NEVER_NOMINATED, list_members
from gateway.http.lines import CODING, CONNECTION, HOP, LENGTH, TE, UPGRADE

STOPS_HERE = LENGTH | CODING | CONNECTION | UPGRADE | TE | HOP
"""Marks of the fields that are never passed on."""

_OPTIONS = frozenset({b"keep-alive", b"close", b"upgrade", b"te"})


def values_of(special: list[Entry], mark: int) -> list[bytes]:
    """The values of the lines with that mark."""
    return [entry[2] for entry in special if entry[3] == mark]


def nominated_by(special: list[Entry]) -> list[bytes]:
    """The members of all Connection fields, in lower case."""
    return list_members(b",".join(values_of(special, CONNECTION)))


def without(
    entries: list[Entry], section: bytes, special: list[Entry], drop: int, nominated: list[bytes]
) -> tuple[list[Entry], bytes]:
    """Entries and octets of a section without the fields marked `drop` and those that Connection nominates."""
    leaving = [entry for entry in special if entry[3] & drop]
    if nominated:
        named = {name for name in nominated if name not in _OPTIONS and name not in NEVER_NOMINATED}
        leaving += [entry for entry in entries if entry[0] in named and not entry[3] & drop]
    kept = entries.copy()
    octets = b"\r\n" + section
    for entry in leaving:
        kept.remove(entry)
        octets = octets.replace(b"\r\n%b\r\n" % entry[4], b"\r\n", 1)
    return kept, octets[2:]
