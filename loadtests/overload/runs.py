"""What is run, and how it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loadtests.overload.crowd import Seen
from loadtests.support.table import render

LEAST_SHARE = 0.9
"""Of the peak, that must be left of the goodput."""
MOST_P99 = 3.0
"""How many times as long admitted requests may take, at the 99th percentile, as without overload."""
LEAST_FAIR = 0.95
"""Of the requests of a client that asks little, that must succeed beside one that floods."""


@dataclass(frozen=True, slots=True)
class Protection:
    """A way to protect the upstream."""

    name: str
    concurrency: Mapping[str, Any] | None
    """Settings of the plugin; `None` goes without it."""
    is_judged: bool = True
    """Whether it must hold what is promised, or is there to compare with."""


def protections(slots: int) -> list[Protection]:
    """What is compared, for an upstream that does `slots` at a time."""
    fixed = {"limit": slots * 2, "per": "upstream"}
    queue = {"size": slots * 12}
    return [
        Protection("nothing", None, is_judged=False),
        Protection("fixed, fifo", fixed | {"queue": queue | {"order": "fifo", "target": "1s"}}, is_judged=False),
        Protection("fixed, lifo", fixed | {"queue": queue | {"order": "lifo", "target": "1s"}}, is_judged=False),
        Protection("fixed", fixed | {"queue": queue}),
        Protection("adaptive", fixed | {"queue": queue, "adaptive": {"min": 4, "max": 400, "window": "100ms"}}),
    ]


def configuration(port: int, origin: int, protection: Protection) -> dict[str, Any]:
    """The gateway's, with health checks that nothing holds up."""
    plugins: list[dict[str, Any]] = []
    health: dict[str, Any] = {}
    if protection.concurrency is not None:
        plugins.append({"concurrency": dict(protection.concurrency)})
        health["concurrency"] = {"priority": "critical"}
    return {
        "listen": f"127.0.0.1:{port}",
        "admin": "off",
        "workers": 1,
        "upstreams": {
            "app": {
                "servers": [f"http://127.0.0.1:{origin}"],
                "pool": {"connections": 2000, "waiting": 10000, "wait": "10s"},
            }
        },
        "limits": {"connections_per_address": 10_000},
        "plugins": plugins,
        "routes": [{"match": "/healthz", "plugins": health}, {"match": "/*"}],
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run."""

    protection: Protection
    times: float
    """What was asked, as a multiple of what the upstream can do."""
    seconds: float
    seen: Seen
    health: Seen
    peak: float = 0.0
    """The best goodput of the same protection."""
    usual: float = 0.0
    """The 99th percentile of the same protection at its first run, in milliseconds."""

    @property
    def goodput(self) -> float:
        """Good answers in time, a second."""
        return self.seen.in_time / self.seconds

    @property
    def share(self) -> float:
        """Of the peak."""
        return self.goodput / self.peak if self.peak else 0.0

    def faults(self) -> list[str]:
        """What is wrong, in words."""
        if not self.protection.is_judged:
            return []
        what = f"{self.protection.name} at {self.times:g} x"
        wrong = []
        if self.share < LEAST_SHARE:
            wrong.append(f"{what}: goodput {self.share:.0%} of the peak")
        if self.seen.percentile(0.99) > MOST_P99 * self.usual:
            wrong.append(f"{what}: p99 {self.seen.percentile(0.99):.0f} ms, without overload {self.usual:.0f} ms")
        if self.health.success < 1.0:
            wrong.append(f"{what}: health checks {self.health.success:.1%}")
        return wrong


@dataclass(frozen=True, slots=True)
class Fairness:
    """A run with one client that asks little and one that floods."""

    name: str
    little: Seen
    flood: Seen
    is_judged: bool

    def faults(self) -> list[str]:
        """What is wrong, in words."""
        if self.is_judged and self.little.success < LEAST_FAIR:
            return [f"{self.name}: {self.little.success:.1%} of the client that asks little succeed"]
        return []


@dataclass(slots=True)
class Report:
    """All runs."""

    outcomes: list[Outcome] = field(default_factory=list)
    fairness: list[Fairness] = field(default_factory=list)

    def tables(self) -> str:
        """Both tables."""
        header = ("protection", "asked", "goodput/s", "of peak", "refused", "gave up", "p50 ms", "p99 ms")
        rows = [
            (
                outcome.protection.name,
                f"{outcome.times:g} x",
                f"{outcome.goodput:.0f}",
                f"{outcome.share:.0%}",
                f"{len(outcome.seen.refused):,}",
                f"{outcome.seen.left:,}",
                f"{outcome.seen.percentile(0.5):.0f}",
                f"{outcome.seen.percentile(0.99):.0f}",
                f"{outcome.health.success:.1%}",
                f"{outcome.health.percentile(0.99):.0f}",
            )
            for outcome in self.outcomes
        ]
        fair = [
            (
                each.name,
                f"{each.little.success:.1%}",
                f"{each.little.percentile(0.99):.0f}",
                f"{each.flood.success:.1%}",
            )
            for each in self.fairness
        ]
        return "\n\n".join(
            (
                render((*header, "health", "health p99 ms"), rows),
                render(("one floods with 5 x", "little succeeds", "its p99 ms", "flood succeeds"), fair),
            )
        )

    def faults(self) -> list[str]:
        """Everything that is wrong."""
        faults = [fault for outcome in self.outcomes for fault in outcome.faults()]
        return faults + [fault for fairness in self.fairness for fault in fairness.faults()]


def with_peaks(outcomes: list[Outcome]) -> list[Outcome]:
    """The runs of one protection, with its best goodput and with the latency of the first, which is no overload."""
    peak = max(outcome.goodput for outcome in outcomes)
    usual = outcomes[0].seen.percentile(0.99)
    return [replace(each, peak=peak, usual=usual) for each in outcomes]
