"""The same feed with and without batches: what kinds of feeds there are, who carries them, and what is to be compared.

Who measures is given: `run` takes a scene, the settings of a route and the fields of a handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

OPT_IN = "Sec-WebSocket-Protocol: batch.v1\r\n"
SINGLE, FRAMED = "a write each", "framed"
STRATEGIES = ("hybrid", "size", "priority", "time", "adaptive")
FEWER = 0.7
"""Part of the writes that batches have to save."""
MAX_DELAY = 0.1
"""Seconds that messages wait for each other, at most."""
URGENT = 0.01
"""Seconds within which an urgent message has to be there."""
AIM = 5.0
"""Times as many messages for each CPU second, which is the aim."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How an origin speaks to each of its clients."""

    title: str
    connections: int
    messages: int
    """To each connection."""
    burst: int
    pause: int
    """Milliseconds between two bursts."""
    writes: str = "each"
    """How the origin writes a burst; `websocket.SHAPES`."""
    urgent: float = 0.0
    """Part of the messages that are urgent."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Of the route, where batches are made."""


SCENES: dict[str, Scene] = {
    "ten": Scene("bursts of ten, written one by one in a row", 1000, 200, 10, 200),
    "apart": Scene("bursts of ten, a write each millisecond", 1000, 200, 10, 200, "apart"),
    "steady": Scene("a message every 10 ms", 300, 300, 1, 10),
    "fifty": Scene("bursts of fifty in a row, batches of fifty", 1000, 200, 50, 200, settings={"max_messages": 50}),
    "flow": Scene("as fast as it goes, 2,000 messages in a row", 200, 2000, 200, 0),
}
URGENCY = Scene(
    "bursts of three, some messages urgent", 100, 200, 3, 50, urgent=0.02, settings={"priority_field": "/p"}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave."""

    microseconds: float
    """CPU for each message."""
    writes: float
    """Writes to clients for each message."""
    median: float
    p99: float
    """Seconds under way."""
    urgent: float = 0.0
    """The same for urgent messages: the 99th percentile."""
    urgents: int = 0


Run = Callable[[Scene, Mapping[str, object], str], Awaitable[Outcome]]


async def compare(run: Run, scenes: Sequence[str], strategies: Sequence[str], say: Callable[[str], None]) -> bool:
    """Carry each scene in every way. False where batches do not save what they have to, or cost more time than they
    may; how near to the aim each strategy comes is only told."""
    good = True
    for name in scenes:
        scene = SCENES[name]
        say(
            f"\n{name}: {scene.title}; {scene.connections} connections, {scene.messages} messages of 100 octets to each"
        )
        single = await _carry(run, scene, SINGLE, {"coalesce": "off"}, "", say)
        await _carry(run, scene, FRAMED, {}, "", say)
        for strategy in strategies:
            batched = await _carry(run, scene, strategy, {**scene.settings, "strategy": strategy}, OPT_IN, say)
            fewer = 1.0 - batched.writes / single.writes
            times = single.microseconds / batched.microseconds
            reached = "reached" if times >= AIM else "not reached"
            is_right = fewer >= FEWER and batched.p99 < MAX_DELAY + single.p99
            good &= is_right
            say(
                f"  {'':12} {fewer:.1%} fewer writes (at least {FEWER:.0%}), "
                f"{times:.1f} times as many messages a CPU second ({AIM:.0f} is the aim: {reached})"
            )
            if not is_right:
                say(f"  {'':12} MISSED")
    say(f"\n{URGENCY.title}")
    found = await _carry(run, URGENCY, "hybrid", URGENCY.settings, OPT_IN, say)
    say(f"  {'':12} urgent p99 {found.urgent * 1000:.1f} ms of {found.urgents} messages (below {URGENT * 1000:.0f})")
    return good and found.urgent < URGENT


async def _carry(
    run: Run, scene: Scene, name: str, settings: Mapping[str, object], more: str, say: Callable[[str], None]
) -> Outcome:
    found = await run(scene, settings, more)
    say(
        f"  {name:12} {found.microseconds:6.2f} us a message, {1e6 / found.microseconds:9,.0f} a CPU second, "
        f"{found.writes:5.3f} writes a message, under way {found.median * 1000:5.1f} / {found.p99 * 1000:5.1f} ms"
    )
    return found
