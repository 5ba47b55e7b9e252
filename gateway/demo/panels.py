"""What the view shows: small panels, each made from one snapshot. No I/O, no clock, no terminal.

A new feature adds a function to `PANELS`; one that has nothing to say yet returns `None` and is left out."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gateway.demo import prices
from gateway.demo.percentiles import Percentiles
from gateway.demo.reports import Sample, status_class
from gateway.demo.savings import CALLS_SAVED, COMPRESSED, refused, smaller, standing
from gateway.demo.snapshot import Addresses, Snapshot, latencies
from gateway.demo.words import amount, clock, curve, milliseconds, rate, share


@dataclass(frozen=True, slots=True)
class Panel:
    """A box of text: a title, and a table of rows under their headings."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    headings: tuple[str, ...] = ()
    note: str = ""
    """One quiet line under the table."""


def traffic(snapshot: Snapshot) -> Panel:
    """How much goes through the gateway."""
    through = snapshot.through()
    return Panel(
        "Traffic",
        (
            ("requests", f"{rate(snapshot.per_second(len(through)))}/s"),
            ("under way", f"{snapshot.in_flight}"),
            ("content", f"{amount(snapshot.per_second(sum(sample.octets for sample in through)))}/s"),
            ("events and messages", f"{rate(snapshot.per_second(snapshot.messages))}/s"),
            ("the last minute", curve(snapshot.history[-30:])),
        ),
    )


def latency(snapshot: Snapshot) -> Panel:
    """Time until the head of the answer, with and without the gateway, and the gateway's own."""
    own = snapshot.spread("http_gateway_seconds")
    return Panel(
        "Latency",
        (
            ("through the gateway", *_percentiles(latencies(snapshot.through()))),
            ("straight to the origin", *_percentiles(latencies(snapshot.direct()))),
            ("the gateway's own time", *_percentiles(own.percentiles())),
        ),
        headings=("until the answer begins", "p50", "p95", "p99"),
        note=f"own time on average {milliseconds(own.mean)}, by its histogram",
    )


def status_classes(snapshot: Snapshot) -> Panel:
    """What the answers were."""
    lately = Counter(status_class(sample.status) for sample in snapshot.through())
    whole = snapshot.answers()
    classes = sorted({"2xx", "3xx", "4xx", "5xx"} | whole.keys())
    return Panel(
        "Answers",
        tuple((name, rate(snapshot.per_second(lately[name])), f"{whole[name]:,}") for name in classes),
        headings=("status", "per second", "since the start"),
    )


def endpoints(snapshot: Snapshot) -> Panel | None:
    """The same by endpoint."""
    kinds: dict[str, list[Sample]] = {}
    for sample in snapshot.through():
        kinds.setdefault(sample.kind, []).append(sample)
    if not kinds:
        return None
    busiest = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))
    return Panel(
        "Endpoints",
        tuple(
            (kind, rate(snapshot.per_second(len(kinds[kind]))), *_percentiles(latencies(kinds[kind]))[:2])
            for kind in busiest
        ),
        headings=("visits", "per second", "p50", "p95"),
    )


def upstream(snapshot: Snapshot) -> Panel:
    """What the origin has to do."""
    outcomes = snapshot.rates_by("upstream_requests_total", "outcome")
    rows = [("calls", f"{rate(sum(outcomes.values()))}/s")]
    rows += [
        (outcome, f"{rate(value)}/s") for outcome, value in sorted(outcomes.items()) if value and len(outcomes) > 1
    ]
    rows += [
        (
            "connections",
            f"{snapshot.level('upstream_connections', state='busy'):.0f} busy, "
            f"{snapshot.level('upstream_connections', state='idle'):.0f} idle",
        ),
        ("new connections", f"{rate(snapshot.rate('upstream_connections_opened_total'))}/s"),
        ("first byte, mean", milliseconds(snapshot.spread("http_upstream_first_byte_seconds").mean)),
    ]
    return Panel("Upstream calls", tuple(rows))


STALE_BEFORE_ASKING = frozenset({"stale_while_revalidate", "soft_purged", "max_stale"})
"""Outcomes of the cache where something stale answered at once."""
STALE_AFTER_ASKING = frozenset({"stale_if_error", "disconnected"})
"""Outcomes where it stood in for an origin that failed."""
SAVED = frozenset({"fresh", "collapsed", *STALE_BEFORE_ASKING})
"""Outcomes that cost the origin nothing."""
FROM_THE_STORE = SAVED | STALE_AFTER_ASKING
"""Outcomes where what is stored answered."""


