"""The demonstration in few words: a line for each second, and the table at the end. No I/O, no clock."""

from gateway.demo import prices
from gateway.demo.panels import FROM_THE_STORE, Panel, sum_of
from gateway.demo.percentiles import Percentiles
from gateway.demo.savings import CALLS_SAVED, COMPRESSED, refused, smaller, standing
from gateway.demo.snapshot import Snapshot, latencies
from gateway.demo.words import amount, clock, milliseconds, rate, share


def line(snapshot: Snapshot) -> str:
    """One moment in one line, for terminals that cannot show the panels and for logs."""
    through = snapshot.through()
    seen = latencies(through)
    own = snapshot.spread("http_gateway_seconds")
    outcomes = snapshot.rates_by("cache_requests_total", "outcome")
    return "  ".join(
        (
            f"{clock(snapshot.elapsed):>5}",
            f"{rate(snapshot.per_second(len(through))):>4} requests/s",
            f"p50 {_at(seen, 'p50')}, p95 {_at(seen, 'p95')}, p99 {_at(seen, 'p99')}",
            f"gateway's own {milliseconds(own.mean)}",
            f"upstream {rate(snapshot.rate('upstream_requests_total'))}/s",
            f"from the store {share(sum_of(outcomes, FROM_THE_STORE), sum(outcomes.values()))}",
            " ".join(f"{name} {count}" for name, count in sorted(snapshot.answers().items())),
        )
    )


def table(snapshot: Snapshot) -> Panel:
    """The whole run, for its end."""
    through = snapshot.through()
    seen = latencies(through)
    direct = latencies(snapshot.direct())
    own = snapshot.spread("http_gateway_seconds")
    requests = sum(snapshot.totals.values())
    outcomes = snapshot.after.by("cache_requests_total", "outcome")
    hits = sum_of(outcomes, FROM_THE_STORE)
    before, after = (snapshot.after.total(COMPRESSED, side=side) for side in ("before", "after"))
    return Panel(
        "Summary",
        (
            ("ran for", f"{snapshot.elapsed:.0f} s"),
            ("requests through the gateway", f"{requests:,} ({rate(snapshot.per_second(requests))}/s)"),
            ("answers", ", ".join(f"{name} {count:,}" for name, count in sorted(snapshot.answers().items())) or "none"),
            ("through the gateway", _spread(seen)),
            ("straight to the origin", _spread(direct)),
            ("the gateway's own time", _spread(own.percentiles())),
            ("the gateway's own time, mean", milliseconds(own.mean)),
            ("answered from the store", share(hits, sum(outcomes.values()))),
            ("upstream calls", f"{snapshot.after.total('upstream_requests_total'):,.0f}"),
            ("upstream calls saved by coalescing", f"{snapshot.after.total(CALLS_SAVED):,.0f}"),
            ("upstream connections made", f"{snapshot.after.total('upstream_connections_opened_total'):,.0f}"),
            ("content", amount(sum(sample.octets for sample in through))),
            ("compressed", smaller(before, after)),
            ("circuits", f"{standing(snapshot.circuits)}; {refused(snapshot.after):,.0f} requests refused"),
            ("events and messages", f"{snapshot.messages:,}"),
            *_ticker(snapshot),
            ("worker restarts", f"{snapshot.after.total('worker_restarts_total'):.0f}"),
        ),
        note="times are until the answer begins; p50, p95, p99",
    )


def _ticker(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    found = prices.feeds(snapshot)
    if found is None:
        return ()
    return (
        ("ticker, message by message", prices.in_words(found[0])),
        ("ticker, batched", prices.in_words(found[1])),
        ("batches add", prices.added(snapshot)),
    )


def _at(found: Percentiles | None, name: str) -> str:
    return "–" if found is None else milliseconds(getattr(found, name))


def _spread(found: Percentiles | None) -> str:
    return "–" if found is None else " / ".join(milliseconds(value) for value in (found.p50, found.p95, found.p99))
