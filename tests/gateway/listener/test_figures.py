import pytest

from gateway.figures import Figures
from gateway.listener.figures import ListenerFigures, RouteFigures


def counted(figures: Figures, method: str, status_class: str, route: str = "shop") -> float:
    return figures.value("http_requests_total", method=method, route=route, status_class=status_class)


def test_a_request_is_counted_and_timed_once() -> None:
    figures = Figures.in_memory()
    of_route = RouteFigures(figures, "shop", [])
    of_route.record("GET", 204, 0.2, 0.0001)
    of_route.tally()
    of_route.tally()
    assert counted(figures, "GET", "2xx") == 1
    labels = {"method": "GET", "route": "shop", "status_class": "2xx"}
    assert figures.value("http_request_duration_seconds", **labels) == 1
    assert figures.value("http_gateway_seconds", route="shop") == 1


def test_a_time_falls_into_its_bucket_and_adds_to_the_sum() -> None:
    figures = Figures.in_memory()
    of_route = RouteFigures(figures, "shop", [])
    for seconds in (0.0005, 0.2, 100.0):
        of_route.record("GET", 200, seconds, 2.0)
    of_route.tally()
    histogram = figures.histogram("http_request_duration_seconds", "", method="GET", route="shop", status_class="2xx")
    buckets = list(histogram.row[histogram.cell : histogram.total])
    assert {histogram.bounds[at] if at < len(histogram.bounds) else None for at, n in enumerate(buckets) if n} == {
        0.0005,
        0.25,
        None,
    }
    assert histogram.row[histogram.total] == pytest.approx(100.2005)


def test_methods_routes_and_classes_are_told_apart() -> None:
    figures = Figures.in_memory()
    shop, blog = RouteFigures(figures, "shop", []), RouteFigures(figures, "blog", [])
    shop.record("GET", 200, 0.1, 0.0)
    shop.record("GET", 299, 0.1, 0.0)
    shop.record("GET", 502, 0.1, 0.0)
    shop.record("POST", 499, 0.1, 0.0)
    blog.record("GET", 200, 0.1, 0.0)
    shop.tally()
    blog.tally()
    assert [counted(figures, "GET", f"{hundreds}xx") for hundreds in (2, 3, 5)] == [2, 0, 1]
    assert counted(figures, "POST", "4xx") == 1
    assert counted(figures, "GET", "2xx", "blog") == 1


def test_methods_that_strangers_make_up_count_together() -> None:
    figures = Figures.in_memory()
    of_route = RouteFigures(figures, "shop", [])
    for number in range(500):
        of_route.record(f"M{number}", 200, 0.1, 0.0)
    of_route.record("get", 200, 0.1, 0.0)
    of_route.tally()
    assert counted(figures, "other", "2xx") == 501
    assert counted(figures, "M7", "2xx") == 0


def test_limits_and_errors_are_counted_by_name() -> None:
    figures = Figures.in_memory()
    of_listener = ListenerFigures(figures)
    of_listener.limit_hit("head")
    of_listener.limit_hit("head")
    of_listener.error("timeout")
    assert figures.value("limits_hit_total", limit="head") == 2
    assert figures.value("http_errors_total", reason="timeout") == 1
    assert figures.value("http_errors_total", reason="head") == 0


def test_octets_are_added_by_cell() -> None:
    figures = Figures.in_memory()
    of_listener = ListenerFigures(figures)
    of_listener.row[of_listener.octets_in] += 10
    of_listener.row[of_listener.octets_out] += 20
    assert figures.value("http_downstream_bytes_total", direction="in") == 10
    assert figures.value("http_downstream_bytes_total", direction="out") == 20


def test_gauges_and_counters_have_the_names_of_the_manual() -> None:
    figures = Figures.in_memory()
    of_listener = ListenerFigures(figures)
    of_listener.in_flight.set(1)
    of_listener.connections.set(2)
    of_listener.accepted.inc(3)
    of_listener.tunnels.set(4)
    of_listener.tunnels_total.inc(5)
    names = (
        "http_requests_in_flight",
        "http_downstream_connections",
        "http_downstream_connections_accepted_total",
        "http_tunnels",
        "http_upgrades_total",
    )
    assert [figures.value(name) for name in names] == [1, 2, 3, 4, 5]


def test_a_route_says_once_that_it_has_something_to_tally() -> None:
    of_listener = ListenerFigures(figures := Figures.in_memory())
    of_route = RouteFigures(figures, "shop", of_listener.lately)
    for _ in range(3):
        of_route.record("GET", 200, 0.1, 0.1)
    assert of_listener.lately == [of_route]
    of_listener.tally()
    assert of_listener.lately == []
    assert counted(figures, "GET", "2xx") == 3
    of_route.record("GET", 200, 0.1, 0.1)
    assert of_listener.lately == [of_route]


def test_times_do_not_pile_up_between_tallies() -> None:
    of_route = RouteFigures(figures := Figures.in_memory(), "shop", [])
    for _ in range(5000):
        of_route.record("GET", 200, 0.1, 0.1)
    assert counted(figures, "GET", "2xx") == 4096
