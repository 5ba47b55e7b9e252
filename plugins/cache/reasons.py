"""Every outcome the cache can have, each with its reason.

The value of a member is what metrics, logs and the `detail` of Cache-Status say (RFC 9211 §2.8); its sentence
is for people. What could not be explained by a member of one of these enums does not happen."""

from __future__ import annotations

from gateway.api import ToldReason


class CacheReason(ToldReason):
    """A reason of this room."""


class HitReason(CacheReason):
    """Why a stored response answered as it is."""

    FRESH = "fresh", "The stored response is fresh."
    REVALIDATED = "revalidated", "The origin confirmed that the stored response is still good."
    COLLAPSED = "collapsed", "Another request was already fetching it."


class StaleReason(CacheReason):
    """Why a stale stored response was allowed to answer."""

    WHILE_REVALIDATE = (
        "stale_while_revalidate",
        "Stale, but within the time in which it may answer while it is refreshed.",
    )
    IF_ERROR = "stale_if_error", "The origin failed, and the stored response may stand in for errors."
    DISCONNECTED = "disconnected", "The origin cannot be reached, and nothing forbids a stale answer."
    CIRCUIT_OPEN = "circuit_open", "The origin keeps failing and is not asked, and nothing forbids a stale answer."
    MAX_STALE = "max_stale", "The client asked to be given a stale answer."
    SOFT_PURGED = "soft_purged", "Purged softly: it answers once more while it is refreshed."


class ForwardReason(CacheReason):
    """A reason why a request went upstream; `forward` is the word of RFC 9211 §2.2 for it."""

    forward: str

    def __new__(cls, value: str, forward: str, sentence: str) -> ForwardReason:
        member = object.__new__(cls)
        member._value_ = value
        member.forward = forward
        member.sentence = sentence
        return member


class MissReason(ForwardReason):
    """Why what is stored could not answer."""

    URI_MISS = "uri_miss", "uri-miss", "Nothing is stored for this key."
    VARY_MISS = "vary_miss", "vary-miss", "What is stored is for requests that differ in a field named by Vary."
    PARTIAL = "partial", "partial", "Only a part of the content is stored, and not the one asked for."
    STALE = "stale", "stale", "The stored response is stale."
    SOFT_PURGED = (
        "soft_purged_unusable",
        "stale",
        "The stored response was purged softly, and nothing that is stale may answer here.",
    )
    DOUBTED = "doubted", "stale", "Another gateway may have changed it, and the shared tier could not be asked."
    NO_CACHE = "no_cache", "stale", "The origin wants every use of the stored response confirmed (no-cache)."
    REQUEST_NO_CACHE = "request_no_cache", "request", "The client wants the answer confirmed by the origin (no-cache)."
    REQUEST_MAX_AGE = "request_max_age", "request", "The stored response is older than the client accepts (max-age)."
    REQUEST_MIN_FRESH = (
        "request_min_fresh",
        "request",
        "The stored response will be stale sooner than the client accepts (min-fresh).",
    )


class BypassReason(ForwardReason):
    """Why the request has nothing to do with what is stored."""

    METHOD = "method", "method", "The method is neither GET nor HEAD, and its content is not part of the key."
    TARGET = "target", "bypass", "The target is not a path."
    CONTENT = "content", "bypass", "A GET or HEAD with content: what the origin makes of it is not in the key."
    CONTENT_TOO_LARGE = "content_too_large", "bypass", "The content is longer than what is read for the key."
    UPGRADE = "upgrade", "bypass", "The client asks for another protocol."
    COOKIE = "cookie", "bypass", "The request has a cookie that `bypass_cookies` names."
    UNCACHEABLE = "uncacheable", "bypass", "The last answer to this key could not be stored."


class RefuseReason(CacheReason):
    """Why the request was answered 504 without asking the origin."""

    ONLY_IF_CACHED = "only_if_cached", "The client wants a stored response or none (only-if-cached)."


class NotStoredReason(CacheReason):
    """Why a response was not stored."""

    METHOD = "method", "The method's answers are not stored."
    HEAD = "head", "An answer to HEAD has no content to store."
    POST_LOCATION = "post_location", "An answer to POST is stored for its own target and with explicit freshness only."
    REQUEST_NO_STORE = "request_no_store", "The client forbids it (no-store)."
    NO_STORE = "no_store", "The origin forbids it (no-store)."
    MUST_UNDERSTAND = "must_understand", "The status is not one that this cache knows (must-understand)."
    PRIVATE = "private", "The answer is for one user (private)."
    AUTHORIZATION = "authorization", "The request had credentials, and the answer does not say that it may be shared."
    SET_COOKIE = "set_cookie", "The answer sets a cookie."
    VARY_STAR = "vary_star", "The answer depends on more than the request (Vary: *)."
    VARY_TOO_WIDE = "vary_too_wide", "Vary names too many fields."
    CONDITION = "condition", "The answer is about a condition that this one request made."
    PARTIAL = "partial", "A part without a strong validator or a usable Content-Range."
    NO_FRESHNESS = "no_freshness", "Nothing says how long the answer may be used."
    NO_USE = "no_use", "It is stale already and could not be confirmed: it has no validator."
    UPGRADED = "upgraded", "The connection changed its protocol."
    TOO_LARGE = "too_large", "The content is larger than `max_entry`."
    INCOMPLETE = "incomplete", "The content broke off before its end."
    INVALIDATED = "invalidated", "It was purged or invalidated while it was on its way."
    OVERTAKEN = "overtaken", "A more recent answer was stored while it was on its way."
    FILLING = "filling", "Another answer to the same request was already on its way into the memory."
    CROWDED = "crowded", "Too much else was on its way into the memory (`max_filling`)."


class LifetimeReason(CacheReason):
    """Where a freshness lifetime comes from."""

    S_MAXAGE = "s_maxage", "The directive s-maxage."
    MAX_AGE = "max_age", "The directive max-age."
    EXPIRES = "expires", "The field Expires, counted from Date."
    EXPIRES_INVALID = "expires_invalid", "An Expires that is no date: stale from the start."
    OVERRIDE = "override", "The setting `override_freshness`."
    NEGATIVE = "negative", "The setting `negative` for this status."
    DEFAULT = "default", "The setting `default_freshness`."
    HEURISTIC = "heuristic", "A tenth of the time since Last-Modified."
    NONE = "none", "Nothing says how long."

    @property
    def is_explicit(self) -> bool:
        """Whether the origin itself said how long (RFC 9111 §4.2)."""
        return self in _EXPLICIT


_EXPLICIT = frozenset(
    {LifetimeReason.S_MAXAGE, LifetimeReason.MAX_AGE, LifetimeReason.EXPIRES, LifetimeReason.EXPIRES_INVALID}
)
