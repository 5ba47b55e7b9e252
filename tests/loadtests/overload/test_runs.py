from dataclasses import replace

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests.overload.crowd import Seen
from loadtests.overload.runs import Fairness, Outcome, Protection, Report, configuration, protections, with_peaks

FIXED = Protection("fixed", {"limit": 16})
BARE = Protection("nothing", None, is_judged=False)


def seen(good: int, asked: int, took: float = 0.05) -> Seen:
    return Seen(good=[took] * good, in_time=good, asked=asked)


def runs(
    *goodputs: int, protection: Protection = FIXED, health: Seen | None = None, took: float = 0.05
) -> list[Outcome]:
    checks = health or seen(20, 20)
    first = Outcome(protection, 1, 1.0, seen(goodputs[0], 200), checks)
    rest = [Outcome(protection, 5, 1.0, seen(good, 1000, took), checks) for good in goodputs[1:]]
    return with_peaks([first, *rest])


def faults(outcomes: list[Outcome]) -> list[str]:
    return Report(outcomes=outcomes).faults()


def test_goodput_that_holds_is_fine() -> None:
    assert faults(runs(200, 181)) == []


def test_goodput_that_falls_is_not_unless_it_is_there_to_compare_with() -> None:
    assert faults(runs(200, 170)) == ["fixed at 5 x: goodput 85% of the peak"]
    assert faults(runs(200, 10, protection=BARE)) == []


def test_a_health_check_that_fails_and_long_latencies_are_told() -> None:
    assert faults(runs(200, 200, health=seen(19, 20)))[0] == "fixed at 1 x: health checks 95.0%"
    assert faults(runs(200, 200, took=0.2)) == ["fixed at 5 x: p99 200 ms, without overload 50 ms"]


def test_a_client_that_asks_little_must_get_its_answers() -> None:
    starved = Fairness("fixed, clients take turns", seen(90, 100), seen(1, 100), is_judged=True)
    report = Report(fairness=[starved, replace(starved, is_judged=False)])
    assert report.faults() == ["fixed, clients take turns: 90.0% of the client that asks little succeed"]


def test_the_tables_show_every_run() -> None:
    fair = Fairness("fixed, clients take turns", seen(100, 100), seen(1, 100), is_judged=True)
    text = Report(runs(200, 190), [fair]).tables()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "fixed" in line]
    assert rows[1] == ["fixed", "5 x", "190", "95%", "0", "0", "50", "50", "100.0%", "50"]
    assert rows[2] == ["fixed, clients take turns", "100.0%", "50", "1.0%"]


def test_every_protection_is_a_configuration_the_gateway_takes() -> None:
    for protection in protections(8):
        text = __import__("json").dumps(configuration(8080, 8081, protection))
        routes = load_text(text, settings_of, environ={}).routes
        assert [len(route.plugins) for route in routes] == [0 if protection.concurrency is None else 1] * 2
