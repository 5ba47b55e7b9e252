"""What the origin's answer to a validation means for what is stored (RFC 9111 §4.3.3 to §4.3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.api import Fields, Request, Response, WallTime
from gateway.http.dates import format_date, parse_date
from gateway.http.validators import EntityTag, parse_entity_tag
from plugins.cache.freshness import Times, current_age, initial_age
from plugins.cache.plan import request_directives
from plugins.cache.policy import Policy
from plugins.cache.reasons import NotStoredReason, StaleReason
from plugins.cache.settings import SetCookie
from plugins.cache.stale import ERROR_STATUSES, Failure, stand_in
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan, plan_storing
from plugins.cache.updates import storable, updated
from plugins.cache.vary import fitting

STALE_AT_HAND = "stale_at_hand"
"""The attribute of a request that says so to those behind."""


@dataclass(frozen=True, slots=True)
class Update:
    """One stored response and what the answer says about it."""

    stored: StoredResponse
    plan: StorePlan | NotStoredReason
    """How it is to be stored from now on. With another secondary key than before: store it anew, remove the old one."""
    may_stay: bool
    """Without a plan: whether it may stay as it is, stale. Otherwise it has to go."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """304: what is stored is good."""

    updates: tuple[Update, ...]
    """What it says about stored responses; the one to answer with in front."""
    fields: Fields
    """All fields of that one as they are now, stored or not."""
    personal: tuple[tuple[bytes, bytes], ...]
    """Field lines for the client that asked, and for nobody else."""
    age: float
    """The age in seconds that it has now."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another answer than before, error or not: it goes to the client, and may be stored."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """The origin failed, and the stored response answers instead (RFC 5861 §4)."""

    reason: StaleReason


@dataclass(frozen=True, slots=True)
class AskAgain:
    """304 about something that is not stored here: ask once more, without conditions (RFC 9111 §4.3.4)."""


Verdict = Confirmed | Replaced | StandIn | AskAgain


def judge(
    request: Request,
    response: Response,
    stored: StoredResponse,
    variants: Sequence[StoredResponse],
    times: Times,
    policy: Policy,
    *,
    was_asked: bool = True,
) -> Verdict:
    """What follows from `response` when `stored` was to be validated, or with `was_asked` False could only stand in.

    `variants` are all that is stored for the key."""
    if response.status == 304 and was_asked:
        return _confirmed(request, response, stored, variants, times, policy)
    if response.status in ERROR_STATUSES:
        reason = may_stand_in(request, stored, times.response_time, Failure.STATUS, policy)
        if reason is not None:
            return StandIn(reason)
    return Replaced()


def may_stand_in(
    request: Request, stored: StoredResponse, now: WallTime, failure: Failure, policy: Policy
) -> StaleReason | None:
    """Why `stored` may answer `request` for an origin that failed; `None` if it may not."""
    return stand_in(stored, current_age(stored, now), request_directives(request, policy), failure, policy)


def tell_of_stale(
    request: Request, sent: Request, stored: StoredResponse | None, now: WallTime, policy: Policy
) -> None:
    """Let those behind know, before `sent` goes on for `request`, whether `stored` would stand in for an error."""
    at_hand = stored is not None and may_stand_in(request, stored, now, Failure.CIRCUIT_OPEN, policy) is not None
    if at_hand or sent.attributes is not None:
        sent.attributes = {**(sent.attributes or {}), STALE_AT_HAND: at_hand}


def _confirmed(
    request: Request,
    response: Response,
    stored: StoredResponse,
    variants: Sequence[StoredResponse],
    times: Times,
    policy: Policy,
) -> Confirmed | AskAgain:
    candidates = [other for other in fitting(variants, request.fields) if other is not stored]
    meant = _identified(response.fields, stored, candidates, times.received)
    if not meant:
        return AskAgain()
    by = _dated(storable(response.fields), times.received)
    personal: list[tuple[bytes, bytes]] = []
    if b"set-cookie" in by and policy.set_cookie is not SetCookie.EXPLICIT:
        personal.extend((b"Set-Cookie", value) for value in by.values(b"set-cookie"))
        by.remove(b"set-cookie")
    updates = []
    first = stored.fields
    for place, each in enumerate(meant):
        fields = updated(each.fields, _keeping_strong_tag(each, by))
        update = _update(request, each, fields, response.fields, times, policy)
        updates.append(update)
        if place == 0:
            first = update.plan.fields if isinstance(update.plan, StorePlan) else fields
            if isinstance(update.plan, StorePlan):
                personal.extend(update.plan.withheld)
    return Confirmed(tuple(updates), first, tuple(personal), initial_age(response.fields, times))


