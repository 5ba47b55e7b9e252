"""Settings of the `batch` plugin."""

import re
from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.api import Duration, OneOrMany, SettingError, Settings, Size, check_token, kibibytes, mebibytes, seconds
from gateway.http.hop_by_hop import FRAMING, HOP_BY_HOP
from plugins.batch.common.json_text import is_pointer

_PATH = re.compile(r"/[!-\"$->@-~]*").fullmatch
_TARGET = re.compile(r"/[!-\"$-~]*").fullmatch
_PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")


class Missing(Enum):
    """What becomes of an id that a bulk answer does not hold."""

    NOT_FOUND = "not_found"
    SINGLE = "single"


class Protocol(Enum):
    """What the members of an array are."""

    JSON_RPC = "json_rpc"
    GRAPHQL = "graphql"


class Send(Enum):
    """How the members of an array go upstream."""

    SINGLE = "single"
    ARRAY = "array"


def _check_path(text: str) -> str:
    if not _PATH(text) or "*" in text:
        raise SettingError("must be one path", hint="write /batch")
    return text


def _check_paths(text: str) -> str:
    if not _PATH(text) or "*" in text[:-1]:
        raise SettingError("must be a path, or its beginning and one star", hint="write /api/*")
    return text


def _check_field(text: str) -> str:
    if check_token(text).lower().encode() in FRAMING | HOP_BY_HOP | {b"host", b"expect"}:
        raise SettingError(f"{text} belongs to one connection or one request")
    return text


def _check_own_field(text: str) -> str:
    if _check_field(text).lower() in ("etag", "last-modified", "set-cookie", "content-encoding", "content-range"):
        raise SettingError(f"{text} speaks of the bulk answer as a whole or of one client")
    return text


def _check_ignored(text: str) -> str:
    name = text[:-1] if text.endswith("*") else text
    if not name or "*" in name:
        raise SettingError("must be the name of a field, or its beginning and one star", hint="write X-B3-*")
    for identity in ("authorization", "cookie", "host"):
        if identity == name.lower() or (text.endswith("*") and identity.startswith(name.lower())):
            raise SettingError(f"must not be {identity.title()}: one user would get another's answer")
    return _check_field(name) + text[len(name) :]


def _check_method(text: str) -> str:
    if check_token(text) == "CONNECT":
        raise SettingError("CONNECT is for forward proxies")
    return text


def _check_pointer(text: str) -> str:
    if not is_pointer(text):
        raise SettingError('must be a JSON Pointer: "" for the whole, or names after slashes', hint="write /data")
    return text


def _check_by(text: str) -> str:
    return _check_pointer(text if text.startswith("/") else "/" + text.replace("~", "~0").replace("/", "~1"))


def _check_separator(text: str) -> str:
    if not re.fullmatch(r"[!-\"$-~]{1,16}", text):
        raise SettingError("must be visible ASCII without #", hint='write "," or "&ids="')
    return text


def _check_safe(text: str) -> str:
    if not text or "*" in text[:-1]:
        raise SettingError("must be the name of a method, or its beginning and one star", hint="write get*")
    return text


AllowedPath = Annotated[str, AfterValidator(_check_paths)]
Method = Annotated[str, AfterValidator(_check_method)]
Name = Annotated[str, AfterValidator(_check_field)]
OwnName = Annotated[str, AfterValidator(_check_own_field)]
Ignored = Annotated[str, AfterValidator(_check_ignored)]
Pointer = Annotated[str, AfterValidator(_check_pointer)]
Safe = Annotated[str, AfterValidator(_check_safe)]
Path = Annotated[str, AfterValidator(_check_path)]
PositiveDuration = Annotated[Duration, Field(gt=0)]
PositiveSize = Annotated[Size, Field(gt=0)]


