"""What an administrator asks of the store: purges, lists, and what would happen to a request now."""

from __future__ import annotations

from typing import Any

from gateway.api import Request, WallTime
from plugins.cache.freshness import current_age, remaining_seconds
from plugins.cache.key import Keyer, split_url
from plugins.cache.listing import Listing, Order, Row, Search
from plugins.cache.plan import Fetch, Refuse, Revalidate, Serve, ServeStale, plan
from plugins.cache.policy import Policy
from plugins.cache.purge import Purges
from plugins.cache.reasons import BypassReason
from plugins.cache.selection import EVERYTHING, ByPrefix, ByRoute, ByTag, ByUrl, Selector
from plugins.cache.shared import Shared
from plugins.cache.stored import StoredResponse
from plugins.cache.uncacheable import Uncacheable


class DeskError(ValueError):
    """What was asked makes no sense; the text says why."""


class Desk:
    """Answers questions about the store; what would happen to a request, by one route's rules."""

    def __init__(self, shared: Shared, keyer: Keyer, policy: Policy, uncacheable: Uncacheable) -> None:
        self._shared = shared
        self._store = shared.store
        self._keyer = keyer
        self._policy = policy
        self._uncacheable = uncacheable

    def purge(self, message: dict[str, Any]) -> Purges:
        """The purge that `message` wants: one of `url`, `prefix`, `tag`, `route`, `all`; and `soft`, `dry_run`.

        Raises DeskError."""
        soft, dry_run = bool(message.get("soft")), bool(message.get("dry_run"))
        return Purges(self._store, self.selectors(message), soft=soft, dry_run=dry_run)

    def selectors(self, message: dict[str, Any]) -> list[Selector]:
        """What a purge means. A URL is looked for in every form that a route gives it in its keys. Raises DeskError."""
        given = [name for name in ("url", "prefix", "tag", "route", "all") if message.get(name)]
        if len(given) != 1:
            raise DeskError("exactly one of url, prefix, tag, route and all is wanted")
        wanted = str(message[given[0]])
        match given[0]:
            case "url":
                of_site, target = _split(wanted)
                return [ByUrl(of_site + form) for form in self._shared.targets(target)]
            case "prefix":
                return [ByPrefix(b"".join(_split(wanted)))]
            case "tag":
                return [ByTag(wanted.encode())]
            case "route":
                return [ByRoute(wanted)]
            case _:
                return [EVERYTHING]

    def listing(self, message: dict[str, Any]) -> Listing:
        """The page of stored responses that `message` wants: `url`, `prefix`, `tag` or `route`; `text`, `status`,
        `order`, `descending`, `offset`, `most`. Raises DeskError."""
        named = any(message.get(name) for name in ("url", "prefix", "tag", "route"))
        among = self.selectors({**message, "all": False}) if named else [EVERYTHING]
        try:
            search = Search(
                among=next((form for form in among if any(self._store.candidates(form))), among[0]),
                text=str(message.get("text", "")).encode(),
                status=int(message["status"]) if message.get("status") else None,
                order=Order(message.get("order", Order.LAST_USED.value)),
                descending=bool(message.get("descending", True)),
                offset=max(0, int(message.get("offset", 0))),
                most=max(1, min(500, int(message.get("most", 50)))),
            )
        except ValueError as error:
            raise DeskError(str(error)) from None
        return Listing(self._store, search)

    def explain(self, request: Request, now: WallTime) -> dict[str, Any]:
        """What the cache would do with `request` now, without asking the origin."""
        key = self._keyer.key(request)
        if isinstance(key, BypassReason):
            return {"decision": "bypass", "reason": key.value, "why": key.sentence}
        found = plan(request, self._store.get(key), now, self._policy)
        explained: dict[str, Any] = {
            "key": key.decode("latin-1"),
            "decision": _WORDS[type(found)],
            "reason": found.reason.value,
            "why": found.reason.sentence,
        }
        uncacheable = self._uncacheable.recall(key, now)
        if isinstance(found, Fetch) and uncacheable is not None:
            if found.fallback is None:
                passes = BypassReason.UNCACHEABLE
                explained |= {"decision": "bypass", "reason": passes.value, "why": passes.sentence}
            explained["last_answer"] = {"reason": uncacheable.value, "why": uncacheable.sentence}
        stored = getattr(found, "stored", None) or getattr(found, "fallback", None)
        if isinstance(stored, StoredResponse):
            explained["stored"] = described(stored, now)
        return explained


def _split(text: str) -> tuple[bytes, bytes]:
    """Site and target of a URL. Raises DeskError."""
    try:
        return split_url(text)
    except ValueError as error:
        raise DeskError(str(error)) from None


_WORDS: dict[type, str] = {
    Serve: "hit",
    ServeStale: "stale",
    Revalidate: "revalidate",
    Fetch: "miss",
    Refuse: "refuse",
}


def described(stored: StoredResponse, now: WallTime) -> dict[str, Any]:
    """A stored response for people."""
    age = current_age(stored, now)
    why = stored.why
    return {
        "status": stored.status,
        "octets": stored.size,
        "age_seconds": round(age, 3),
        "ttl_seconds": remaining_seconds(stored, age),
        "lifetime_seconds": stored.lifetime,
        "lifetime_from": getattr(why, "sentence", str(why)),
        "uses": stored.uses,
        "origin_seconds": round(stored.origin_seconds, 6),
        "tags": sorted(tag.decode("latin-1") for tag in stored.tags),
        "route": stored.route,
        "vary": [name.decode("latin-1") for name, _ in stored.request_fields],
        "soft_purged": stored.soft_purged,
    }


def shown(row: Row) -> dict[str, Any]:
    """A row of a list as JSON has it."""
    return {
        "key": row.key.decode("latin-1"),
        "variant": row.variant.decode("latin-1"),
        "route": row.route,
        "status": row.status,
        "content_octets": row.content_octets,
        "octets": row.octets,
        "stored_at": row.stored_at,
        "lifetime_seconds": row.lifetime,
        "last_used": row.last_used,
        "uses": row.uses,
        "origin_seconds": round(row.origin_seconds, 6),
        "tags": [tag.decode("latin-1") for tag in row.tags],
        "soft_purged": row.soft_purged,
    }
