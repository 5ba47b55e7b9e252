from gateway.demo.events import circuits_changed, comings_and_goings, notable
from gateway.demo.scrape import Scrape
from gateway.demo.status import Worker


def reading(**counts: float) -> Scrape:
    labels = {"http_errors_total": "reason", "limits_hit_total": "limit", "config_reloads_total": "result"}
    samples: dict[str, tuple[tuple[dict[str, str], float], ...]] = {}
    for name, value in counts.items():
        family, _, label = name.partition("__")
        samples[family] = (*samples.get(family, ()), ({labels[family]: label} if label else {}, value))
    return Scrape(samples)


def test_only_what_grew_is_worth_a_line() -> None:
    before = reading(http_errors_total__closed=2, http_errors_total__timeout=1)
    after = reading(http_errors_total__closed=5, http_errors_total__timeout=1, limits_hit_total__head=1)
    assert list(notable(before, after)) == [
        "answered by the gateway itself: closed (×3)",
        "limit reached: head",
    ]


def test_reloads_and_retries_are_told() -> None:
    after = reading(config_reloads_total__success=1, upstream_retries_total=2)
    assert list(notable(Scrape(), after)) == [
        "configuration reload: success",
        "tried again on a fresh upstream connection (×2)",
    ]


def test_nothing_is_told_where_nothing_happened() -> None:
    same = reading(http_errors_total__closed=2, upstream_retries_total=2)
    assert list(notable(same, same)) == []


def test_workers_that_go_and_come_are_told() -> None:
    before, after = (Worker(1, "ready"), Worker(2, "ready")), (Worker(2, "ready"), Worker(3, "starting"))
    assert list(comings_and_goings(before, after)) == ["worker 1 is gone", "worker 3 started"]


def test_the_first_workers_are_no_news() -> None:
    assert list(comings_and_goings((), (Worker(1, "ready"),))) == []


def test_circuits_with_another_state_are_told_and_a_new_one_was_closed() -> None:
    before, after = {"a": "open", "b": "closed"}, {"a": "half-open", "b": "closed", "c": "open", "d": "closed"}
    assert list(circuits_changed(before, after)) == ["circuit a is half-open", "circuit c is open"]
