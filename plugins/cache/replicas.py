"""What the cache of a worker does as one with those of other workers and gateways: purges, and one fetch for each key.

Beside `plugin.py` and `upkeep.py` this is a file of the room that awaits. It reads no clock of its own and starts
nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from gateway.api import Clock, GatewayError, Lease, Request, Response, Seen, Sharing, WallTime
from plugins.cache.plan import Fetch, Plan, Revalidate, plan, request_directives
from plugins.cache.policy import Policy
from plugins.cache.reasons import MissReason
from plugins.cache.selection import Selector
from plugins.cache.shared import Shared
from plugins.cache.stored import StoredResponse
from plugins.cache.tiered import Tiered, order_of
from plugins.cache.uncacheable import Uncacheable

MOST_TURNS = 2
"""Answers of others that a request looks for in vain before it asks on its own."""
_SHARED = frozenset({MissReason.URI_MISS, MissReason.VARY_MISS, MissReason.STALE, MissReason.SOFT_PURGED})
"""Why the origin may be asked for all at once. Not where a client, or each use, wants a word of its own."""
_LINE = b"\n"

CarryOut = Callable[[Plan, Lease | None], Awaitable[Response]]
"""Does what is to be done, under the lease if there is one."""


class Replicas:
    """The cache on one route among all that have the same Redis."""

    def __init__(
        self,
        sharing: Sharing,
        shared: Shared,
        tiered: Tiered | None,
        policy: Policy,
        uncacheable: Uncacheable,
        clock: Clock,
    ) -> None:
        self._sharing = sharing
        self._shared = shared
        self._tiered = tiered if tiered is not None and tiered.tiers.has_far else None
        self._policy = policy
        self._uncacheable = uncacheable
        self._clock = clock

    # ---- purges ------------------------------------------------------------------------------------------------------

    async def note(self, selectors: Iterable[Selector], message: Mapping[str, Any]) -> dict[str, Any]:
        """Tell all other gateways of a purge; what the administrator is told about them."""
        order = order_of(selectors, soft=bool(message.get("soft")))
        taken = await self._sharing.purges.note(order, str(message.get("id") or ""))
        if taken.by_another:
            return {}
        if taken.error:
            return {"replicas": {"error": taken.error}}
        return {"replicas": {"acknowledged": list(taken.acknowledged), "silent": list(taken.silent)}}

    def tell(self, selectors: Iterable[Selector]) -> None:
        """Tell all other gateways what an unsafe request has made unusable; nobody waits."""
        self._sharing.purges.tell(order_of(selectors))

    # ---- one fetch for each key --------------------------------------------------------------------------------------

    def may_share(self, request: Request, key: bytes, todo: Plan, now: WallTime) -> bool:
        """Whether the answer to `request` is likely to be one that others can use."""
        if self._tiered is None or not isinstance(todo, Fetch | Revalidate) or todo.reason not in _SHARED:
            return False
        fields = request.fields
        if request.method == "HEAD" or b"range" in fields or b"authorization" in fields:
            return False
        directives = request_directives(request, self._policy)
        if directives is not None and (directives.no_store or directives.no_cache):
            return False
        return self._uncacheable.recall(key, now) is None

    async def fetch(self, request: Request, key: bytes, todo: Plan, carry_out: CarryOut) -> Response:
        """What `carry_out` answers to `request`: with what somebody else has fetched, or by fetching it for all."""
        lease, todo = await self._turn(request, key, todo)
        if lease is None:
            return await carry_out(todo, None)
        try:
            return await carry_out(todo, lease)
        except GatewayError:
            if lease.users == 1:  # nobody here still has hope
                lease.set_apart(0.0)  # others may fare better, and not one after the other
            raise
        finally:
            lease.leave()

    async def _turn(self, request: Request, key: bytes, todo: Plan) -> tuple[Lease | None, Plan]:
        """Wait while somebody else fetches what is missing. The lease if it is for this request to fetch it, and what
        is to be done."""
        leases, shared, seen = self._sharing.leases, self._shared, b""
        for _ in range(MOST_TURNS):
            monotonic = self._clock.monotonic()
            left = None if request.deadline is None else request.deadline - monotonic
            kind = kind_of(request, shared.store.get(key))
            turn = await leases.turn(key, lambda: self._look(key), kind=kind, seen=seen, timeout=left)
            now = shared.steady.at(self._clock.monotonic())
            todo = plan(request, shared.store.get(key), now, self._policy)
            if not isinstance(turn, Seen):
                if turn is None or isinstance(todo, Fetch | Revalidate):
                    return turn, todo
                turn.leave()  # it has come meanwhile
                break
            seen = turn.token
            if not self.may_share(request, key, todo, now):
                break
        return None, todo

    async def _look(self, key: bytes) -> None:
        """Take into memory what another one has fetched."""
        tiered, store = self._tiered, self._shared.store
        assert tiered is not None, "without a far tier nothing is shared"
        since = store.epoch
        tiered.take_in(key, await tiered.tiers.find_far(key, tiered.known(store.get(key))), since)


def kind_of(request: Request, variants: Iterable[StoredResponse] | None) -> bytes:
    """Which variant of a key has to be fetched, as far as that is known."""
    if not variants:
        return b""
    names = sorted({name for stored in variants for name, _ in stored.request_fields})
    return _LINE.join([name + b":" + value for name in names for value in request.fields.values(name)])
