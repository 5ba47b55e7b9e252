"""What is known not to be storable passes as it is, with as little ado as can be.

Most APIs answer much that no cache may keep. Such a request must not pay for a cache that cannot help it: once the
answer to a key was not storable, the next ones are sent on unchanged, and their answers are looked at only as far as
it takes to say again that they cannot be stored. Whatever is not plain goes the long way."""

from __future__ import annotations

from gateway.api import Counter, Decision, Fields, Request, Response, WallTime
from plugins.cache.figures import CacheFigures
from plugins.cache.freshness import governing
from plugins.cache.keeping import ABOUT_ONE_REQUEST
from plugins.cache.key import Keyer
from plugins.cache.policy import Policy
from plugins.cache.reasons import BypassReason, NotStoredReason
from plugins.cache.status import CacheStatus
from plugins.cache.storing import ABOUT_THE_REQUEST, forbidden
from plugins.cache.uncacheable import Uncacheable
from plugins.cache.vary import vary_names

Known = tuple[NotStoredReason, Fields, Counter, Counter, Decision]
"""Why the same answer was not stored before, the fields it had then, what counts it, and what the trail says of it."""
_PLAIN = frozenset({"GET", "HEAD"})


class Passing:
    """Passes what one route cannot store."""

    reason = BypassReason.UNCACHEABLE

    __slots__ = ("_counter", "_decision", "_figures", "_keyer", "_may_guess", "_policy", "_status", "_uncacheable")

    def __init__(
        self, policy: Policy, keyer: Keyer, status: CacheStatus | None, figures: CacheFigures, uncacheable: Uncacheable
    ) -> None:
        self._policy = policy
        self._keyer = keyer
        self._status = status
        self._figures = figures
        self._uncacheable = uncacheable
        self._counter, self._decision = figures.outcome(self.reason)
        self._may_guess = not (policy.default_freshness is None and policy.override_freshness is None)

    def known_key(self, request: Request) -> bytes | None:
        """The key of a request that passes as it is, if it may, if its head came before."""
        notes = request.fields.notes
        if notes is None or (known := notes.get(self)) is None:
            return None
        key, target, authority, scheme, method = known
        is_same = request.target is target and request.authority is authority and request.scheme is scheme
        return key if is_same and request.method is method else None

    def takes(self, request: Request, key: bytes, now: WallTime, *, is_known: bool) -> bool:
        """Whether `request`, for whose key nothing is stored, passes as it is. It is counted then. `is_known`: the key
        is what `known_key` said."""
        if self._uncacheable.recall(key, now) is None:
            return False
        if not is_known:
            if not self._is_plain(request):
                return False
            notes = request.fields.notes
            if notes is not None:
                notes[self] = (key, request.target, request.authority, request.scheme, request.method)
        self._counter.inc()
        request.trail.append(self._decision)
        return True

    def _is_plain(self, request: Request) -> bool:
        """Whether nothing of it must stay here, and the client has no directives of its own."""
        fields, target = request.fields, request.target
        if request.method not in _PLAIN or b"cache-control" in fields or b"authorization" in fields:
            return False
        return not any(name in fields for name in self._policy.unkeyed) and self._keyer.target(target) == target

    def hand_on(self, request: Request, response: Response, key: bytes, asked: WallTime, now: WallTime) -> bool:
        """Make `response` the client's, if it cannot be stored; otherwise nothing, and it is worth a closer look."""
        response.replay = None  # whoever gave it does not know what is stored here meanwhile
        notes = response.fields.notes
        known: Known | None = None if notes is None else notes.get(self)
        if known is not None and request.method == "GET" and response.upgraded is None:
            reason, fields, answers, times, decision = known
            response.fields = fields.again()
            request.trail.append(decision)
            answers.inc()
            times.inc(max(0.0, now - asked))
            self._uncacheable.remember(key, reason, now)
            return True
        found = self._refusal(request, response)
        if found is None:
            return False
        self._figures.not_stored(found, now - asked)
        counted = self._figures.of_not_stored(found)
        request.trail.append(counted[2])
        if self._status is not None:
            response.fields.append(self._status.passed(found, response.status))
        if found not in ABOUT_ONE_REQUEST:
            self._uncacheable.remember(key, found, now)
            if notes is not None and request.method == "GET":
                notes[self] = (found, response.fields.copy(), *counted)
        return True

    def _refusal(self, request: Request, response: Response) -> NotStoredReason | None:
        """Why `response` cannot be stored, where that is plain to see; `request` has no credentials."""
        status, fields = response.status, response.fields
        if response.upgraded is not None:
            return NotStoredReason.UPGRADED
        if request.method == "HEAD" or status in ABOUT_THE_REQUEST:
            return None
        control = governing(fields, self._policy.targeted).control
        reason = forbidden(request, status, control)
        if reason is not None:
            return reason
        if vary_names(fields) is None:
            return NotStoredReason.VARY_STAR
        is_dated = control.s_maxage is not None or control.max_age is not None or b"expires" in fields
        may_be_guessed = self._may_guess or status in self._policy.negative or b"last-modified" in fields
        if is_dated or may_be_guessed or control.public or control.no_cache or b"set-cookie" in fields:
            return None
        return NotStoredReason.NO_FRESHNESS
