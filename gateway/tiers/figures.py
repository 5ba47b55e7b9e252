"""What a tier counts."""

from __future__ import annotations

from gateway.figures import Figures
from gateway.figures.layout import Join


class TierFigures:
    """Figures of one tier in this worker."""

    def __init__(self, figures: Figures, tier: str) -> None:
        text = "Look-ups in a tier, made where memory had no answer"
        self.hits = figures.counter("tier_lookups_total", text, tier=tier, outcome="hit")
        self.misses = figures.counter("tier_lookups_total", text, tier=tier, outcome="miss")
        self.errors = figures.counter("tier_lookups_total", text, tier=tier, outcome="error")
        self.purged = figures.counter("tier_purged_total", "Records found in a tier that were purged before", tier=tier)
        text = "Records found in a tier that could not be read: removed"
        self.unreadable = figures.counter("tier_unreadable_total", text, tier=tier)
        self.written = figures.counter("tier_written_total", "Records written to a tier", tier=tier)
        text = "Records that were not written to a tier"
        self.crowded = figures.counter("tier_dropped_total", text, tier=tier, reason="queue")
        self.too_large = figures.counter("tier_dropped_total", text, tier=tier, reason="too_large")
        self.failed = figures.counter("tier_dropped_total", text, tier=tier, reason="failed")
        self.evicted = figures.counter("tier_evicted_total", "Records that made room for others in a tier", tier=tier)
        self.octets = figures.gauge("tier_bytes", "Octets in use in a tier", join=Join.MAX, tier=tier)
        self.records = figures.gauge("tier_records", "Records in a tier", join=Join.MAX, tier=tier)
        self.up = figures.gauge("tier_workers", "Workers that can use the tier now", tier=tier)
