"""What is worth a line of its own: told from two readings of the gateway, one second apart. No I/O, no clock."""

from collections.abc import Iterator, Mapping

from gateway.demo.scrape import Scrape
from gateway.demo.status import Worker

_WORDS = (
    ("http_errors_total", "reason", "answered by the gateway itself: {label}"),
    ("limits_hit_total", "limit", "limit reached: {label}"),
    ("config_reloads_total", "result", "configuration reload: {label}"),
)


def notable(before: Scrape, after: Scrape) -> Iterator[str]:
    """What the counters say happened between two readings, in words."""
    for name, label, words in _WORDS:
        known = before.by(name, label)
        for value, count in after.by(name, label).items():
            if (new := count - known.get(value, 0.0)) > 0:
                yield _times(new, words.format(label=value))
    if (retries := after.total("upstream_retries_total") - before.total("upstream_retries_total")) > 0:
        yield _times(retries, "tried again on a fresh upstream connection")


def comings_and_goings(before: tuple[Worker, ...], after: tuple[Worker, ...]) -> Iterator[str]:
    """Which workers went and came between two readings, in words."""
    then, now = {worker.pid for worker in before}, {worker.pid for worker in after}
    if before:
        for pid in sorted(then - now):
            yield f"worker {pid} is gone"
        for pid in sorted(now - then):
            yield f"worker {pid} started"


def circuits_changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Which circuits have another state than before, in words. One never seen before was closed."""
    for name, state in after.items():
        if state != before.get(name, "closed"):
            yield f"circuit {name} is {state}"


def _times(count: float, words: str) -> str:
    return words if count == 1 else f"{words} (×{count:.0f})"
