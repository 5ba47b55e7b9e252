"""The settings of one route as the rules read them for every request: plain values, compiled once."""

from __future__ import annotations

from plugins.cache.cookies import CookieMatcher
from plugins.cache.settings import CacheSettings, SetCookie


class Policy:
    """What the rules of one route go by."""

    __slots__ = (
        "answers_post",
        "bypass_cookies",
        "creates_etags",
        "default_freshness",
        "disconnect",
        "fetch_whole",
        "heuristic_limit",
        "honours_requests",
        "max_entry",
        "negative",
        "override_freshness",
        "set_cookie",
        "stale_if_error",
        "stale_while_revalidate",
        "targeted",
        "unkeyed",
    )

    def __init__(self, settings: CacheSettings) -> None:
        self.honours_requests: bool = settings.honour_request_directives
        """Whether cache directives of requests count."""
        self.answers_post: bool = settings.key.body
        """Whether POST only asks here, so that its answers are stored by the content of the request."""
        self.targeted: tuple[bytes, ...] = tuple(name.lower().encode() for name in settings.targeted)
        """Lower-case names of the fields that replace Cache-Control, first one first (RFC 9213 §2.2)."""
        self.default_freshness: float | None = settings.default_freshness
        self.override_freshness: float | None = settings.override_freshness
        # A default duration is a float of a class of its own, which JSON does not know; lifetimes go into tiers.
        self.heuristic_limit: float = float(settings.heuristic_limit or 0.0)
        """Seconds a heuristic lifetime may have; 0 for no heuristics."""
        self.negative: dict[int, float] = _by_status(settings.negative)
        """Seconds by status."""
        self.set_cookie: SetCookie = settings.set_cookie
        self.bypass_cookies: CookieMatcher | None = (
            CookieMatcher(settings.bypass_cookies) if settings.bypass_cookies else None
        )
        self.stale_while_revalidate: float = settings.stale_while_revalidate or 0.0
        """Seconds for answers that say nothing about it, like the next one."""
        self.stale_if_error: float = settings.stale_if_error or 0.0
        self.disconnect: float = float(settings.serve_stale_on_disconnect or 0.0)
        """Seconds past its lifetime that a response stands in for an origin out of reach."""
        self.creates_etags: bool = settings.etag
        self.fetch_whole: int = settings.range_fetch_whole_up_to
        """Octets up to which the whole is fetched for a part; 0 for never."""
        self.max_entry: int = settings.max_entry
        """Octets of the largest content that is stored."""
        self.unkeyed: frozenset[bytes] = frozenset(name.lower().encode() for name in settings.unkeyed)
        """Lower-case names of request fields that must not shape what is stored."""


def _by_status(settings: dict[str, float]) -> dict[int, float]:
    """Seconds for each status; one that is named counts before its class."""
    found: dict[int, float] = {}
    for pattern in sorted(settings, key=lambda pattern: not pattern.endswith("xx")):
        hundreds = int(pattern[0]) * 100
        statuses = range(hundreds, hundreds + 100) if pattern.endswith("xx") else (int(pattern),)
        found.update(dict.fromkeys(statuses, settings[pattern]))
    return found
