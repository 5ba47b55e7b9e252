from gateway.demo.savings import refused, smaller, standing
from gateway.demo.scrape import Scrape


def test_octets_are_shown_before_and_after_with_the_share_that_is_left() -> None:
    assert smaller(1_000_000, 250_000) == "1 MB became 250 kB (25 %)"
    assert smaller(1000, 500, "/s") == "1 kB/s became 500 B/s (50 %)"


def test_nothing_compressed_is_a_dash() -> None:
    assert smaller(0, 0) == "–"


def test_every_state_is_named_even_when_no_circuit_is_in_it() -> None:
    assert standing({"a": "open", "b": "closed", "c": "closed"}) == "1 open, 0 half-open, 2 closed"
    assert standing({}) == "0 open, 0 half-open, 0 closed"


def test_probes_and_detours_are_not_refused() -> None:
    outcomes = {"circuit_open": 5.0, "ramping": 2.0, "probe": 30.0, "around": 40.0}
    counted = tuple(({"outcome": outcome}, count) for outcome, count in outcomes.items())
    assert refused(Scrape({"circuit_breaker_requests_total": counted})) == 7
    assert refused(Scrape()) == 0
