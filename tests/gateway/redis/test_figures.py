from gateway.figures.registry import Figures
from gateway.redis.figures import RedisFigures


def test_each_figure_counts_for_itself() -> None:
    figures = RedisFigures(Figures.in_memory())
    figures.answered.inc()
    figures.up.set(1)
    assert figures.down.row[figures.down.cell] == 0.0
    assert figures.answered.row[figures.answered.cell] == 1.0
    assert figures.up.row[figures.up.cell] == 1.0
