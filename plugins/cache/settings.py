"""Settings of the `cache` plugin."""

from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.api import (
    Duration,
    OneOrMany,
    OrOff,
    SettingError,
    Settings,
    Size,
    StatusPattern,
    Token,
    check_token,
    kibibytes,
    mebibytes,
    seconds,
)
from gateway.http.fields import is_token


class SetCookie(Enum):
    """What happens to responses with `Set-Cookie`."""

    NEVER = "never"
    EXPLICIT = "explicit"
    STRIP = "strip"


class Query(Enum):
    """Whether the order of query parameters counts."""

    KEEP = "keep"
    SORT = "sort"


def _check_key_field(text: str) -> str:
    if check_token(text).lower() in ("cookie", "set-cookie"):
        raise SettingError("must not be the whole Cookie field", hint="name the cookies that count in `cookies`")
    return text


def _check_targeted(text: str) -> str:
    if check_token(text).lower() in ("cache-control", "expires", "pragma"):
        raise SettingError("is read anyway", hint="name fields such as CDN-Cache-Control")
    return text


def _check_pattern(text: str) -> str:
    if not text or "*" in text[:-1] or any(character in text for character in "&=#?"):
        raise SettingError(
            "must be the name of a query parameter, or its beginning and one star", hint="write utm_* or gclid"
        )
    return text


def _check_cookie_pattern(text: str) -> str:
    if "*" in text[:-1] or (text != "*" and not is_token(text.rstrip("*").encode("utf-8", "replace"))):
        raise SettingError("must be the name of a cookie, or its beginning and one star", hint="write session or wp_*")
    return text


KeyField = Annotated[str, AfterValidator(_check_key_field)]
Parameter = Annotated[str, AfterValidator(_check_pattern)]
CookiePattern = Annotated[str, AfterValidator(_check_cookie_pattern)]
Parameters = OneOrMany[Parameter]
Names = OneOrMany[Token]
KeyFields = OneOrMany[KeyField]
Targeted = OneOrMany[Annotated[str, AfterValidator(_check_targeted)]]
CookiePatterns = OneOrMany[CookiePattern]
OptionalDuration = Annotated[Annotated[Duration, Field(ge=0)] | None, OrOff(), Field(validate_default=False)]


class KeySettings(Settings):
    """What tells one stored response from another, beyond scheme, host, path and query."""

    query: Query = Query.KEEP
    """`sort` puts query parameters in the order of their names, so that `?a=1&b=2` and `?b=2&a=1` share a stored
    response; parameters of one name keep their order. Not for origins to which the order means something."""
    drop: Parameters = ()
    """Query parameters that do not count: names, or the beginning of names and a star (`utm_*`, `gclid`). They are
    taken out of what goes upstream as well: an answer that showed one of them would be shown to everybody."""
    only: Annotated[Parameters | None, OrOff(), Field(validate_default=False)] = None
    """The only query parameters that count, written like `drop`; all others are dropped. `off` keeps them all."""
    fields: KeyFields = ()
    """Request fields whose values count, for origins that depend on one and do not say so in `Vary`. Every value
    has a stored response of its own: a field with a thousand values divides the hits by a thousand."""
    cookies: Names = ()
    """Cookies whose values count, by name. Never the cookie of a session: each user would fill the memory alone."""
    body: bool = False
    """Answer POST from stored responses too, by the content of the request: for routes where POST only asks
    (search, GraphQL queries). There POST no longer invalidates anything. QUERY is answered so anyway (RFC 10008)."""
    max_body: Annotated[Size, Field(gt=0)] = kibibytes(64)
    """Content of a POST or QUERY up to this size is read for the key; requests with more are not answered here."""

    @model_validator(mode="after")
    def _only_or_drop(self) -> Self:
        if self.drop and self.only is not None:
            raise SettingError("says nothing beside `only`, which drops all others", hint="keep one", at=("drop",))
        return self


