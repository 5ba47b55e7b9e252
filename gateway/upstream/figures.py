"""What an upstream counts."""

from __future__ import annotations

from gateway.figures import Figures
from gateway.figures.layout import Join


class ServerFigures:
    """Figures of one server of an upstream."""

    def __init__(self, figures: Figures, upstream: str, server: str) -> None:
        self._figures = figures = figures.scope(upstream=upstream, server=server)
        self.ejected = figures.gauge("upstream_server_ejected", "Workers that leave a server out for now")
        self.weight = figures.gauge(
            "upstream_server_weight", "The weight that counts now; 0 while it is not used", join=Join.MAX
        )
        self.pending = figures.gauge("upstream_server_pending", "Requests that wait for an answer")
        self.upgraded = figures.gauge("upstream_server_upgraded", "Upgraded connections that are open")

    def count_ejection(self, reason: str) -> None:
        """Count one ejection."""
        self._figures.counter("upstream_ejections_total", "Servers left out after failures", reason=reason).inc()

    def gone(self) -> None:
        """The server is none any more."""
        for gauge in (self.ejected, self.weight, self.pending, self.upgraded):
            gauge.set(0)


class UpstreamFigures:
    """Figures of one upstream of one worker."""

    def __init__(self, figures: Figures, upstream: str) -> None:
        self._figures = figures
        self.row = figures.row
        self._upstream = upstream
        text = "Connections to upstream servers"
        self.idle = figures.gauge("upstream_connections", text, upstream=upstream, state="idle")
        self.busy = figures.gauge("upstream_connections", text, upstream=upstream, state="busy")
        self.opened = figures.counter("upstream_connections_opened_total", "Connections opened", upstream=upstream)
        self.retries = figures.counter("upstream_retries_total", "Requests sent a second time", upstream=upstream)
        self.answered = figures.counter(
            "upstream_requests_total", "Requests sent, by outcome", upstream=upstream, outcome="answered"
        )
        self.panic = figures.gauge(
            "upstream_panic", "Workers that use bad servers because too few are good", upstream=upstream
        )
        self.first_byte = figures.histogram(
            "http_upstream_first_byte_seconds", "From a request's head to its answer's", upstream=upstream
        )

    def server(self, url: str) -> ServerFigures:
        """Figures of a server, by its URL."""
        return ServerFigures(self._figures, self._upstream, url)

    def failed(self, reason: str) -> None:
        """Count a request that got no answer."""
        self._figures.counter(
            "upstream_requests_total", "Requests sent, by outcome", upstream=self._upstream, outcome=reason
        ).inc()
