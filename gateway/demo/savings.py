"""What the gateway spares origin and network, in words: for the view and for the summary. No I/O, no clock."""

from collections import Counter
from collections.abc import Mapping

from gateway.demo.scrape import Scrape
from gateway.demo.words import amount, share

CALLS_SAVED = "coalesce_upstream_calls_saved_total"
"""Requests that another one's upstream call answered."""
COMPRESSED = "compress_bytes_total"
"""Octets of content that changed its form, by `side`: before and after."""
_REFUSED = ("circuit_open", "ramping")
_STATES = ("open", "half-open", "closed")


def smaller(before: float, after: float, unit: str = "") -> str:
    """Octets before and after compressing, `unit` behind each; a dash where nothing was compressed."""
    if before <= 0:
        return "–"
    return f"{amount(before)}{unit} became {amount(after)}{unit} ({share(after, before)})"


def standing(circuits: Mapping[str, str]) -> str:
    """How many circuits are in each state."""
    states = Counter(circuits.values())
    return ", ".join(f"{states[state]} {state}" for state in _STATES)


def refused(scrape: Scrape) -> float:
    """Requests that a circuit answered since the start, instead of asking the origin."""
    return sum((scrape.total("circuit_breaker_requests_total", outcome=outcome) for outcome in _REFUSED), 0.0)
