from gateway.figures.registry import Figures
from gateway.tiers.figures import TierFigures


def test_tiers_are_told_apart() -> None:
    figures = Figures.in_memory()
    TierFigures(figures, "host").hits.inc()
    TierFigures(figures, "redis").misses.inc(2)
    assert figures.value("tier_lookups_total", tier="host", outcome="hit") == 1
    assert figures.value("tier_lookups_total", tier="redis", outcome="miss") == 2
    assert figures.value("tier_lookups_total", tier="redis", outcome="hit") == 0
