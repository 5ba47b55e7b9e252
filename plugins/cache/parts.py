"""The parts of the cache on one route, wired."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.api import Runtime
from plugins.cache.ahead import Ahead, AheadRules
from plugins.cache.desk import Desk
from plugins.cache.fallback import Fallback
from plugins.cache.figures import CacheFigures
from plugins.cache.glance import Glance
from plugins.cache.keeping import Keeper
from plugins.cache.key import Keyer
from plugins.cache.policy import Policy
from plugins.cache.reasons import HitReason
from plugins.cache.replicas import Replicas
from plugins.cache.selection import Selector
from plugins.cache.serving import Serving
from plugins.cache.settings import CacheSettings
from plugins.cache.shared import Shared
from plugins.cache.status import CacheStatus
from plugins.cache.tiered import Tiered
from plugins.cache.uncacheable import Uncacheable

_HARD: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers the requests of one route."""

    shared: Shared
    policy: Policy
    status: CacheStatus | None
    figures: CacheFigures
    uncacheable: Uncacheable
    keyer: Keyer
    serving: Serving
    fallback: Fallback
    desk: Desk
    keeper: Keeper
    tiered: Tiered | None
    glance: Glance | None
    ahead: Ahead | None
    replicas: Replicas | None

    def marks(self) -> tuple[int, ...]:
        """The marks of the tiers, to be read when the origin is asked."""
        return () if self.tiered is None else self.tiered.tiers.marks

    def purge_tiers(self, selectors: Iterable[Selector], message: Mapping[str, Any] = _HARD) -> Awaitable[Any] | None:
        """Purge in the tiers, where there are any, softly if `message` says so. Nobody has to wait for it."""
        return None if self.tiered is None else self.tiered.purge(selectors, soft=bool(message.get("soft")))


def parts_of(settings: CacheSettings, runtime: Runtime) -> Parts:
    """The parts for these settings, over the store that all routes share."""
    policy = Policy(settings)
    status = CacheStatus(runtime.name) if settings.cache_status else None
    figures = CacheFigures(runtime.figures, runtime.route)
    uncacheable = Uncacheable(settings.hit_for_miss)
    shared: Shared = runtime.lasting.share("cache", lambda: Shared(settings, runtime.clock))
    keyer = Keyer(settings.key, policy.bypass_cookies, mark=shared.mark_of(runtime.upstream))
    replayed: frozenset[bytes] | None = None
    if settings.replay and not settings.key.cookies:
        replayed = frozenset(name.lower().encode() for name in settings.key.fields)
    ahead: Ahead | None = None
    if (wanted := settings.refresh_ahead) is not None:
        rules = AheadRules(wanted.beta, wanted.share, wanted.uses, wanted.budget, wanted.concurrency)
        ahead = Ahead(rules, figures.outcome(HitReason.FRESH)[0], random.random)
    tiered = None if runtime.tiers is None else shared.tiered(runtime.tiers, runtime.clock)
    glance = None
    if tiered is not None:
        glance = Glance(shared, tiered, policy, keyer, status, figures, uncacheable, runtime.clock)
    replicas: Replicas | None = None
    if runtime.sharing is not None:
        replicas = Replicas(runtime.sharing, shared, tiered, policy, uncacheable, runtime.clock)
    return Parts(
        shared,
        policy,
        status,
        figures,
        uncacheable,
        keyer,
        Serving(runtime.route, policy, status, shared.steady, figures, replayed, ahead),
        Fallback(policy, status, figures),
        Desk(shared, keyer, policy, uncacheable),
        Keeper(shared, keyer, policy, status, figures, uncacheable, runtime.route, tiered),
        tiered,
        glance,
        ahead,
        replicas,
    )
