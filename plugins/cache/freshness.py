"""How long a response is fresh and how old it is (RFC 9111 §4.2), and which directives say so (RFC 9213).

Everything about lifetimes and ages is in this file. Lifetimes are the origin's own: its Expires counts from its Date
and never from a clock of ours. Ages count what earlier caches said, the time the exchange took and the time since."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from gateway.api import Fields, WallTime
from gateway.http.cache_control import CacheControl, delta_seconds, parse_cache_control, parse_targeted
from gateway.http.dates import parse_date
from plugins.cache.policy import Policy
from plugins.cache.reasons import LifetimeReason

HEURISTIC_SHARE = 0.1
"""Of the time since Last-Modified: the fraction that RFC 9111 §4.2.2 calls typical."""

HEURISTICALLY_CACHEABLE = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses that may be stored without explicit freshness (RFC 9110 §15.1)."""


@dataclass(frozen=True, slots=True)
class Times:
    """When an exchange took place.

    The first two are read from a clock that runs evenly, as `SteadyTime` gives it: ages are differences of such times.
    Only what is held against dates of the origin needs the time that the world has agreed on."""

    request_time: WallTime
    """When the request was sent."""
    response_time: WallTime
    """When the response's head arrived."""
    received: WallTime
    """When it arrived by the wall clock, to compare with its Date."""


class SteadyTime:
    """Wall time that does not jump: right when it was made, and from then on as even as the monotonic clock.

    A wall clock set back an hour keeps nothing fresh an hour longer, and one set forward lets nothing expire."""

    __slots__ = ("offset",)

    def __init__(self, wall: float, monotonic: float) -> None:
        self.offset = wall - monotonic
        """To be added to the monotonic clock."""

    def at(self, monotonic: float) -> WallTime:
        """The steady wall time at a time of the monotonic clock."""
        return WallTime(self.offset + monotonic)


@dataclass(frozen=True, slots=True)
class Governing:
    """The directives that count for us."""

    control: CacheControl
    field: bytes | None
    """Lower-case name of the targeted field they stand in, `None` for Cache-Control."""


def governing(fields: Fields, targeted: tuple[bytes, ...]) -> Governing:
    """The first field of `targeted` that is valid and not empty, and otherwise Cache-Control (RFC 9213 §2.2)."""
    for name in targeted:
        value = fields.get(name)
        if value is not None and (control := parse_targeted(value)) is not None:
            return Governing(control, name)
    return Governing(parse_cache_control(fields.get(b"cache-control")), None)


@dataclass(frozen=True, slots=True)
class Freshness:
    """A freshness lifetime and where it comes from."""

    lifetime: float
    """In seconds."""
    why: LifetimeReason


_NOTHING = Freshness(0.0, LifetimeReason.NONE)


def freshness_of(status: int, fields: Fields, rules: Governing, received: WallTime, policy: Policy) -> Freshness:
    """The freshness lifetime of a response that came at `received` by the wall clock (RFC 9111 §4.2.1).

    What the origin says comes first, unless the route overrides it; then what the route says of this status; then,
    for statuses that allow it, the route's default or a tenth of the time since Last-Modified (§4.2.2)."""
    is_good = status < 400
    may_guess = rules.control.public or status in HEURISTICALLY_CACHEABLE
    if policy.override_freshness is not None and is_good and may_guess:
        return Freshness(policy.override_freshness, LifetimeReason.OVERRIDE)
    explicit = _explicit(fields, rules, received)
    if explicit is not None:
        return explicit
    negative = policy.negative.get(status)
    if negative is not None:
        return Freshness(negative, LifetimeReason.NEGATIVE)
    if not may_guess or status == 400 or status >= 500:
        return _NOTHING
    if policy.default_freshness is not None and is_good:
        return Freshness(policy.default_freshness, LifetimeReason.DEFAULT)
    return _heuristic(fields, received, policy.heuristic_limit)


def _explicit(fields: Fields, rules: Governing, received: WallTime) -> Freshness | None:
    control = rules.control
    if control.s_maxage is not None:
        return Freshness(float(control.s_maxage), LifetimeReason.S_MAXAGE)
    if control.max_age is not None:
        return Freshness(float(control.max_age), LifetimeReason.MAX_AGE)
    if rules.field is not None:
        return None  # a targeted field replaces Expires too (RFC 9213 §2.2)
    lines = fields.values(b"expires")
    if not lines:
        return None
    expires = parse_date(lines[0], received)  # the first of several: RFC 9111 §4.2.1
    if expires is None:
        return Freshness(0.0, LifetimeReason.EXPIRES_INVALID)
    return Freshness(max(0.0, expires - date_of(fields, received)), LifetimeReason.EXPIRES)


def _heuristic(fields: Fields, received: WallTime, limit: float) -> Freshness:
    value = fields.get(b"last-modified")
    modified = parse_date(value, received) if value is not None else None
    if modified is None or limit <= 0:
        return _NOTHING
    lifetime = (min(date_of(fields, received), received) - modified) * HEURISTIC_SHARE
    if lifetime <= 0:
        return _NOTHING
    return Freshness(min(lifetime, limit), LifetimeReason.HEURISTIC)


def date_of(fields: Fields, received: WallTime) -> WallTime:
    """When the origin made the response: its Date, or when it came if it has no valid one (RFC 9110 §6.6.1)."""
    lines = fields.values(b"date")
    date = parse_date(lines[0], received) if lines else None
    return received if date is None else date


def initial_age(fields: Fields, times: Times) -> float:
    """The age in seconds that a response has when it arrives (RFC 9111 §4.2.3).

    The larger of what its Date suggests and what earlier caches counted plus the time the exchange took, so neither a
    slow hop nor a cache that forgets Age makes it look young. A Date in the future suggests nothing."""
    apparent = max(0.0, times.received - date_of(fields, times.received))
    delay = max(0.0, times.response_time - times.request_time)
    return max(apparent, _age_value(fields) + delay)


def _age_value(fields: Fields) -> int:
    """The first Age; nothing when that is no number of seconds (RFC 9111 §5.1)."""
    value = fields.get(b"age")
    if value is None:
        return 0
    return delta_seconds(value.partition(b",")[0].rstrip(b" \t")) or 0


class Ageing(Protocol):
    """What has an age: a stored response, or what is known of one."""

    @property
    def response_time(self) -> float:
        """When it came, on the clock it is to be held against."""

    @property
    def corrected_initial_age(self) -> float:
        """Its age then, in seconds."""

    @property
    def lifetime(self) -> float:
        """Freshness lifetime in seconds."""


def current_age(stored: Ageing, now: WallTime) -> float:
    """How old a stored response is at `now`, in seconds; never less than when it came (RFC 9111 §4.2.3)."""
    resident = now - stored.response_time
    return stored.corrected_initial_age + resident if resident > 0.0 else stored.corrected_initial_age


def age_seconds(age: float) -> int:
    """An age as the field Age has it: rounded up, so that nobody further out takes it for younger than it is."""
    return math.ceil(age)


def remaining_seconds(stored: Ageing, age: float) -> int:
    """What is left of the lifetime, rounded down, negative for a stale response: `ttl` of RFC 9211 §2.4."""
    return math.floor(stored.lifetime - age)
