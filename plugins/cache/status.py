"""Cache-Status: what this cache did with a request and why (RFC 9211)."""

from __future__ import annotations

from gateway.api import Fields
from gateway.http.fields import Line
from gateway.http.structured import serialize_string, serialize_token
from plugins.cache.reasons import BypassReason, CacheReason, ForwardReason

FIELD = b"Cache-Status"
_MOST_REMEMBERED = 4096


class CacheStatus:
    """Writes our member of the list. Values are made once and remembered: hits differ in their `ttl` alone."""

    __slots__ = ("_hits", "_name", "_passed")

    def __init__(self, name: str) -> None:
        """`name` identifies this cache: a token if it can be one, otherwise a text in quotes (§2)."""
        try:
            self._name = serialize_token(name)
        except ValueError:
            self._name = serialize_string(name)
        self._hits: dict[int, bytes] = {}
        self._passed: dict[tuple[CacheReason, int], Line] = {}

    def fresh(self, ttl: int) -> bytes:
        """A fresh stored response answered; `ttl` seconds are left."""
        value = self._hits.get(ttl)
        if value is None:
            if len(self._hits) >= _MOST_REMEMBERED:
                self._hits.clear()
            value = self._hits[ttl] = b"%b; hit; ttl=%d" % (self._name, ttl)
        return value

    def hit(self, ttl: int, reason: CacheReason, *, collapsed: bool = False) -> bytes:
        """A stored response answered for a reason worth telling: stale, say, with a negative `ttl`."""
        value = b"%b; hit; ttl=%d" % (self._name, ttl)
        if collapsed:
            value += b"; collapsed"
        return value + _detail(reason)

    def forwarded(
        self,
        reason: ForwardReason,
        *,
        status: int | None = None,
        stored: bool = False,
        collapsed: bool | None = None,
        ttl: int | None = None,
        detail: CacheReason | None = None,
    ) -> bytes:
        """The request went upstream for `reason` and got `status` there; `detail` says more, why it was not stored for
        instance. `collapsed` is False where sharing another's answer was tried in vain (§2.6)."""
        value = b"%b; fwd=%b" % (self._name, reason.forward.encode())
        if status is not None:
            value += b"; fwd-status=%d" % status
        if ttl is not None:
            value += b"; ttl=%d" % ttl
        if stored:
            value += b"; stored"
        if collapsed is not None:
            value += b"; collapsed" if collapsed else b"; collapsed=?0"
        return value + _detail(detail if detail is not None else reason)

    def passed(self, detail: CacheReason, status: int) -> Line:
        """The same, as a line, for requests that pass since there is nothing to store: made once for each of them."""
        line = self._passed.get((detail, status))
        if line is None:
            value = self.forwarded(BypassReason.UNCACHEABLE, status=status, detail=detail)
            line = self._passed[detail, status] = Line(FIELD, value)
        return line

    def refused(self, reason: CacheReason) -> bytes:
        """Nothing stored could answer, and the client did not want the origin asked."""
        return self._name + _detail(reason)


def append(fields: Fields, value: bytes) -> None:
    """Add our member behind those of caches nearer to the origin, on a line of its own (§2)."""
    fields.add(FIELD, value)


def _detail(reason: CacheReason) -> bytes:
    return b"; detail=" + serialize_token(reason.value)
