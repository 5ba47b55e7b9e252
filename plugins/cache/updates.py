"""Fields of a stored response: which are kept, and how later answers change them (RFC 9111 §3.1, §3.2)."""

from __future__ import annotations

from gateway.api import Fields

NEVER_STORED = frozenset(
    {
        b"age",
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields of one connection, of one proxy and of one way through caches: they are written anew or not at all."""

NEVER_UPDATED = NEVER_STORED | {b"content-length", b"content-range"}
"""What an answer without content says about content that is stored here (RFC 9111 §3.2)."""


def storable(fields: Fields, unwanted: frozenset[bytes] = frozenset()) -> Fields:
    """A copy of a response's fields as they are stored, without those in `unwanted` (lower-case names) either."""
    kept = fields.copy()
    kept.remove_any(NEVER_STORED | unwanted if unwanted else NEVER_STORED)
    return kept


def updated(stored: Fields, by: Fields) -> Fields:
    """`stored` with every field that `by` has replaced by what `by` says, and those it does not have added."""
    new: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for name, value in by:
        lower = name.lower()
        if lower not in NEVER_UPDATED:
            new.setdefault(lower, []).append((name, value))
    lines: list[tuple[bytes, bytes]] = []
    written: set[bytes] = set()
    for name, value in stored:
        lower = name.lower()
        if lower not in new:
            lines.append((name, value))
        elif lower not in written:  # all lines of the new one in the place of the first old one
            written.add(lower)
            lines.extend(new[lower])
    for lower, added in new.items():
        if lower not in written:
            lines.extend(added)
    return Fields(lines)
