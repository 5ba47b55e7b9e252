"""Whether a response may be stored, for whom and as what (RFC 9111 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api import Fields, Request, Response, WallTime
from gateway.http.cache_control import CacheControl
from gateway.http.dates import format_date, parse_date
from gateway.http.ranges import ContentRange
from gateway.http.validators import EntityTag, parse_entity_tag
from plugins.cache.freshness import (
    HEURISTICALLY_CACHEABLE,
    Freshness,
    Governing,
    Times,
    freshness_of,
    governing,
    initial_age,
)
from plugins.cache.invalidation import names_target
from plugins.cache.labels import labels_of
from plugins.cache.partial import usable_part
from plugins.cache.plan import request_directives
from plugins.cache.policy import Policy
from plugins.cache.reasons import LifetimeReason, NotStoredReason
from plugins.cache.settings import SetCookie
from plugins.cache.stale import error_window, forbids_stale, revalidation_window
from plugins.cache.stored import Freshening, RequestFields, StoredResponse
from plugins.cache.updates import storable
from plugins.cache.vary import MOST_NAMES, PART, secondary_key, selecting_fields, vary_names

UNDERSTOOD = frozenset(
    {200, 203, 204, 206, 300, 301, 302, 303, 304, 307, 308}
    | {400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428}
    | {429, 431, 451, 500, 501, 502, 503, 504, 505}
)
"""Statuses whose meaning for caches is known here, for must-understand (RFC 9111 §5.2.2.3)."""

ABOUT_THE_REQUEST = {
    304: (b"if-none-match", b"if-modified-since"),
    412: (b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since"),
    416: (b"range",),
    417: (b"expect",),
}
"""Statuses that answer a field which is in no key: one client's condition must not become everybody's error."""


@dataclass(frozen=True, slots=True)
class StorePlan:
    """A response as it is to be stored, once its content is complete."""

    status: int
    reason: bytes | None
    fields: Fields
    """Without what must not be stored."""
    control: CacheControl
    """The directives that count for us."""
    freshness: Freshness
    times: Times
    initial_age: float
    etag: EntityTag | None
    last_modified: WallTime | None
    variant: bytes
    """The secondary key."""
    request_fields: RequestFields
    tags: frozenset[bytes]
    part: ContentRange | None
    """For a 206, where it lies: it must be stored with exactly so much content."""
    for_get: bool
    """An answer to POST that later GETs may have: stored under the key of a GET."""
    withheld: tuple[tuple[bytes, bytes], ...]
    """Field lines that only the client whose request this was gets."""

    def stored(self, key: bytes, route: str, body: bytes, origin_seconds: float) -> StoredResponse:
        """The stored response, content included."""
        return StoredResponse(
            key=key,
            variant=self.variant,
            request_fields=self.request_fields,
            route=route,
            status=self.status,
            reason=self.reason,
            fields=self.fields,
            body=body,
            request_time=self.times.request_time,
            response_time=self.times.response_time,
            stored_at=self.times.response_time,
            corrected_initial_age=self.initial_age,
            lifetime=self.freshness.lifetime,
            why=self.freshness.why,
            etag=self.etag,
            last_modified=self.last_modified,
            cache_control=self.control,
            tags=self.tags,
            origin_seconds=origin_seconds,
        )

    def freshening(self) -> Freshening:
        """The same for a response that is stored already and was confirmed."""
        return Freshening(
            fields=self.fields,
            request_time=self.times.request_time,
            response_time=self.times.response_time,
            corrected_initial_age=self.initial_age,
            lifetime=self.freshness.lifetime,
            why=self.freshness.why,
            etag=self.etag,
            last_modified=self.last_modified,
            cache_control=self.control,
            tags=self.tags,
        )


def may_store(request: Request, response: Response, times: Times, policy: Policy) -> StorePlan | NotStoredReason:
    """How `response` is to be stored for requests like `request`, or why not. Its content need not have come yet."""
    reason = _not_for_this_request(request, response, policy)
    if reason is not None:
        return reason
    return plan_storing(request, response.status, response.reason, response.fields, times, policy)


def plan_storing(
    request: Request,
    status: int,
    phrase: bytes | None,
    fields: Fields,
    times: Times,
    policy: Policy,
    *,
    age: float | None = None,
) -> StorePlan | NotStoredReason:
    """The part of `may_store` that looks at the response: also for fields that a validation or a further part updated.

    `age` is how old the answer was when it came, where `fields` are not the ones it came with."""
    rules = governing(fields, policy.targeted)
    control = rules.control
    reason = forbidden(request, status, control)
    if reason is not None:
        return reason
    unwanted = control.no_cache_fields | control.private_fields
    if b"set-cookie" in fields and b"set-cookie" not in unwanted and policy.set_cookie is SetCookie.STRIP:
        unwanted |= {b"set-cookie"}
    kept = storable(fields, unwanted)
    freshness = freshness_of(status, fields, rules, times.received, policy)
    if b"set-cookie" in kept and not _may_share_cookie(freshness, control, policy):
        return NotStoredReason.SET_COOKIE
    names = vary_names(fields)
    if names is None:
        return NotStoredReason.VARY_STAR
    if len(names) > MOST_NAMES:
        return NotStoredReason.VARY_TOO_WIDE
    etag = parse_entity_tag(fields.get(b"etag"))
    modified = fields.get(b"last-modified")
    last_modified = parse_date(modified, times.received) if modified is not None else None
    part = usable_part(fields, etag, last_modified, times.received) if status == 206 else None
    if status == 206 and (part is None or request.method != "GET" or b"range" not in request.fields):
        return NotStoredReason.PARTIAL
    if age is None:
        age = initial_age(fields, times)
    reason = _useless(status, rules, freshness, age, etag is not None or last_modified is not None, policy)
    if reason is not None:
        return reason
    for_get = request.method == "POST" and not policy.answers_post and names_target(request, fields)
    if b"date" not in kept:
        kept.add(b"Date", format_date(times.received))  # RFC 9110 §6.6.1
    variant = secondary_key(names, request.fields)
    return StorePlan(
        status=status,
        reason=phrase,
        fields=kept,
        control=control,
        freshness=freshness,
        times=times,
        initial_age=age,
        etag=etag,
        last_modified=last_modified,
        variant=PART + variant if part is not None else variant,
        request_fields=selecting_fields(names, request.fields),
        tags=labels_of(request, fields),
        part=part,
        for_get=for_get,
        withheld=tuple((name, value) for name, value in fields if name.lower() in unwanted) if unwanted else (),
    )


def _not_for_this_request(request: Request, response: Response, policy: Policy) -> NotStoredReason | None:
    """What stands against storing before the response's own directives are asked."""
    method, status = request.method, response.status
    if response.upgraded is not None or status < 200:
        return NotStoredReason.UPGRADED
    if method == "HEAD":
        return NotStoredReason.HEAD
    if method == "POST" and not policy.answers_post:
        fields = response.fields
        rules = governing(fields, policy.targeted)
        explicit = rules.control.s_maxage is not None or rules.control.max_age is not None or b"expires" in fields
        if status != 200 or not explicit or not names_target(request, fields):
            return NotStoredReason.POST_LOCATION
    elif method not in ("GET", "POST", "QUERY"):
        return NotStoredReason.METHOD
    directives = request_directives(request, policy)
    if directives is not None and directives.no_store:
        return NotStoredReason.REQUEST_NO_STORE
    asked = ABOUT_THE_REQUEST.get(status)
    if asked is not None and (status == 304 or any(name in request.fields for name in asked)):
        return NotStoredReason.CONDITION
    return None


