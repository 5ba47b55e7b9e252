"""Settings of the `coalesce` plugin."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.api import Duration, OneOrMany, OrOff, SettingError, Settings, Size, Token, kibibytes, mebibytes, seconds
from gateway.http.fields import is_token

ALWAYS_IDENTITY = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Request fields that say who asks whatever the settings say."""


class OnFailure(Enum):
    """What followers do when the exchange they wait for fails or takes too long."""

    ELECT = "elect"
    SHARE = "share"


def _check_ignored(text: str) -> str:
    name = text[:-1] if text.endswith("*") else text
    if "*" in name or not is_token(name.encode("utf-8", "replace")):
        raise SettingError(
            "must be the name of a field, or its beginning and one star", hint="write User-Agent or X-B3-*"
        )
    for who in ALWAYS_IDENTITY:
        if text.lower() == who or (text.endswith("*") and who.startswith(name.lower())):
            raise SettingError(f"would ignore {who.title()}, which says who asks", hint="see the setting cookies")
    return text


Names = OneOrMany[Token]
Patterns = OneOrMany[Annotated[str, AfterValidator(_check_ignored)]]


class CoalesceSettings(Settings):
    """Settings of the `coalesce` plugin."""

    identity: Names = ()
    """Request fields that say who asks, beside Authorization, Proxy-Authorization and Cookie: `X-Api-Key`, `X-Tenant`.
    Requests that differ in one share nothing but what the answer says is for everybody. Unknown fields split requests
    anyway; naming them here also lets the same user share answers that are private."""
    cookies: Annotated[Names | None, OrOff(), Field(validate_default=False)] = None
    """The only cookies that say who asks, by name (`session`): all others are ignored unless the answer has `Vary:
    Cookie`. Worth it where everybody has cookies of analytics, which are nobody's identity. Name each one that changes
    an answer. `off`: the whole field counts."""
    client_address: bool = False
    """Let only requests of one client address share, for origins that answer by address and do not say so."""
    ignore: Patterns = (
        "User-Agent",
        "Sec-CH-UA*",
        "X-Request-Id",
        "X-Correlation-Id",
        "Request-Id",
        "traceparent",
        "tracestate",
        "baggage",
        "b3",
        "X-B3-*",
        "X-Amzn-Trace-Id",
        "X-Cloud-Trace-Context",
        "sentry-trace",
        "X-Forwarded-For",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Ray",
        "Forwarded",
        "Via",
        "CDN-Loop",
        "Priority",
    )
    """Request fields in which requests for the same may differ: names, or beginnings and a star. All others count, so
    that a field nobody thought of splits requests and never mixes them up. An answer that names an ignored field in
    `Vary` is shared only by requests that agree in it. Of Forwarded, host and proto always count."""

    followers: Annotated[int, Field(ge=1)] = 10_000
    """Requests that may wait for one exchange. The next one goes upstream, and others may follow that one."""
    wait: Annotated[Duration, Field(gt=0)] = seconds(30)
    """How long a request waits for the head of another one's answer. After that `on_failure` has its say."""
    join_for: Annotated[Annotated[Duration, Field(ge=0)] | None, OrOff(), Field(validate_default=False)] = seconds(1)
    """How long after its head a streamed answer may still be joined, if all of it from the beginning is at hand. What
    a late request gets is that much older. `off`: only requests that came before the head share the answer."""
    on_failure: OnFailure = OnFailure.ELECT
    """`elect`: when the exchange fails or takes too long, one of those who waited tries once more and the others wait
    for that one; if it fails too they all get its error. `share`: they get the first error, or 504."""
    apart_at_once: Annotated[int, Field(ge=1)] = 64
    """Requests of a route that may be upstream at once because an answer they waited for turned out not to be theirs.
    The others follow as those end. Without it 2,000 of them would ask in the same instant."""
    remember: Annotated[Duration, Field(ge=0)] = seconds(10)
    """How long to remember that an answer was for one client alone: meanwhile requests for the same go upstream side
    by side at once, instead of waiting for an answer that they may not share."""
    remember_shared: Annotated[Duration, Field(ge=0)] = seconds(600)
    """How long to remember that an answer was for everybody, as its `Cache-Control` said: meanwhile requests for the
    same share whoever sends them. Each answer is judged again; one that is no longer for everybody is not shared."""

    buffer: Annotated[Size, Field(ge=kibibytes(64))] = mebibytes(4)
    """How far the slowest reader of a streamed answer may be behind the fastest. Beyond that it gets the rest by an
    exchange of its own, which all who are as slow share."""
    memory: Annotated[Size, Field(ge=kibibytes(64))] = mebibytes(64)
    """Octets that all buffers of a worker may hold together. When they are full, slow readers are let go sooner and
    streams cannot be joined. One limit for all routes; the largest value counts."""
    continuations: Annotated[int, Field(ge=0, le=64)] = 8
    """Further exchanges that one answer may have under way for its slow readers: by Range where it has a strong ETag,
    otherwise the whole once more, compared octet by octet. When no more are allowed, the last one goes as fast as its
    slowest reader. 0: all go as fast as the slowest."""
    max_body: Size = kibibytes(64)
    """Content of a QUERY up to this size is read and compared; requests with more go on their own."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.buffer > self.memory:
            raise SettingError("must not be larger than `memory`", hint="raise `memory` as well", at=("buffer",))
        return self
