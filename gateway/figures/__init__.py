"""Figures: what the gateway counts, in memory shared by the supervisor and its workers.

A worker adds to doubles of its own row of the slab (`slab`, `registry`) and tells the supervisor once
what each of them means (`layout`). The supervisor reads the rows (`ledger`) and renders them for
Prometheus (`render`), so a scrape costs no worker anything."""

from gateway.figures.registry import Counter, Figures, Gauge, Histogram

__all__ = ["Counter", "Figures", "Gauge", "Histogram"]
