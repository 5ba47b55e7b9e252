"""What to do with a request, given what is stored (RFC 9111 §4). The first word is said here; nothing is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.api import Request, WallTime
from gateway.http.cache_control import NO_DIRECTIVES, CacheControl, parse_cache_control
from plugins.cache.freshness import current_age
from plugins.cache.partial import covers
from plugins.cache.policy import Policy
from plugins.cache.reasons import HitReason, MissReason, RefuseReason, StaleReason
from plugins.cache.stale import forbids_stale, revalidation_window
from plugins.cache.stored import StoredResponse
from plugins.cache.vary import select, select_part

# Not frozen: that would make each of them three times as dear, and one is made for every request.


@dataclass(slots=True)
class Serve:
    """Answer with the stored response."""

    stored: StoredResponse
    age: float
    """Its current age in seconds."""
    reason: HitReason


@dataclass(slots=True)
class ServeStale:
    """Answer with the stored response although it is stale; with `revalidate`, refresh it behind (RFC 5861 §3)."""

    stored: StoredResponse
    age: float
    reason: StaleReason
    revalidate: bool


@dataclass(slots=True)
class Revalidate:
    """Ask the origin whether the stored response is still good (RFC 9111 §4.3)."""

    stored: StoredResponse
    age: float
    reason: MissReason


@dataclass(slots=True)
class Fetch:
    """Ask the origin. `fallback` is a stale stored response that may stand in if it fails."""

    reason: MissReason
    fallback: StoredResponse | None = None


@dataclass(slots=True)
class Refuse:
    """Answer 504 (RFC 9111 §5.2.1.7)."""

    reason: RefuseReason


Plan = Serve | ServeStale | Revalidate | Fetch | Refuse


def request_directives(request: Request, policy: Policy) -> CacheControl | None:
    """The cache directives of a request as far as they count; `None` when it has none or the route ignores them.

    `Pragma: no-cache` stands in where there is no Cache-Control, for clients older than it (RFC 9111 §5.4)."""
    if not policy.honours_requests:
        return None
    fields = request.fields
    value = fields.get(b"cache-control")
    if value is None:
        pragma = fields.get(b"pragma")
        return _NO_CACHE if pragma is not None and pragma.lower() == b"no-cache" else None
    directives = parse_cache_control(value)
    return None if directives is NO_DIRECTIVES else directives


_NO_CACHE = CacheControl(no_cache=True)


def plan(request: Request, variants: Sequence[StoredResponse] | None, now: WallTime, policy: Policy) -> Plan:
    """What to do with `request` when `variants` are stored for its key."""
    directives = request_directives(request, policy)
    stored = select(variants, request.fields) if variants else None
    if stored is None:
        part = _stored_part(request, variants, now) if variants else None
        if part is None:
            return _fetch(directives, _why_missing(request, variants))
        stored = part
    age = current_age(stored, now)
    reason = _why_not(stored, age, directives)
    if reason is None:
        return Serve(stored, age, HitReason.FRESH)
    allowed = _stale_allowed(stored, age, reason, directives, policy)
    if allowed is not None:
        return allowed
    if directives is not None and directives.only_if_cached:
        return Refuse(RefuseReason.ONLY_IF_CACHED)
    if has_origin_validator(stored):
        return Revalidate(stored, age, reason)
    return Fetch(reason, stored)


def has_origin_validator(stored: StoredResponse) -> bool:
    """Whether the origin can be asked if this is still good: conditions are about a whole 2xx (RFC 9110 §13.2.1)."""
    if stored.etag is None and stored.last_modified is None:
        return False
    return 200 <= stored.status < 300 and stored.status != 206


def _stored_part(request: Request, variants: Sequence[StoredResponse], now: WallTime) -> StoredResponse | None:
    """A stored part with all that a Range asks for, as long as it is fresh: after that it is fetched again."""
    value = request.fields.get(b"range")
    if value is None or request.method != "GET":
        return None
    part = select_part(variants, request.fields)
    if part is None or not covers(part, request.fields):
        return None
    return part if is_fresh(part, current_age(part, now)) else None


def _why_missing(request: Request, variants: Sequence[StoredResponse] | None) -> MissReason:
    if not variants:
        return MissReason.URI_MISS
    return MissReason.PARTIAL if select_part(variants, request.fields) is not None else MissReason.VARY_MISS


def _fetch(directives: CacheControl | None, reason: MissReason) -> Plan:
    if directives is not None and directives.only_if_cached:
        return Refuse(RefuseReason.ONLY_IF_CACHED)
    return Fetch(reason)


def is_fresh(stored: StoredResponse, age: float) -> bool:
    """Whether a stored response of that age is fresh (RFC 9111 §4.2)."""
    return stored.lifetime > age and not stored.soft_purged and not stored.doubted


def _why_not(stored: StoredResponse, age: float, directives: CacheControl | None) -> MissReason | None:
    """Why the stored response does not answer by itself; `None` when it does."""
    if stored.cache_control.no_cache:
        return MissReason.NO_CACHE
    if directives is not None:
        if directives.no_cache:
            return MissReason.REQUEST_NO_CACHE
        if directives.max_age is not None and age > directives.max_age:
            return MissReason.REQUEST_MAX_AGE
    if stored.lifetime <= age:
        return MissReason.STALE
    if stored.soft_purged:
        return MissReason.SOFT_PURGED
    if stored.doubted:
        return MissReason.DOUBTED
    if directives is not None and directives.min_fresh is not None and stored.lifetime - age < directives.min_fresh:
        return MissReason.REQUEST_MIN_FRESH
    return None


def _stale_allowed(
    stored: StoredResponse, age: float, reason: MissReason, directives: CacheControl | None, policy: Policy
) -> ServeStale | None:
    """The stale response as an answer, where client, origin or route allow it and nobody forbids it."""
    if (reason is not MissReason.STALE and reason is not MissReason.SOFT_PURGED) or forbids_stale(stored.cache_control):
        return None
    staleness = age - stored.lifetime
    max_stale = None
    if directives is not None:
        max_stale = directives.max_stale
        if directives.min_fresh is not None or (max_stale is None and directives.max_age is not None):
            return None  # who says how fresh an answer has to be wants no stale one (RFC 9111 §5.2.1.1)
        if max_stale is not None and staleness > max_stale:
            return None
    if reason is MissReason.SOFT_PURGED:
        return ServeStale(stored, age, StaleReason.SOFT_PURGED, revalidate=True)
    window = revalidation_window(stored.cache_control, policy)
    if 0 < window >= staleness:
        return ServeStale(stored, age, StaleReason.WHILE_REVALIDATE, revalidate=True)
    if max_stale is not None:
        return ServeStale(stored, age, StaleReason.MAX_STALE, revalidate=False)
    return None