class ClientSettings(Settings):
    """A client sends many requests in one, and gets one answer with theirs."""

    path: Path = "/batch"
    """Where batches are posted. The path is this plugin's own; whatever the upstream has there is hidden."""
    methods: tuple[Method, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    """Methods that items may have; case matters. Items run side by side, so changes that build on one another belong
    into batches of their own."""
    paths: tuple[AllowedPath, ...] = ("/*",)
    """Paths that items may have: paths, or the beginning of paths and a star."""
    inherit: tuple[Name, ...] = ("Authorization", "Cookie", "User-Agent", "traceparent", "tracestate", "baggage")
    """Fields of the batch that each item gets unless it names them itself. `Host`, `Origin`, `Sec-Fetch-Site` and what
    trusted proxies say about the client always go along, and an item cannot name them."""
    items: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Items of one batch; above it 413."""
    concurrency: Annotated[int, Field(ge=1)] = 50
    """Items of one batch under way at a time. Each may hold an upstream connection."""
    max_body: PositiveSize = mebibytes(1)
    """Octets of a batch; above it 413."""
    max_answer: PositiveSize = mebibytes(1)
    """Octets of content of one item's answer; above it that item is answered 502."""
    max_answers: PositiveSize = mebibytes(16)
    """Octets of content of all answers of a batch together; items above it are answered 502. One batch holds at most
    this and `concurrency` times `max_answer` in memory while it runs."""
    timeout: PositiveDuration = seconds(30)
    """How long a batch may take. Items that have no answer by then are answered 504."""


IGNORED = (
    "Accept-Encoding", "baggage", "DNT", "Forwarded", "Priority", "Referer", "Sec-CH-*", "Sec-Fetch-*", "Sec-GPC",
    "traceparent", "tracestate", "Upgrade-Insecure-Requests", "User-Agent", "Via", "X-Amzn-Trace-Id", "X-B3-*",
    "X-Cloud-Trace-Context", "X-Correlation-Id", "X-Forwarded-For", "X-Real-IP", "X-Request-Id",
)  # fmt: skip


class MergeSettings(Settings):
    """Several GETs for one thing each become one GET for all of them."""

    match: str
    """The path of the single requests: `/users/{id}`. Further placeholders (`/shops/{shop}/items/{id}`) must be equal
    for requests to be merged. A placeholder stands for one segment or a part of it, one in each segment."""
    bulk: str
    """The target of the bulk request: `/users?ids={ids}`. Ids are percent-encoded; a query of the single requests is
    added, and only requests with the same query are merged."""
    items: Pointer = ""
    """Where the bulk answer holds its list, as a JSON Pointer: `/data`. A list is searched with `by`; an object is
    taken as ids and what belongs to them."""
    by: Annotated[str, AfterValidator(_check_by)] = "/id"
    """The member of an element that holds its id: a name, or a JSON Pointer. `7` and `"7"` are the same id."""
    wrap: Pointer = ""
    """Where the single answer holds the element: nothing when it is the element itself, `/data` for `{"data": …}`."""
    separator: Annotated[str, AfterValidator(_check_separator)] = ","
    """What stands between two ids; `"&ids="` repeats a parameter. Ids that hold it are asked for alone."""
    max: Annotated[int, Field(ge=2, le=1000)] = 50
    """Ids in one bulk request; it leaves when they are together. Keep it within a page of the upstream's answers."""
    window: Annotated[PositiveDuration, Field(le=1)] = seconds(0.002)
    """The longest that a request waits for company. It waits only while a call that it could have shared is under way,
    and less while waiting does not help: the window doubles when company came and halves when none did."""
    missing: Missing = Missing.NOT_FOUND
    """What becomes of an id that the answer does not hold: `not_found` answers 404, `single` asks for it alone."""
    ignore: tuple[Ignored, ...] = IGNORED
    """Request fields that do not matter to the answer: names, or the beginning of names and a star. Requests that
    differ in any other field are never merged. Replaces the list of defaults."""
    client_address: bool = False
    """Merge requests of one client address only, for upstreams that decide by address what they show. Otherwise the
    bulk request says it comes from the first client."""
    fields: tuple[OwnName, ...] = ()
    """Fields of the bulk answer that single answers get beside those of caching, content type and security."""
    max_answer: PositiveSize = mebibytes(4)
    """Octets of a bulk answer; a larger one counts as a failure."""
    timeout: PositiveDuration = seconds(10)
    """How long a bulk call may take until it is whole, and how long a request may wait for its turn in `fallback`."""
    fallback: Annotated[int, Field(ge=1)] = 10
    """Single calls at a time that stand in for failed bulk calls, in each worker. The others wait."""
    fallback_waiting: Annotated[int, Field(ge=0)] = 1000
    """How many may wait for that; one more gets 503."""
    rest: PositiveDuration = seconds(5)
    """How long no bulk call is tried after three have failed in a row. Requests go upstream alone meanwhile."""

    @model_validator(mode="after")
    def _placeholders_fit(self) -> Self:
        asked, used = _PLACEHOLDER.findall(self.match), _PLACEHOLDER.findall(self.bulk)
        literal = _PLACEHOLDER.sub("x", self.match), _PLACEHOLDER.sub("x", self.bulk)
        if not _PATH(literal[0]) or "{" in literal[0] or "}" in literal[0]:
            raise SettingError("must be a path with placeholders", hint="write /users/{id}", at=("match",))
        if any(len(_PLACEHOLDER.findall(segment)) > 1 for segment in self.match.split("/")):
            raise SettingError("has two placeholders in one segment", at=("match",))
        if asked.count("id") != 1 or len(set(asked)) != len(asked) or "ids" in asked:
            raise SettingError("needs {id} once, and other placeholders once each", at=("match",))
        if not _TARGET(literal[1]) or "{" in literal[1] or "}" in literal[1]:
            raise SettingError("must be a target with {ids}", hint="write /users?ids={ids}", at=("bulk",))
        if used.count("ids") != 1 or not set(used) <= (set(asked) - {"id"}) | {"ids"}:
            raise SettingError("needs {ids} once, and no placeholders that `match` does not have", at=("bulk",))
        return self


class RpcSettings(Settings):
    """Arrays of calls in one request are taken apart, equal ones asked once, and the answers put together."""

    path: Path = "/rpc"
    """Where calls are posted, singly or in arrays."""
    protocol: Protocol = Protocol.JSON_RPC
    """`json_rpc` for JSON-RPC 2.0, `graphql` for arrays of GraphQL requests."""
    send: Send = Send.SINGLE
    """`single` sends each call in a request of its own, for upstreams that know no arrays or work on one after the
    other; `array` sends one array without the calls that are in it already."""
    safe: tuple[Safe, ...] = ()
    """Methods of JSON-RPC that change nothing: names, or the beginning of names and a star. Equal calls to them
    within one array are made once. GraphQL says itself what is a query."""
    max: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Calls in one array; above it 413."""
    concurrency: Annotated[int, Field(ge=1)] = 10
    """Calls of one array under way at a time, where they are sent singly."""
    max_body: PositiveSize = mebibytes(1)
    """Octets of an array that is read. A request that is known to be larger passes as it is."""
    max_answer: PositiveSize = mebibytes(1)
    """Octets of the answer to one call; above it that call fails."""
    max_answers: PositiveSize = mebibytes(16)
    """Octets of all answers of an array together; calls above it fail."""
    timeout: PositiveDuration = seconds(30)
    """How long an array may take. Calls that have no answer by then fail."""


Merges = OneOrMany[MergeSettings]
Rpcs = OneOrMany[RpcSettings]


class BatchSettings(Settings):
    """Settings of the `batch` plugin. Each of its three parts is off unless it is named."""

    client: ClientSettings | None = None
    """Let clients send many requests in one. `{}` is enough."""
    merge: Merges = ()
    """Merge single requests into bulk requests: one rule or a list of them; the first that matches a path counts."""
    rpc: Rpcs = ()
    """Take arrays of calls apart: one endpoint or a list of them."""

    @model_validator(mode="after")
    def _paths_differ(self) -> Self:
        paths = [endpoint.path for endpoint in self.rpc] + ([self.client.path] if self.client is not None else [])
        if len(set(paths)) != len(paths):
            raise SettingError("has the same path twice", at=("rpc",))
        return self


MOST_ID_OCTETS = kibibytes(4)
"""Octets of ids in one bulk target: half of what servers usually take for a whole one."""
