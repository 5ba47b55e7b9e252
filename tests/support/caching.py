"""The rules of the cache around a dictionary: what the plugin does, but at times that a test chooses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from gateway.api import Fields, Reason, Request, Response, WallTime
from gateway.http.dates import format_date
from plugins.cache.answer import answer, answer_fetched
from plugins.cache.forwarding import fetch_fields, fetches_whole, validation_fields
from plugins.cache.freshness import Times, current_age
from plugins.cache.invalidation import invalidated
from plugins.cache.key import Keyer, url_of
from plugins.cache.partial import combine
from plugins.cache.plan import Fetch, Refuse, Revalidate, Serve, ServeStale, plan
from plugins.cache.policy import Policy
from plugins.cache.reasons import BypassReason, HitReason, NotStoredReason
from plugins.cache.revalidation import (
    AskAgain,
    Confirmed,
    Replaced,
    StandIn,
    Update,
    detached,
    judge,
    judge_head,
    may_stand_in,
)
from plugins.cache.settings import CacheSettings
from plugins.cache.stale import Failure
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan, may_store, plan_storing
from plugins.cache.vary import select_part
from tests.support.plugins import FieldsLike, make_request, make_response

START = 1_700_000_000.0
"""Tuesday, 14 November 2023, 22:13:20 GMT."""


def wall(seconds: float) -> WallTime:
    """The time so many seconds after `START`."""
    return WallTime(START + seconds)


def date(seconds: float = 0.0) -> str:
    """That time as an HTTP-date."""
    return format_date(START + seconds).decode()


def times(at: float = 0.0, took: float = 0.0) -> Times:
    """An exchange whose answer came `at` seconds after the start and that took so long."""
    return Times(wall(at - took), wall(at), wall(at))


def policy_of(**settings: Any) -> Policy:
    """The policy of a route with these settings."""
    return Policy(CacheSettings.model_validate(settings))


def planned(
    fields: FieldsLike = (),
    *,
    status: int = 200,
    at: float = 0.0,
    took: float = 0.0,
    request: Request | None = None,
    policy: Policy | None = None,
) -> StorePlan:
    """What the rules make of a response with a Date of `at`. It must be one that may be stored."""
    response = make_response(status, {"Date": date(at), **dict(fields)})
    made = may_store(request or make_request(), response, times(at, took), policy or policy_of())
    assert isinstance(made, StorePlan), made
    return made


def stored_from(
    fields: FieldsLike = (),
    body: bytes = b"content",
    *,
    status: int = 200,
    at: float = 0.0,
    took: float = 0.0,
    request: Request | None = None,
    policy: Policy | None = None,
) -> StoredResponse:
    """The same as it is stored, with its content."""
    plan = planned(fields, status=status, at=at, took=took, request=request, policy=policy)
    return plan.stored(b"http://shop.example/", "default", body, took)


Origin = Callable[[Request], Response | None]
"""Answers a request as it went upstream; `None` when it cannot be reached."""


@dataclass
class Outcome:
    """What became of a request."""

    status: int
    fields: Fields
    body: bytes
    why: Reason
    """The reason of the first decision, or why something stale stood in."""
    not_stored: NotStoredReason | None = None
    """Why the origin's answer was not stored, where there was one."""
    sent: list[Request] = field(default_factory=list)
    """What went upstream."""
    refresh: bool = False
    """Whether a refresh behind was wanted."""

    @property
    def word(self) -> str:
        """The reason as logs have it."""
        return str(self.why.value)

    def __getitem__(self, name: str) -> str | None:
        value = self.fields.get(name.lower().encode())
        return value.decode() if value is not None else None