def stored(snapshot: Snapshot) -> Panel | None:
    """What the cache spares the origin."""
    outcomes = snapshot.rates_by("cache_requests_total", "outcome")
    if not outcomes:
        return None
    hits = sum_of(outcomes, FROM_THE_STORE)
    saved = max(0.0, sum_of(outcomes, SAVED) - snapshot.rate("cache_refreshes_total"))
    stale = sum_of(outcomes, STALE_BEFORE_ASKING | STALE_AFTER_ASKING)
    held = snapshot.level("cache_entries")
    return Panel(
        "Cache",
        (
            ("answered from the store", share(hits, sum(outcomes.values()))),
            ("origin calls saved", f"{rate(saved)}/s"),
            ("answered stale", f"{rate(stale)}/s"),
            ("confirmed by the origin", f"{rate(outcomes.get('revalidated', 0.0))}/s"),
            ("from the replay lane", f"{rate(snapshot.rate('replays_total'))}/s"),
            ("not stored", f"{rate(snapshot.rate('cache_not_stored_total'))}/s"),
            ("stored", f"{held:,.0f} responses, {amount(snapshot.level('cache_bytes'))}"),
        ),
    )


def savings(snapshot: Snapshot) -> Panel | None:
    """What sharing calls and compressing spare."""
    names = snapshot.after.samples
    if CALLS_SAVED not in names and COMPRESSED not in names:
        return None
    before, after = snapshot.rate(COMPRESSED, side="before"), snapshot.rate(COMPRESSED, side="after")
    saved = snapshot.level(CALLS_SAVED)
    return Panel(
        "Savings",
        (
            ("calls saved by coalescing", f"{rate(snapshot.rate(CALLS_SAVED))}/s, {saved:,.0f} since the start"),
            ("compressed", smaller(before, after, "/s")),
        ),
    )


def circuits(snapshot: Snapshot) -> Panel | None:
    """What is asked, and what is left in peace because it keeps failing."""
    if not snapshot.circuits:
        return None
    rows = [("in all", standing(snapshot.circuits)), *sorted(snapshot.circuits.items())]
    return Panel("Circuits", (*rows, ("requests refused", f"{refused(snapshot.after):,.0f} since the start")))


def ticker(snapshot: Snapshot) -> Panel | None:
    """The same messages with and without batches."""
    found = prices.rows(snapshot)
    if not found:
        return None
    return Panel(
        "Ticker over WebSocket",
        found,
        headings=("prices", "one by one", "batched"),
        note=f"batches add {prices.added(snapshot)}; at most 50 ms are allowed here",
    )


def workers(snapshot: Snapshot) -> Panel | None:
    """The gateway's processes."""
    if not snapshot.workers:
        return None
    return Panel(
        "Workers",
        tuple(
            (
                str(worker.pid),
                worker.state,
                "–" if worker.connections is None else str(worker.connections),
                "–" if worker.in_flight is None else str(worker.in_flight),
                "–" if worker.resident_bytes is None else amount(worker.resident_bytes),
                str(worker.restarts),
            )
            for worker in snapshot.workers
        ),
        headings=("pid", "state", "connections", "in flight", "memory", "restarts"),
    )


def notable(snapshot: Snapshot) -> Panel:
    """What happened lately."""
    rows = tuple((clock(event.at), event.text) for event in snapshot.events)
    return Panel("Lately", rows or (("", "nothing out of the ordinary"),))


PANELS: tuple[Callable[[Snapshot], Panel | None], ...] = (
    traffic,
    latency,
    status_classes,
    endpoints,
    upstream,
    stored,
    savings,
    circuits,
    ticker,
    workers,
    notable,
)
"""All panels, in the order of the view."""


def invitations(addresses: Addresses) -> tuple[tuple[str, str], ...]:
    """What to try from another terminal: a purpose and a command each."""
    data, admin = f"http://{addresses.data}", f"http://{addresses.admin}"
    return (
        ("an answer with its fields", f"curl -i {data}/api/products/7"),
        ("a validator at work", f"curl -i -H 'If-None-Match: *' {data}/api/products"),
        ("lines as they come", f"curl -N {data}/api/stream"),
        ("server-sent events", f"curl -N {data}/api/events"),
        ("prices twice, for a browser", f"curl {data}/ticker"),
        ("upgraded connections", f"curl {admin}/api/connections"),
        ("an order", f"curl -i -d '{{\"product\": 7}}' {data}/api/orders"),
        ("fails now and then: watch its circuit", f"curl -i {data}/api/fail"),
        ("figures", f"curl {admin}/metrics"),
        ("the gateway's status", f"curl {admin}/api/status"),
        ("its configuration", f"curl {admin}/api/config"),
        ("what the cache would do", f"curl '{admin}/api/explain?url={data}/api/products/7'"),
        ("forget what is stored", f"curl -d '{{\"all\": true}}' {admin}/api/purge"),
        ("the origin, without gateway", f"curl -i http://{addresses.origin}/api/products/7"),
    )


def sum_of(rates: Mapping[str, float], outcomes: Collection[str]) -> float:
    """The rates of some outcomes together."""
    return sum(value for outcome, value in rates.items() if outcome in outcomes)


def _percentiles(found: Percentiles | None) -> tuple[str, str, str]:
    if found is None:
        return ("–", "–", "–")
    return (milliseconds(found.p50), milliseconds(found.p95), milliseconds(found.p99))
