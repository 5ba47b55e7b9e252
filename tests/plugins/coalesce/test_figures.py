from gateway.figures.registry import Figures
from plugins.coalesce.figures import CoalesceFigures
from plugins.coalesce.reasons import DECISIONS, ApartReason, SharedReason
from tests.support.plugins import make_request


def test_every_share_is_counted_and_on_the_trail() -> None:
    figures = Figures.in_memory()
    counts = CoalesceFigures(figures, "shop")
    for reason in SharedReason:
        request = make_request()
        counts.shared(request, reason)
        assert request.trail == [DECISIONS[reason]]
        assert figures.value("coalesce_requests_total", route="shop", outcome=reason.value) == 1


def test_who_follows_or_joins_has_saved_a_call() -> None:
    figures = Figures.in_memory()
    counts = CoalesceFigures(figures, "shop")
    counts.followed(41)
    counts.followed(0)
    counts.shared(make_request(), SharedReason.JOINED)
    counts.shared(make_request(), SharedReason.LED)
    assert figures.value("coalesce_upstream_calls_saved_total", route="shop") == 42
    assert figures.value("coalesce_requests_total", route="shop", outcome="followed") == 41


def test_a_request_is_counted_once_and_its_reasons_each_time() -> None:
    figures = Figures.in_memory()
    counts = CoalesceFigures(figures, "shop")
    request = make_request()
    counts.turned(request, ApartReason.VARY)
    counts.turned(request, ApartReason.VARY)
    counts.apart(request, ApartReason.SET_COOKIE)
    assert [decision.reason for decision in request.trail] == [
        ApartReason.VARY,
        ApartReason.VARY,
        ApartReason.SET_COOKIE,
    ]
    assert figures.value("coalesce_not_shared_total", route="shop", reason="vary") == 2
    assert figures.value("coalesce_not_shared_total", route="shop", reason="set_cookie") == 1
    assert figures.value("coalesce_requests_total", route="shop", outcome="apart") == 1


def test_exchanges_and_continuations_are_counted_by_their_ends() -> None:
    figures = Figures.in_memory()
    counts = CoalesceFigures(figures, "shop")
    counts.exchange("answered")
    counts.continuation("rest")
    assert figures.value("coalesce_exchanges_total", route="shop", end="answered") == 1
    assert figures.value("coalesce_continuations_total", route="shop", outcome="rest") == 1


def test_two_chains_count_together_who_waits() -> None:
    figures = Figures.in_memory()
    old, new = CoalesceFigures(figures, "shop"), CoalesceFigures(figures, "shop")
    old.show(5, 2)
    new.show(3, 0)
    assert figures.value("coalesce_waiting", route="shop") == 8
    old.show(1, 0)
    new.show(3, 0)
    assert figures.value("coalesce_waiting", route="shop") == 4
    assert figures.value("coalesce_queued", route="shop") == 0
