"""What the listener counts. Children are looked up once; the road adds to their cells."""

from __future__ import annotations

from bisect import bisect_left

from gateway.figures import Figures
from gateway.figures.registry import DURATION_BUCKETS

_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"})

GATEWAY_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds: the gateway's own time is far below a request's."""


class ListenerFigures:
    """Figures of a worker's listeners."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self.row = figures.row
        self.in_flight = figures.gauge("http_requests_in_flight", "Requests being answered")
        text = "Octets exchanged with downstreams"
        self.octets_in = figures.counter("http_downstream_bytes_total", text, direction="in").cell
        self.octets_out = figures.counter("http_downstream_bytes_total", text, direction="out").cell
        self.connections = figures.gauge("http_downstream_connections", "Open downstream connections")
        self.accepted = figures.counter("http_downstream_connections_accepted_total", "Downstream connections accepted")
        self.tunnels = figures.gauge("http_tunnels", "Upgraded connections")
        self.tunnels_total = figures.counter("http_upgrades_total", "Connections upgraded")

    def limit_hit(self, name: str) -> None:
        """Count that the limit with this name in the settings was reached."""
        self._figures.counter("limits_hit_total", "How often a limit of the settings was reached", limit=name).inc()

    def error(self, reason: str) -> None:
        """Count an error that a downstream was told, or would have been."""
        self._figures.counter("http_errors_total", "Errors by reason", reason=reason).inc()


class RouteFigures:
    """Figures of one route."""

    __slots__ = ("_cells", "_figures", "_own", "_route", "_row")

    def __init__(self, figures: Figures, route: str) -> None:
        self._figures = figures
        self._route = route
        self._row = figures.row
        self._cells: dict[tuple[str, int], tuple[int, tuple[float, ...], int, int]] = {}
        self._own = figures.histogram(
            "http_gateway_seconds",
            "Time from a request's head to its answer's, less the wait for upstreams",
            buckets=GATEWAY_BUCKETS,
            route=route,
        )

    def record(self, method: str, status: int, seconds: float, own: float) -> None:
        """Count an answered request that took `seconds`, `own` of them in the gateway."""
        cells = self._cells.get((method, status // 100))
        if cells is None:
            cells = self._learn(method, status // 100)
        row = self._row
        requests, bounds, buckets, total = cells
        row[requests] += 1.0
        row[buckets + bisect_left(bounds, seconds)] += 1.0
        row[total] += seconds
        histogram = self._own
        row[histogram.cell + bisect_left(histogram.bounds, own)] += 1.0
        row[histogram.total] += own

    def record_replays(self, status: int, count: int) -> None:
        """Count so many answers of the replay lane: to GETs, in no time that these buckets could tell."""
        requests, _, buckets, _ = self._cells.get(("GET", status // 100)) or self._learn("GET", status // 100)
        row = self._row
        row[requests] += count
        row[buckets] += count
        row[self._own.cell] += count

    def _learn(self, method: str, hundreds: int) -> tuple[int, tuple[float, ...], int, int]:
        labels = {
            "method": method if method in _KNOWN_METHODS else "other",
            "route": self._route,
            "status_class": f"{hundreds}xx",
        }
        requests = self._figures.counter("http_requests_total", "Requests answered", **labels)
        text = "From a request's head to its answer's end"
        seconds = self._figures.histogram("http_request_duration_seconds", text, DURATION_BUCKETS, **labels)
        cells = (requests.cell, seconds.bounds, seconds.cell, seconds.total)
        if method in _KNOWN_METHODS:
            self._cells[method, hundreds] = cells
        return cells
