"""A server as the rules see it: what may be read and changed while one is chosen. No I/O."""

from __future__ import annotations

from gateway.upstream.ejection import Record
from gateway.upstream.latency import PeakAverage

LONG_AGO = float("-inf")


class Memory:
    """What this worker has learnt about a server. A reload hands it on."""

    __slots__ = ("average", "record", "upgraded")

    def __init__(self) -> None:
        self.record = Record()
        """Failures, and the ejection they led to."""
        self.average = PeakAverage()
        """How long it takes for an answer."""
        self.upgraded = 0
        """Upgraded connections to it that are open."""


class Member:
    """One of the servers among which one is chosen."""

    __slots__ = (
        "credit",
        "is_able",
        "is_draining",
        "is_healthy",
        "is_lagging",
        "lagging_until",
        "memory",
        "pending",
        "resting_until",
        "share",
        "url",
        "warming_since",
        "weight",
    )

    def __init__(self, url: str, weight: int = 1) -> None:
        self.url = url
        self.weight = weight
        self.share: float = weight
        """The weight that counts now: less while the server warms up."""
        self.pending = 0
        """Requests this worker has given to it and that are not answered yet."""
        self.credit = 0.0
        """Of smooth weighted round robin."""
        self.memory = Memory()
        self.is_able = True
        """Whether it may be chosen, as of the last look at the group."""
        self.is_healthy = True
        """What active checks say."""
        self.is_draining = False
        self.is_lagging = False
        """What a health check of a replica says."""
        self.lagging_until = LONG_AGO
        """Monotonic seconds until which it is left out, since an answer of its said that it lags behind."""
        self.resting_until = LONG_AGO
        """Monotonic seconds until which it is left out, since it just gave no connection."""
        self.warming_since = LONG_AGO
        """When it began to warm up, in monotonic seconds."""
