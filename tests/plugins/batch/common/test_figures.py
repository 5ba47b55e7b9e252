from gateway.figures.registry import Figures
from plugins.batch.common.figures import BatchFigures
from plugins.batch.common.reasons import DECISIONS, MergeReason
from tests.support.plugins import make_request


def test_a_decision_is_on_the_trail_and_counted_for_its_part() -> None:
    figures = Figures.in_memory()
    counted, request = BatchFigures(figures, "api", "merge"), make_request()
    for _ in range(2):
        counted.decide(request, MergeReason.LONE)
    assert request.trail == [DECISIONS[MergeReason.LONE]] * 2
    assert figures.value("batch_requests_total", route="api", part="merge", outcome="lone") == 2


def test_answers_are_counted_by_their_class() -> None:
    figures = Figures.in_memory()
    counted = BatchFigures(figures, "api", "client")
    for status in (200, 204, 404):
        counted.answered(status)
    assert figures.value("batch_items_total", route="api", part="client", status="2xx") == 2
    assert figures.value("batch_items_total", route="api", part="client", status="4xx") == 1


def test_saved_calls_sizes_and_windows_are_shown() -> None:
    figures = Figures.in_memory()
    counted = BatchFigures(figures, "api", "merge")
    counted.saved.inc(3)
    counted.sizes.observe(4)
    counted.window("/users/{id}").set(0.002)
    assert figures.value("batch_upstream_calls_saved_total", route="api", part="merge") == 3
    assert figures.value("batch_size", route="api", part="merge") == 1
    assert figures.value("batch_window_seconds", route="api", rule="/users/{id}") == 0.002
