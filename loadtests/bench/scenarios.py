"""What is asked of every peer.

To add a scenario, add a value to `SCENARIOS`. One that needs more of a peer than passing requests on (a cache, content
codings, …) names that as its `need`, and each peer that can do it gets a recipe for the need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from loadtests.origin.content import KIB, entity_tag, json_content

REQUEST_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) slipstream-bench/1",
        "Accept": "application/json, text/plain;q=0.9, */*;q=0.8",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-GB,en;q=0.7",
        "X-Request-Id": "5c6f1ad2-6c0e-4b77-9d55-0f6d2f1f7c11",
    }
)
"""The same for every peer and scenario; the load generator adds Host."""


class Need(StrEnum):
    """What a peer must be configured to do."""

    PASS = "pass"
    """Hand every request to the origin."""
    CACHE = "cache"
    """Answer from what was stored, without a call at the origin."""
    CACHE_304 = "cache-304"
    """The same, and say 304 without a Content-Length, after which wrk would wait for the content."""
    CODE = "code"
    """Hand every request to the origin, which codes nothing, and code its answers."""
    CACHE_DISK = "cache-disk"
    """Answer from what was stored where it outlives the process, of more answers than memory has room for."""
    CACHE_CODE = "cache-code"
    """Answer from what was stored, in the coding that is asked for."""


STORED = frozenset({Need.CACHE, Need.CACHE_304, Need.CACHE_CODE, Need.CACHE_DISK})
"""Needs that leave no work to the origin."""


BEST = "best"
"""Stands for whichever of the others was cheapest."""


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio we hold ourselves to: CPU of `peer` over that of `own`."""

    peer: str
    least: float
    own: str = "slipstream"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request, asked over and over on a number of keep-alive connections."""

    name: str
    title: str
    target: str
    method: str = "GET"
    content: bytes = b""
    connections: int = 64
    fields: Mapping[str, str] = field(default_factory=dict)
    """Request fields beside `REQUEST_FIELDS`."""
    status: int = 200
    """What the origin answers."""
    unique: bool = False
    """Whether every request has an X-Request-Id of its own, and a traceparent where it has one; the others repeat
    theirs to the octet."""
    spread: int = 0
    """How many targets are asked for, one after the other and round again; 0 for the only one."""
    need: Need = Need.PASS
    targets: tuple[Target, ...] = ()
    coding: str | None = None
    """The content coding asked for, and wanted; None for content as it is."""

    @property
    def request_fields(self) -> dict[str, str]:
        """All that is sent but for Host and framing."""
        accepted = {} if self.coding is None else {"Accept-Encoding": self.coding}
        return {**REQUEST_FIELDS, **accepted, **self.fields}


def _hit(name: str, title: str, size: str = "1k", need: Need = Need.CACHE, **more: Any) -> Scenario:
    """A request whose answer stays fresh for longer than any run."""
    return Scenario(name, title, f"/cacheable/{size}/86400", need=need, **more)


def _coded(need: Need, name: str, title: str, target: str) -> tuple[Scenario, ...]:
    """The same in every coding."""
    plain = Scenario(f"{name}-plain", f"{title}, as it is", target, need=need)
    coded = [
        Scenario(f"{name}-{coding}", f"{title}, {coding}", target, need=need, coding=coding)
        for coding in ("gzip", "br", "zstd")
    ]
    return (plain, *coded)


_TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
_KNOWN = {"If-None-Match": entity_tag(json_content(KIB))}


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "get-1k",
        "GET 1 KB",
        "/json/1k",
        targets=(Target("nginx", 0.67), Target("aiohttp", 3.5), Target("slipstream", 0.74, own="slipstream-chain")),
    ),
    Scenario("get-1k-unique", "GET 1 KB, own id each", "/json/1k", unique=True),
    Scenario("get-10k", "GET 10 KB", "/json/10k"),
    Scenario("get-100k", "GET 100 KB", "/json/100k", targets=(Target("nginx", 0.9),)),
    Scenario("post-1k", "POST 1 KB", "/sink", method="POST", content=json_content(KIB)),
    Scenario("post-1m", "POST 1 MB", "/sink", method="POST", content=json_content(KIB * KIB)),
    Scenario("get-1k-c1", "GET 1 KB", "/json/1k", connections=1),
    Scenario("get-1k-c1000", "GET 1 KB", "/json/1k", connections=1000),
    _hit("hit-1k", "hit 1 KB", targets=(Target(BEST, 1.2), Target(BEST, 0.85, own="slipstream-no-replay"))),
    _hit("hit-1k-unique", "hit 1 KB, own id and trace each", unique=True, fields=_TRACE, targets=(Target(BEST, 1.0),)),
    _hit("hit-10k", "hit 10 KB", "10k", targets=(Target(BEST, 1.2),)),
    _hit("hit-100k", "hit 100 KB", "100k", targets=(Target(BEST, 1.1),)),
    _hit("hit-304", "hit 304", need=Need.CACHE_304, fields=_KNOWN, status=304),
    _hit("hit-1k-disk", "hit 1 KB, of 10,000", need=Need.CACHE_DISK, spread=10_000),
    *_coded(Need.CACHE_CODE, "hit-10k", "hit 10 KB", "/cacheable/10k/86400"),
    *_coded(Need.CODE, "code-10k", "GET 10 KB", "/json/10k"),
    *_coded(Need.CODE, "code-100k", "GET 100 KB, streamed", "/json/100k"),
)
