from gateway.api import Decision, Figures
from plugins.retry.figures import RetryFigures
from plugins.retry.reasons import RetryReason, StopReason


def test_attempts_and_ends_are_counted_by_their_reasons_and_on_the_trail() -> None:
    figures, trail = Figures.in_memory(), list[Decision]()
    retries = RetryFigures(figures, "shop")
    retries.again(trail, RetryReason.CLOSED)
    retries.again(trail, RetryReason.STATUS)
    retries.stopped(trail, StopReason.BUDGET)
    assert [(each.by, each.reason) for each in trail] == [
        ("retry", RetryReason.CLOSED),
        ("retry", RetryReason.STATUS),
        ("retry", StopReason.BUDGET),
    ]
    assert figures.value("retry_attempts_total", route="shop", reason="closed") == 1
    assert figures.value("retry_stopped_total", route="shop", reason="budget") == 1
