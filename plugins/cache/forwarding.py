"""The fields of a request as they go upstream on the cache's behalf (RFC 9111 §4.3.1)."""

from __future__ import annotations

from gateway.api import Fields, Request
from plugins.cache.policy import Policy
from plugins.cache.stored import StoredResponse

_CONDITIONS = frozenset({b"if-match", b"if-modified-since", b"if-none-match", b"if-unmodified-since"})
_RANGE = frozenset({b"range", b"if-range"})
_CONDITIONAL_METHODS = frozenset({"GET", "QUERY"})


def fetches_whole(request: Request, policy: Policy, *, is_known_large: bool) -> bool:
    """Whether the whole is fetched for a request for a part; `is_known_large` when that was tried lately in vain."""
    return request.method == "GET" and b"range" in request.fields and policy.fetch_whole > 0 and not is_known_large


def is_too_large(length: int | None, limit: int) -> bool:
    """Whether a content of that length, `None` when only the end will tell, is known to be above `limit` octets."""
    return length is not None and length > limit


def fetch_fields(request: Request, policy: Policy, *, whole: bool = False) -> Fields:
    """The fields with which something is fetched that may be stored. The request keeps its own.

    The client's conditions stay here: they are judged against what comes, which then is the whole answer and good for
    others too. With `whole` so does Range. A HEAD goes as it is: its answer is not stored."""
    unwanted = policy.unkeyed
    if request.method in _CONDITIONAL_METHODS:
        unwanted = unwanted | _CONDITIONS
    if whole:
        unwanted = unwanted | _RANGE
    fields = request.fields.copy()
    fields.remove_any(unwanted)
    return fields


def passing_fields(request: Request, policy: Policy) -> Fields:
    """The fields of a request that passes with its own conditions, and whose answer may be stored all the same."""
    fields = request.fields.copy()
    fields.remove_any(policy.unkeyed)
    return fields


def validation_fields(request: Request, stored: StoredResponse, policy: Policy) -> Fields:
    """The fields that ask whether `stored` is still good: with both kinds of validators, as far as it has them."""
    fields = request.fields.copy()
    fields.remove_any(policy.unkeyed | _CONDITIONS | _RANGE)
    if stored.etag is not None:
        fields.add(b"If-None-Match", stored.etag.encode())
    modified = stored.fields.get(b"last-modified")
    if stored.last_modified is not None and modified is not None:
        fields.add(b"If-Modified-Since", modified)
    return fields