def _identified(
    fields: Fields, stored: StoredResponse, others: list[StoredResponse], received: WallTime
) -> list[StoredResponse]:
    """The stored responses that a 304 is about, the one asked about in front if it is among them (RFC 9111 §4.3.4)."""
    everything = [stored, *others]
    etag = parse_entity_tag(fields.get(b"etag"))
    if etag is not None:
        if not etag.weak:
            same = [each for each in everything if each.etag is not None and etag.strongly_equals(each.etag)]
            if same:
                return same
        matching = [each for each in everything if each.etag is not None and _corresponds(etag, each.etag)]
        return _latest(matching, stored)
    modified = fields.get(b"last-modified")
    if modified is not None:
        at = parse_date(modified, received)
        return _latest([each for each in everything if at is not None and each.last_modified == at], stored)
    return [stored]  # says nothing about which: then it is about what it was asked about


def _corresponds(new: EntityTag, known: EntityTag) -> bool:
    """Weak comparison where one of them is weak. Two strong tags that differ are two representations."""
    return (new.weak or known.weak) and new.weakly_equals(known)


def _latest(matching: list[StoredResponse], stored: StoredResponse) -> list[StoredResponse]:
    if stored in matching:
        return [stored]
    return [max(matching, key=lambda each: each.response_time)] if matching else []


def _update(
    request: Request, stored: StoredResponse, fields: Fields, arrived: Fields, times: Times, policy: Policy
) -> Update:
    directives = request_directives(request, policy)
    if directives is not None and directives.no_store:
        return Update(stored, NotStoredReason.REQUEST_NO_STORE, may_stay=True)
    age = initial_age(arrived, times)  # the stored fields have no Age, and may have an older Date
    plan = plan_storing(request, stored.status, stored.reason, fields, times, policy, age=age)
    if isinstance(plan, StorePlan):
        return Update(stored, plan, may_stay=True)
    # Credentials say something about this client, not about what others got and may get once more.
    return Update(stored, plan, may_stay=plan is NotStoredReason.AUTHORIZATION)


def _dated(fields: Fields, received: WallTime) -> Fields:
    """With the Date of now where the answer has none: the old one would make the confirmed response look old."""
    if b"date" not in fields:
        fields.add(b"Date", format_date(received))
    return fields


def _keeping_strong_tag(stored: StoredResponse, by: Fields) -> Fields:
    """Without an ETag that says less than the stored one: some servers weaken theirs in a 304."""
    if stored.etag is None or stored.etag.weak:
        return by
    tag = parse_entity_tag(by.get(b"etag"))
    if tag is None or not tag.weak:
        return by
    by = by.copy()
    by.remove(b"etag")
    return by


def detached(stored: StoredResponse, fields: Fields, times: Times, age: float) -> StoredResponse:
    """`stored` with other fields, `age` seconds old, to answer one client with: it was confirmed, but may not be stored
    so."""
    return StoredResponse(
        key=stored.key,
        variant=stored.variant,
        request_fields=stored.request_fields,
        route=stored.route,
        status=stored.status,
        reason=stored.reason,
        fields=fields,
        body=stored.body,
        request_time=times.request_time,
        response_time=times.response_time,
        stored_at=stored.stored_at,
        corrected_initial_age=age,
        etag=parse_entity_tag(fields.get(b"etag")),
        last_modified=stored.last_modified,
        cache_control=stored.cache_control,
    )


def judge_head(
    request: Request, response: Response, variants: Sequence[StoredResponse], times: Times, policy: Policy
) -> tuple[Update, ...]:
    """What the answer to a HEAD says about the stored answers to GET that would fit it (RFC 9111 §4.3.5).

    Where its validators and its length are theirs, it updates them as a 304 does; where they are not, they have to go.
    An answer that says nothing about either changes nothing."""
    fields = response.fields
    if response.status != 200:
        return ()
    etag = parse_entity_tag(fields.get(b"etag"))
    value = fields.get(b"last-modified")
    modified = parse_date(value, times.received) if value is not None else None
    length = response.described_length
    if etag is None and modified is None and length is None:
        return ()
    by = _dated(storable(fields), times.received)
    by.remove(b"set-cookie")
    found = []
    for stored in fitting(variants, request.fields):
        if stored.status != 200:
            continue
        differs = (
            (etag is not None and etag != stored.etag)
            or (modified is not None and modified != stored.last_modified)
            or (length is not None and length != len(stored.body))
        )
        if differs:
            found.append(Update(stored, NotStoredReason.INVALIDATED, may_stay=False))
        elif etag is not None or modified is not None:
            found.append(_update(request, stored, updated(stored.fields, by), fields, times, policy))
    return tuple(found)