def forbidden(request: Request, status: int, control: CacheControl) -> NotStoredReason | None:
    """What the origin forbids, or does not allow where it has to (RFC 9111 §3, §3.5)."""
    if control.must_understand:
        if status not in UNDERSTOOD:
            return NotStoredReason.MUST_UNDERSTAND
    elif control.no_store:  # beside must-understand it is for caches that do not know that (RFC 9111 §5.2.2.3)
        return NotStoredReason.NO_STORE
    if control.private:
        return NotStoredReason.PRIVATE
    may_share = control.public or control.must_revalidate or control.s_maxage is not None
    if b"authorization" in request.fields and not may_share:
        return NotStoredReason.AUTHORIZATION
    return None


def _may_share_cookie(freshness: Freshness, control: CacheControl, policy: Policy) -> bool:
    if policy.set_cookie is not SetCookie.EXPLICIT:
        return False
    return (freshness.why.is_explicit and freshness.lifetime > 0) or control.public


def _useless(
    status: int, rules: Governing, freshness: Freshness, age: float, has_validator: bool, policy: Policy
) -> NotStoredReason | None:
    """Why it would never be used, or only on the guess that it may be (RFC 9111 §3)."""
    control = rules.control
    can_be_confirmed = has_validator and 200 <= status < 300 and status != 206
    if freshness.why is LifetimeReason.NONE:
        said_so = control.public or (control.no_cache and status in HEURISTICALLY_CACHEABLE)
        return None if said_so and can_be_confirmed else NotStoredReason.NO_FRESHNESS
    if can_be_confirmed or (freshness.lifetime > age and not control.no_cache):
        return None
    window = max(revalidation_window(control, policy), error_window(control, policy))
    if freshness.lifetime + window > age and not forbids_stale(control):
        return None
    return NotStoredReason.NO_USE
