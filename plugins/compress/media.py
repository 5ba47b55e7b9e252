"""Lists of media types with wildcards (RFC 9110 §8.3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.http.memo import Memo


class MediaTypes:
    """A set of media types, compiled. Asked by the value of a Content-Type, which is read once for each value."""

    __slots__ = ("_exact", "_kinds", "_known", "_suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        """`text/html`, `text/*`, `application/*+json`, `*/*+xml` or `*/*`, in lower case."""
        exact, kinds, suffixes = set(), set(), set()
        for pattern in patterns:
            octets = pattern.encode()
            kind, _, rest = octets.partition(b"/")
            if rest == b"*":
                kinds.add(kind)
            elif rest.startswith(b"*+"):
                suffixes.add((kind, rest[1:]))
            else:
                exact.add(octets)
        self._exact = frozenset(exact)
        self._kinds = frozenset(kinds)
        self._suffixes = tuple(suffixes)
        self._known: Memo[bytes, bool] = Memo(self._holds)

    def __contains__(self, content_type: bytes | None) -> bool:
        """Whether content of that type is meant; never where there is no type."""
        return content_type is not None and self._known[content_type]

    def _holds(self, content_type: bytes) -> bool:
        essence = content_type.partition(b";")[0].strip(b" \t").lower()
        kind, slash, rest = essence.partition(b"/")
        if not slash or not kind or not rest:
            return False
        if essence in self._exact or kind in self._kinds or b"*" in self._kinds:
            return True
        return any(wanted in (kind, b"*") and rest.endswith(suffix) for wanted, suffix in self._suffixes)