class RuleCache:
    """A cache that is nothing but rules."""

    def __init__(self, **settings: Any) -> None:
        checked = CacheSettings.model_validate(settings)
        self.policy = Policy(checked)
        self.keyer = Keyer(checked.key, self.policy.bypass_cookies)
        self.stored: dict[bytes, list[StoredResponse]] = {}
        self.wall_is_off_by = 0.0
        """Seconds by which the wall clock is wrong; the steady one is not."""

    def ask(self, request: Request, origin: Origin, at: float, took: float = 0.0) -> Outcome:
        """Answer `request`, which comes `at` seconds after the start; the origin takes its time."""
        key = self.keyer.key(request)
        sent: list[Request] = []
        times_of = Times(wall(at), wall(at + took), wall(at + took + self.wall_is_off_by))

        def send(fields: Fields, target: bytes | None = None) -> Response | None:
            copy = Request(request.method, target or request.target, fields, request.body, request.authority)
            sent.append(copy)
            return origin(copy)

        if isinstance(key, BypassReason):
            bypassed = send(request.fields) or make_response(502)
            outcome = Outcome(bypassed.status, bypassed.fields, _content(bypassed), key, sent=sent)
            self._invalidate(request, bypassed)
            if key is BypassReason.METHOD and request.method == "POST":
                outcome.not_stored = self._store(request, bypassed, times_of, self.keyer.get_key(request))
            return outcome
        variants = tuple(self.stored.get(key, ()))
        match plan(request, variants, wall(at), self.policy):
            case Serve(stored, age, reason):
                return self._answer(request, stored, age, at, reason, sent)
            case ServeStale(stored, age, stale_reason, revalidate):
                outcome = self._answer(request, stored, age, at, stale_reason, sent)
                outcome.refresh = revalidate
                return outcome
            case Refuse(refusal):
                return Outcome(504, Fields(), b"", refusal)
            case Revalidate(stored, _, why):
                response = send(validation_fields(request, stored, self.policy), self._target(request))
                return self._judged(request, response, stored, variants, times_of, key, why, send, sent)
            case Fetch(why, fallback):
                whole = fetches_whole(request, self.policy, is_known_large=False)
                response = send(fetch_fields(request, self.policy, whole=whole), self._target(request))
                if fallback is not None:
                    return self._judged(
                        request, response, fallback, variants, times_of, key, why, send, sent, was_asked=False
                    )
                return self._fetched(request, response, times_of, key, why, sent, at + took)
            case impossible:
                assert_never(impossible)

    def _target(self, request: Request) -> bytes:
        return self.keyer.target(request.target)

    def _answer(
        self, request: Request, stored: StoredResponse, age: float, at: float, why: Reason, sent: list[Request]
    ) -> Outcome:
        response = answer(request, stored, age, wall(at), self.policy, None)
        return Outcome(response.status, response.fields, _content(response), why, sent=sent)

    def _judged(
        self,
        request: Request,
        response: Response | None,
        stored: StoredResponse,
        variants: tuple[StoredResponse, ...],
        times_of: Times,
        key: bytes,
        why: Reason,
        send: Callable[[Fields], Response | None],
        sent: list[Request],
        *,
        was_asked: bool = True,
    ) -> Outcome:
        at = times_of.response_time - START
        if response is None:
            reason = may_stand_in(request, stored, times_of.response_time, Failure.DISCONNECTED, self.policy)
            if reason is None:
                return Outcome(504, Fields(), b"", why, sent=sent)
            return self._answer(request, stored, current_age(stored, wall(at)), at, reason, sent)
        match judge(request, response, stored, variants, times_of, self.policy, was_asked=was_asked):
            case Confirmed(updates, fields, personal, now):
                kept = self._update(updates[0], key)
                for update in updates[1:]:
                    self._update(update, key)
                confirmed = kept or detached(updates[0].stored, fields, times_of, now)
                age = current_age(confirmed, wall(at))
                outcome = self._answer(request, confirmed, age, at, HitReason.REVALIDATED, sent)
                for name, value in personal:
                    outcome.fields.add(name, value)
                if not isinstance(updates[0].plan, StorePlan):
                    outcome.not_stored = updates[0].plan
                return outcome
            case StandIn(reason):
                return self._answer(request, stored, current_age(stored, wall(at)), at, reason, sent)
            case AskAgain():
                return self._fetched(request, send(fetch_fields(request, self.policy)), times_of, key, why, sent, at)
            case Replaced():
                return self._fetched(request, response, times_of, key, why, sent, at)
            case impossible:
                assert_never(impossible)

    def _fetched(
        self,
        request: Request,
        response: Response | None,
        times_of: Times,
        key: bytes,
        why: Reason,
        sent: list[Request],
        at: float,
    ) -> Outcome:
        if response is None:
            return Outcome(502, Fields(), b"", why, sent=sent)
        if request.method == "HEAD":
            for update in judge_head(request, response, self.stored.get(key, ()), times_of, self.policy):
                self._update(update, key)
        not_stored = self._store(request, response, times_of, key)
        if not_stored is None and b"range" in request.fields and response.status == 200:
            stored = self.stored[key][0]
            return self._answer(request, stored, current_age(stored, wall(at)), at, why, sent)
        judged = answer_fetched(request, response, wall(at)) or response
        return Outcome(judged.status, judged.fields, _content(judged), why, not_stored, sent)

    def _store(self, request: Request, response: Response, times_of: Times, key: bytes) -> NotStoredReason | None:
        made = may_store(request, response, times_of, self.policy)
        if not isinstance(made, StorePlan):
            return made
        body = _content(response)
        if len(body) > self.policy.max_entry:
            return NotStoredReason.TOO_LARGE
        if made.part is not None:
            part = select_part(self.stored.get(key, ()), request.fields)
            both = combine(part, made.fields, body, made.etag, made.last_modified) if part is not None else None
            if both is not None:
                again = plan_storing(
                    request, both.status, None, both.fields, times_of, self.policy, age=made.initial_age
                )
                assert isinstance(again, StorePlan)
                made, body = again, both.body
        self._put(made.stored(key, "default", body, 0.0))
        return None

    def _put(self, stored: StoredResponse) -> None:
        others = [other for other in self.stored.get(stored.key, []) if other.variant != stored.variant]
        self.stored[stored.key] = [stored, *others]

    def _update(self, update: Update, key: bytes) -> StoredResponse | None:
        stored = update.stored
        if isinstance(update.plan, StorePlan):
            if update.plan.variant == stored.variant:
                stored.freshen(update.plan.freshening())
                return stored
            moved = update.plan.stored(key, "default", stored.body, 0.0)
            self.stored[key].remove(stored)
            self._put(moved)
            return moved
        if not update.may_stay:
            self.stored[key].remove(stored)
        return None

    def _invalidate(self, request: Request, response: Response) -> None:
        found = invalidated(request, response, lambda target: [self.keyer.target(target)], self.policy)
        if found is None:
            return
        for key in list(self.stored):
            kept = [each for each in self.stored[key] if not each.tags.intersection(found.tags)]
            self.stored[key] = [] if url_of(key) in found.urls else kept


def _content(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def origin_of(status: int = 200, fields: Mapping[str, str] | None = None, body: bytes = b"content") -> Origin:
    """An origin that gives the same answer to everything."""
    return lambda request: make_response(status, dict(fields or {}), body)


def unreachable(request: Request) -> None:
    """An origin that cannot be reached."""


def never_asked(request: Request) -> Response:
    """An origin that must not be asked."""
    raise AssertionError(f"{request.method} {request.target!r} went upstream")
