from gateway.figures import Figures
from gateway.upstream.figures import UpstreamFigures


def test_connections_are_shown_by_state_under_the_upstreams_name() -> None:
    figures = Figures.in_memory()
    of_app = UpstreamFigures(figures, "app")
    UpstreamFigures(figures, "other").idle.set(9)
    of_app.idle.set(2)
    of_app.busy.set(3)
    assert figures.value("upstream_connections", upstream="app", state="idle") == 2
    assert figures.value("upstream_connections", upstream="app", state="busy") == 3


def test_requests_are_counted_by_how_they_ended() -> None:
    figures = Figures.in_memory()
    of_app = UpstreamFigures(figures, "app")
    of_app.answered.inc()
    of_app.failed("timeout")
    of_app.failed("timeout")
    of_app.retries.inc()
    assert figures.value("upstream_requests_total", upstream="app", outcome="answered") == 1
    assert figures.value("upstream_requests_total", upstream="app", outcome="timeout") == 2
    assert figures.value("upstream_retries_total", upstream="app") == 1


def test_first_bytes_are_observed_by_upstream() -> None:
    figures = Figures.in_memory()
    UpstreamFigures(figures, "app").first_byte.observe(0.2)
    assert figures.value("http_upstream_first_byte_seconds", upstream="app") == 1


def test_after_a_reload_the_same_upstream_counts_on_where_it_was() -> None:
    figures = Figures.in_memory()
    for _ in range(2):
        UpstreamFigures(figures, "app").opened.inc()
    assert figures.value("upstream_connections_opened_total", upstream="app") == 2
