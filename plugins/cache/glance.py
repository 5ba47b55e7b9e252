"""First uses of what a tier has: answered as it lies there, without taking it into memory.

To bring a stored response into memory costs more than to answer with it once: everything of it is read, measured and
put in its places, and something else has to leave. So a plain GET for a key of which memory has nothing is answered
from what stands in front of its record, by the same rules: selection by Vary, freshness, purges and doubts. All that is
not plain, and every second use, takes the long way through memory."""

from __future__ import annotations

from gateway.api import AtOnce, Clock, Fields, Request, Response, TierFound
from gateway.http.fields import Wire
from gateway.http.message import OWN
from plugins.cache.codec import CodecError, Glimpse, glimpse
from plugins.cache.etags import tag_of
from plugins.cache.figures import CacheFigures
from plugins.cache.first_uses import FirstUses
from plugins.cache.freshness import current_age
from plugins.cache.key import Keyer
from plugins.cache.policy import Policy
from plugins.cache.ready import DECIDES
from plugins.cache.reasons import BypassReason, HitReason
from plugins.cache.replaying import changing_lines
from plugins.cache.shared import Shared
from plugins.cache.status import CacheStatus
from plugins.cache.tiered import TOLERANCE, Tiered
from plugins.cache.uncacheable import Uncacheable
from plugins.cache.vary import select

LARGEST = 16 * 1024
"""Octets of a record. Copying more costs more than all the rest, and what is made of it (a content coding, say) is
worth being kept in memory."""


class Glance:
    """Answers to first uses on one route."""

    __slots__ = (
        "_clock",
        "_counter",
        "_decision",
        "_first_uses",
        "_keyer",
        "_policy",
        "_shared",
        "_status",
        "_tiered",
        "_uncacheable",
        "_vain",
    )

    def __init__(
        self,
        shared: Shared,
        tiered: Tiered,
        policy: Policy,
        keyer: Keyer,
        status: CacheStatus | None,
        figures: CacheFigures,
        uncacheable: Uncacheable,
        clock: Clock,
    ) -> None:
        self._shared = shared
        self._tiered = tiered
        self._policy = policy
        self._keyer = keyer
        self._status = status
        self._counter, self._decision = figures.outcome(HitReason.FRESH)
        self._uncacheable = uncacheable
        self._clock = clock
        self._first_uses: FirstUses = tiered.first_uses
        self._vain: Request | None = None
        """For which the short way has just found nothing, so that the long way need not look again."""

    @property
    def need_not_wait(self) -> bool:
        """Whether there is a tier that answers at once."""
        return self._tiered.tiers.near is not None

    def first(self, request: Request, key: bytes) -> Response | None:
        """The answer to `request` from what the near tier has of its key, of which memory has nothing; `None` where
        there is none. Then what the tier has is in memory."""
        vain, self._vain = self._vain, None
        if request is vain:
            return None
        found = self._tiered.tiers.find(key)
        if not found:
            return None
        response = self._of(request, key, found)
        if response is None:
            self._tiered.take_near(key, found)
        return response

    def of_far(self, request: Request, key: bytes, found: list[TierFound], since: int) -> Response | None:
        """The same from what was `found` in the far tier, which was asked when the store's epoch was `since`; `None`
        where it has to be brought into memory: while that has room, since asking again takes long, and where there is a
        near tier, which gets it from there."""
        store = self._shared.store
        if self.need_not_wait or not self._first_uses.is_full or store.epoch != since or store.get(key) is not None:
            return None
        return self._of(request, key, found, is_certain=True)

    def _of(self, request: Request, key: bytes, found: list[TierFound], *, is_certain: bool = False) -> Response | None:
        trail = request.trail
        if request.method != "GET" or request.fields.has_any(DECIDES) or (trail and trail[0].by == OWN):
            return None
        try:
            seen = _selected(key, found, request.fields)
        except CodecError:
            return None
        now = self._clock.wall()
        if seen is None or not seen.is_whole or seen.response_time > now + TOLERANCE:
            return None
        age = current_age(seen, now)
        if seen.lifetime <= age or not (is_certain or self._tiered.is_certain(key, seen.response_time)):
            return None
        if not self._first_uses.is_first(key):
            return None
        self._counter.inc()
        trail.append(self._decision)
        return self._answer(seen, age)

    def _answer(self, seen: Glimpse, age: float) -> Response:
        block, body = seen.block, seen.body
        if seen.lacks_tag and self._policy.creates_etags:
            block = b"%bETag: %b\r\n" % (block, tag_of(body).encode())
        block += changing_lines(self._status, seen, age)
        wire = Wire(b"%bContent-Length: %d\r\n" % (block, len(body)), len(body))
        response = Response(seen.status, Fields.unread(block, wire), body, seen.reason)
        response.dated = True
        return response

    def behind(self, hit: AtOnce) -> AtOnce:
        """The short way: `hit`, which answers from memory, or the answer to a first use of what the near tier has."""
        find_key, find, look = self._keyer.key, self._shared.store.get, self._tiered.tiers.find
        recall, steady_at = self._uncacheable.recall, self._shared.steady.at

        def at_once(request: Request) -> Response | None:
            response = hit(request)
            if response is not None or request.method != "GET":
                return response
            key = find_key(request)
            if isinstance(key, BypassReason) or find(key) is not None:
                return None
            if recall(key, steady_at(request.started)) is not None:
                return None  # there is nothing to be found
            found = look(key)
            if not found:
                self._vain = request
                return None
            return self._of(request, key, found)

        return at_once


def _selected(key: bytes, found: list[TierFound], request_fields: Fields) -> Glimpse | None:
    """The record that fits a request. Raises CodecError."""
    for each in found:
        if each.gone is not None or each.soft_purged or len(each.record) > LARGEST:
            return None
    seen = [glimpse(each.record, key) for each in found]
    return seen[0] if len(seen) == 1 and not seen[0].variant else select(seen, request_fields)
