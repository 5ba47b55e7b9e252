"""What is asked of every peer.

To add a scenario, add a value to `SCENARIOS`. One that needs more of a peer than passing requests on (a cache, content
codings, …) names that as its `need`, and each peer that can do it gets a recipe for the need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from loadtests.origin.content import KIB, json_content

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


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request, asked over and over on a number of keep-alive connections."""

    name: str
    title: str
    target: str
    method: str = "GET"
    content: bytes = b""
    connections: int = 64
    unique: bool = False
    """Whether every request has an X-Request-Id of its own; the others repeat theirs to the octet."""
    need: Need = Need.PASS
    targets: Mapping[str, float] = field(default_factory=dict)
    """For a peer's name, the smallest ratio (CPU of the peer over ours) we hold ourselves to."""


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("get-1k", "GET 1 KB", "/json/1k", targets={"nginx": 0.67, "aiohttp": 3.5}),
    Scenario("get-1k-unique", "GET 1 KB, own id each", "/json/1k", unique=True),
    Scenario("get-10k", "GET 10 KB", "/json/10k"),
    Scenario("get-100k", "GET 100 KB", "/json/100k", targets={"nginx": 0.9}),
    Scenario("post-1k", "POST 1 KB", "/sink", method="POST", content=json_content(KIB)),
    Scenario("post-1m", "POST 1 MB", "/sink", method="POST", content=json_content(KIB * KIB)),
    Scenario("get-1k-c1", "GET 1 KB", "/json/1k", connections=1),
    Scenario("get-1k-c1000", "GET 1 KB", "/json/1k", connections=1000),
)