class AheadSettings(Settings):
    """Refresh-ahead: what is popular is asked about before it expires, so that nobody waits for it then."""

    beta: Annotated[float, Field(gt=0, le=100)] = 3.0
    """How early, in units of what the origin takes to answer (50 ms at least). 1 is XFetch as published, which keeps
    most requests from waiting; 3 keeps all of them from it wherever there are some 50 uses in a lifetime."""
    share: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    """The most of a lifetime that may be given up: 0.1 asks the origin at most 11 times where it was asked 10 times."""
    uses: Annotated[float, Field(ge=1)] = 20.0
    """Uses in a lifetime from which on a stored response is popular. What is used less often expires."""
    budget: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Refreshes for each hit of the route in this worker. Beyond it they wait, and may come too late."""
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 8
    """Refreshes that may be under way at once, for each route and worker."""


class CacheSettings(Settings):
    """Settings of the `cache` plugin."""

    memory: Annotated[Size, Field(ge=mebibytes(1))] = mebibytes(256)
    """Octets for stored responses in each worker: content, fields, keys, index and what is derived from them."""
    max_entry: Annotated[Size, Field(gt=0)] = mebibytes(8)
    """The largest content that is stored. A larger answer passes to the client all the same."""
    max_filling: Annotated[Size, Field(gt=0)] = mebibytes(64)
    """Octets of answers that are on their way into the memory, all together in each worker and beside `memory`. An
    answer for which there is no room passes without being stored. It bounds what many slow downloads at once can take;
    below `max_entry` it bounds what is stored."""
    variants: Annotated[int, Field(ge=1, le=1000)] = 16
    """Stored responses of one key that differ by `Vary`; beyond it the least useful goes. It keeps a `Vary:
    User-Agent` from filling the memory with one page."""

    default_freshness: OptionalDuration = None
    """Freshness lifetime of good answers (below 400) that say nothing about it. Off: without a word from the origin,
    only the tenth of a page's age is assumed (see `heuristic_limit`)."""
    override_freshness: OptionalDuration = None
    """Freshness lifetime of good answers whatever they say about it. `no-store`, `private` and `no-cache` stay in
    force. For origins that cannot be taught; it takes their say away."""
    negative: dict[StatusPattern, Annotated[Duration, Field(ge=0)]] = Field(default_factory=dict)
    """Freshness lifetime by status for answers that say nothing about it: `{404: 10s, 5xx: 1s}`. Spares an origin
    questions about what it does not have; everybody gets the error for so long, even if one client provoked it."""
    heuristic_limit: OptionalDuration = seconds(86400)
    """The most that is assumed for an answer with `Last-Modified` and nothing else: a tenth of the time since then
    (RFC 9111 §4.2.2). `off` assumes nothing."""

    honour_request_directives: bool = True
    """Obey `Cache-Control` of requests: no-cache, no-store, max-age, max-stale, min-fresh, only-if-cached. Without
    it nobody outside can make the origin work by asking for fresh answers, and nobody can ask for one either."""
    set_cookie: SetCookie = SetCookie.NEVER
    """`never` stores an answer with `Set-Cookie`: it may be one person's. `explicit` stores it, cookie and all, when it
    says how long it stays fresh; `strip` stores it without the cookie, which only the first client gets."""
    bypass_cookies: CookiePatterns = ()
    """Requests with one of these cookies neither get nor leave stored responses: names, or beginnings and a star
    (`session`, `wordpress_logged_in_*`); `"*"` means any cookie. Otherwise cookies change nothing (RFC 9111)."""
    targeted: Targeted = ("CDN-Cache-Control",)
    """Response fields that stand in for `Cache-Control` and `Expires` here, first one first (RFC 9213)."""
    key: KeySettings = KeySettings()
    """What tells one stored response from another."""
    unkeyed: Names = (
        "X-Forwarded-Path",
        "X-Host",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-Host",
    )
    """Request fields that never go upstream where the answer may be stored: some frameworks build it from them, and it
    would be shown to all who do not send them. The forwarding fields of trusted proxies count in the key instead."""

    stale_while_revalidate: OptionalDuration = None
    """How long past its lifetime a stored response still answers at once while one request refreshes it behind, for
    answers that say nothing about it (RFC 5861 §3). Nobody waits for the origin; what they see is that much older."""
    stale_if_error: OptionalDuration = None
    """How long past its lifetime a stored response stands in for a 500, 502, 503 or 504, for answers that say nothing
    about it (RFC 5861 §4)."""
    serve_stale_on_disconnect: OptionalDuration = seconds(3600)
    """How long past its lifetime a stored response stands in for an origin that cannot be reached (RFC 9111 §4.2.4).
    Never where the origin said must-revalidate, proxy-revalidate, s-maxage or no-cache."""

    refresh_ahead: Annotated[AheadSettings | None, OrOff(), Field(validate_default=False)] = None
    """Ask about popular stored responses before they expire: `{}` does so with the values below. Nobody waits for the
    origin when they would have expired, and no hit costs more; the origin is asked a little more often."""

    etag: bool = True
    """Give complete 200 answers without `ETag` one made from their content, so that clients who have it get a 304.
    One hash (about 1 ms a MiB) when the answer is stored."""
    range_fetch_whole_up_to: Size = mebibytes(1)
    """A request for a part of something not stored fetches the whole when it is no larger than this, and the other
    parts are hits. Something larger costs one broken-off exchange, remembered for `hit_for_miss`. 0: never."""
    hit_for_miss: Annotated[Duration, Field(ge=0)] = seconds(10)
    """How long to remember that the answer to a key could not be stored: meanwhile such requests go upstream side by
    side instead of waiting for one another. An answer that becomes storable is noticed when it ends."""
    cache_status: bool = True
    """Say in `Cache-Status` what was done and why (RFC 9211). It tells everybody whether somebody asked before."""
    replay: bool = True
    """Let the listener answer repeated request heads from what was sent before, ahead of any parsing."""
