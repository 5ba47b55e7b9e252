"""What the listener counts. Children are looked up once; the road adds to their cells."""

from __future__ import annotations

from gateway.figures import Figures
from gateway.figures.registry import DURATION_BUCKETS, Counter, Histogram

OTHER_METHODS = "other"
_MOST_KEPT = 4096
"""Times that wait to be counted; then they are, whether it is time or not."""
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"})

GATEWAY_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds: the gateway's own time is far below a request's."""


class ListenerFigures:
    """Figures of a worker's listeners."""

    def __init__(self, figures: Figures) -> None:
        self._figures = self.all = figures
        self.row = figures.row
        self.in_flight = figures.gauge("http_requests_in_flight", "Requests being answered")
        text = "Octets exchanged with downstreams"
        self.octets_in = figures.counter("http_downstream_bytes_total", text, direction="in").cell
        self.octets_out = figures.counter("http_downstream_bytes_total", text, direction="out").cell
        self.connections = figures.gauge("http_downstream_connections", "Open downstream connections")
        self.accepted = figures.counter("http_downstream_connections_accepted_total", "Downstream connections accepted")
        self.tunnels = figures.gauge("http_tunnels", "Upgraded connections")
        self.tunnels_total = figures.counter("http_upgrades_total", "Connections upgraded")
        self._errors: dict[str, Counter] = {}
        self.lately: list[RouteFigures] = []
        """Routes that have something to tally."""

    def tally(self) -> None:
        """Count what routes have recorded since the last time."""
        for route in self.lately:
            route.tally()
        self.lately.clear()

    def limit_hit(self, name: str) -> None:
        """Count that the limit with this name in the settings was reached."""
        self._figures.counter("limits_hit_total", "How often a limit of the settings was reached", limit=name).inc()

    def error(self, reason: str) -> None:
        """Count an error that a downstream was told, or would have been."""
        counter = self._errors.get(reason)
        if counter is None:
            counter = self._figures.counter("http_errors_total", "Errors by reason", reason=reason)
            self._errors[reason] = counter
        counter.inc()


class RouteFigures:
    """Figures of one route.

    The road only appends two times to two lists; `tally` sorts them into buckets, all at once and for a third of the
    cost. `lately` is told when there is something to tally: whoever owns it does so at each sweep."""

    __slots__ = ("_figures", "_lately", "_own", "_owns", "_route", "_series")

    def __init__(self, figures: Figures, route: str, lately: list[RouteFigures]) -> None:
        self._figures = figures
        self._route = route
        self._lately = lately
        self._series: dict[tuple[str, int], tuple[list[float], Counter, Histogram]] = {}
        self._owns: list[float] = []
        self._own = figures.histogram(
            "http_gateway_seconds",
            "Time from a request's head to its answer's, less the wait for upstreams",
            buckets=GATEWAY_BUCKETS,
            route=route,
        )

    def record(self, method: str, status: int, seconds: float, own: float) -> None:
        """Count an answered request that took `seconds`, `own` of them in the gateway."""
        series = self._series.get((method, status // 100)) or self._learn(method, status // 100)
        owns = self._owns
        if not owns:
            self._lately.append(self)
        owns.append(own)
        series[0].append(seconds)
        if len(owns) >= _MOST_KEPT:
            self.tally()

    def record_replays(self, status: int, count: int) -> None:
        """Count so many answers of the replay lane: to GETs, in no time that these buckets could tell."""
        _, requests, histogram = self._series.get(("GET", status // 100)) or self._learn("GET", status // 100)
        requests.inc(count)
        histogram.row[histogram.cell] += count
        self._own.row[self._own.cell] += count

    def tally(self) -> None:
        """Count what was recorded since the last time."""
        for times, requests, histogram in self._series.values():
            if times:
                requests.inc(len(times))
                histogram.observe_all(times)
                times.clear()
        self._own.observe_all(self._owns)
        self._owns.clear()

    def _learn(self, method: str, hundreds: int) -> tuple[list[float], Counter, Histogram]:
        known = method if method in _KNOWN_METHODS else OTHER_METHODS
        series = self._series.get((known, hundreds))
        if series is None:
            labels = {"method": known, "route": self._route, "status_class": f"{hundreds}xx"}
            requests = self._figures.counter("http_requests_total", "Requests answered", **labels)
            text = "From a request's head to its answer's end"
            histogram = self._figures.histogram("http_request_duration_seconds", text, DURATION_BUCKETS, **labels)
            series = self._series[known, hundreds] = ([], requests, histogram)
        return series
