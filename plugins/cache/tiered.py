"""What the memory of a worker has to do with the tiers behind it: what is written there, and what is taken from there.

Whatever is stored in memory is written to the tiers behind, and nothing else: so nothing personal gets there that the
memory may not hold. What leaves memory for want of room stays in the tiers; what leaves it because it is wrong leaves
them too. Found in a tier, a response comes into memory, and the rules decide about it there, as about any other."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from gateway.api import Clock, Lease, PurgeOrder, TierEntry, TierFound, Tiers, WallTime
from plugins.cache.codec import CodecError, decode, encode
from plugins.cache.doubts import Doubts
from plugins.cache.first_uses import FirstUses
from plugins.cache.freshness import SteadyTime
from plugins.cache.key import url_of
from plugins.cache.plan import has_origin_validator
from plugins.cache.policy import Policy
from plugins.cache.selection import ByKey, ByPrefix, ByRoute, ByTag, ByUrl, Selector
from plugins.cache.stale import error_window, revalidation_window
from plugins.cache.store import Ending, MemoryStore, Put
from plugins.cache.stored import StoredResponse

EVERYTHING = b"*"
CONFIRMABLE = 86_400.0
"""Seconds that a stale response with a validator is kept: a 304 is cheaper than a new answer."""
LAST_SECOND = 1.0
"""Seconds that a response is kept beyond its last use: ages are compared exactly, and clocks are not."""
TOLERANCE = 1.0
"""Seconds that an answer may seem to come from the future before it is not believed: the clock was set back."""
ROUND = 512
"""Stored responses whose uses are reported at a time."""
ROUND_SECONDS = 0.4


class Tiered:
    """The tiers as one worker's store uses them."""

    __slots__ = (
        "_clock",
        "_doubts",
        "_last_round",
        "_left",
        "_since",
        "_steady",
        "_store",
        "_unseen",
        "first_uses",
        "tiers",
    )

    def __init__(self, tiers: Tiers, store: MemoryStore, steady: SteadyTime, clock: Clock) -> None:
        self.tiers = tiers
        self._store = store
        self._steady = steady
        self._clock = clock
        self._left: list[StoredResponse] = []
        self._doubts = Doubts(clock.wall()) if tiers.has_far else None
        self._unseen: list[StoredResponse] = []
        tiers.on_change(self._changed)
        self._since = self._last_round = WallTime(0.0)
        self.first_uses = FirstUses(store)

    def _shift(self) -> float:
        """What wall time is ahead of steady time now, in seconds."""
        return self._clock.wall() - self._steady.at(self._clock.monotonic())

    # ---- from the tiers ----------------------------------------------------------------------------------------------

    def look(self, key: bytes, variants: Sequence[StoredResponse] | None) -> bool:
        """Take what the near tier has of a key, beyond the `variants` in memory, into memory; whether that was
        anything."""
        return self.take_near(key, self.tiers.find(key, self.known(variants)))

    def take_near(self, key: bytes, found: list[TierFound]) -> bool:
        """Take what was found in the near tier into memory; whether anything has changed by that."""
        if not found:
            return False
        taken = self.take_in(key, found)
        if taken and self._doubts is not None:
            shift, doubts = self._shift(), self._doubts
            present = self._store.get(key) or ()
            self._store.doubt_all([each for each in present if doubts.is_doubtful(key, each.response_time + shift)])
        return taken

    def known(self, variants: Sequence[StoredResponse] | None) -> Sequence[tuple[bytes, float]]:
        """What memory has already, as tiers want to know it."""
        if not variants:
            return ()
        shift = self._shift()
        return [(stored.variant, stored.response_time + shift) for stored in variants]

    def take_in(self, key: bytes, found: list[TierFound], since: int | None = None) -> bool:
        """Take into memory what was found; whether anything has changed by that. `since` is the store's epoch when the
        far tier was asked: what was purged meanwhile stays so. What it did not say is as good as it was."""
        changed = False
        for each in sorted(found, key=lambda record: record.when) if len(found) > 1 else found:
            if each.gone is not None:
                changed = self._let_go(key, each.gone, each.when) or changed
            else:
                changed = self._take(key, each, since) or changed
        if since is not None and self._doubts is not None:
            self._doubts.checked(key, self._clock.wall())
            for stored in self._store.get(key) or ():
                changed = stored.doubted or changed
                stored.doubted = False
        return changed

    def is_certain(self, key: bytes, when: float) -> bool:
        """Whether no other gateway can have changed an answer of that time, in wall time, that the near tier has."""
        return self._doubts is None or not self._doubts.is_doubtful(key, when)

    def _let_go(self, key: bytes, variant: bytes, when: float) -> bool:
        """Remove what another gateway has removed at `when`."""
        shift = self._shift()
        found = [each for each in self._store.get(key) or () if each.variant == variant]
        found = [each for each in found if each.response_time + shift <= when]
        self._store.remove_all(found, Ending.REPLACED)
        self.tiers.drop_near(key, variant)
        return bool(found)

    def _take(self, key: bytes, found: TierFound, since: int | None) -> bool:
        shift, store = self._shift(), self._store
        try:
            stored = decode(found.record, shift)
        except CodecError:
            return False
        if stored.key != key or stored.response_time + shift > self._clock.wall() + TOLERANCE:
            return False
        for present in store.get(key) or ():
            if present.variant == stored.variant and present.response_time >= stored.response_time:
                return False
        if store.put(stored, since) is not Put.STORED:
            return False
        if since is not None:
            self.tiers.put_near(self._entry(stored, found.until, shift, self.tiers.marks))
        if found.soft_purged:
            store.soften_all((stored,))
        return True

    # ---- what other gateways change ----------------------------------------------------------------------------------

    def _changed(self, keys: Sequence[bytes] | None) -> None:
        """Have what is stored for these keys, or all of it, held against the far tier before its next use."""
        doubts, now = self._doubts, self._clock.wall()
        if doubts is None:
            return
        if keys is None:
            doubts.everything(now)
            is_under_way = bool(self._unseen)
            self._unseen = list(self._store)
            if self._unseen and not is_under_way:
                self.tiers.in_turns(self._doubt_some)
            return
        for key in keys:
            doubts.changed(key, now)
            if (present := self._store.get(key)) is not None:
                self._store.doubt_all(present)

    def _doubt_some(self) -> bool:
        """Doubt a slice of all that is stored; whether there is more."""
        self._store.doubt_all(self._unseen[-ROUND:])
        del self._unseen[-ROUND:]
        return bool(self._unseen)

    # ---- to the tiers ------------------------------------------------------------------------------------------------

    def keep(self, stored: StoredResponse, marks: tuple[int, ...], policy: Policy, lease: Lease | None = None) -> None:
        """Write a response that memory holds now to the tiers, behind. Of what several requests fetched under one
        `lease` the first is written, and ends it."""
        if lease is not None:
            if lease.is_used:
                return
            lease.is_used = True
            lease.join()
        control = stored.cache_control
        stale = max(revalidation_window(control, policy), error_window(control, policy))
        if has_origin_validator(stored):
            stale = max(stale, CONFIRMABLE)
        shift = self._shift()
        left = max(0.0, stored.lifetime - stored.corrected_initial_age)
        until = stored.response_time + shift + left + stale + LAST_SECOND
        self.tiers.put(self._entry(stored, until, shift, marks, lease))

    def _entry(
        self, stored: StoredResponse, until: float, shift: float, marks: tuple[int, ...], lease: Lease | None = None
    ) -> TierEntry:
        return TierEntry(
            name=stored.key,
            variant=stored.variant,
            labels=labels_of(stored),
            head=encode(stored, shift),
            body=stored.body,
            when=stored.response_time + shift,
            until=until,
            marks=marks,
            uses=stored.uses,
            lease=lease,
        )

    def drop(self, stored: StoredResponse) -> None:
        """Let the tiers let go of a response that memory lets go of because it is wrong."""
        self.tiers.drop(stored.key, stored.variant)

    def purge(self, selectors: Iterable[Selector], *, soft: bool = False) -> Awaitable[Any]:
        """Purge in the tiers what `selectors` mean; nobody has to wait."""
        return self.tiers.purge(order_of(selectors, soft=soft))

    def report_uses(self, now: WallTime) -> None:
        """Tell the tiers some of what was used in memory lately, so that they keep it, and see how full memory is: to
        be called now and then."""
        if now - self._last_round < ROUND_SECONDS:
            return
        self._last_round = now
        self.first_uses.fit()
        if not self._left:
            self._left, since = list(self._store), self._since
            self._since = now
            self._left = [stored for stored in self._left if stored.last_used > since]
        for stored in self._left[-ROUND:]:
            if stored.place is not None:
                self.tiers.used(stored.key, stored.variant, 1)
        del self._left[-ROUND:]


def labels_of(stored: StoredResponse) -> tuple[bytes, ...]:
    """What a response can be purged by in tiers, beside the beginning of its key."""
    tags = [b"tag " + tag for tag in stored.tags]
    return (b"url " + url_of(stored.key), b"route " + stored.route.encode(), *tags)


def order_of(selectors: Iterable[Selector], *, soft: bool = False) -> PurgeOrder:
    """What `selectors` mean as tiers have it."""
    labels: list[bytes] = []
    prefixes: list[bytes] = []
    for selector in selectors:
        match selector:
            case ByUrl(url):
                labels.append(b"url " + url)
            case ByKey(key):
                labels.append(b"url " + url_of(key))
            case ByTag(tag):
                labels.append(b"tag " + tag)
            case ByRoute(route):
                labels.append(b"route " + route.encode())
            case ByPrefix(prefix):
                prefixes.append(prefix)
            case _:
                labels.append(EVERYTHING)
    return PurgeOrder(labels=tuple(labels), prefixes=tuple(prefixes), soft=soft)
