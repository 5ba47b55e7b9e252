"""What an upstream counts."""

from __future__ import annotations

from gateway.figures import Figures


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
        self.first_byte = figures.histogram(
            "http_upstream_first_byte_seconds", "From a request's head to its answer's", upstream=upstream
        )

    def failed(self, reason: str) -> None:
        """Count a request that got no answer."""
        self._figures.counter(
            "upstream_requests_total", "Requests sent, by outcome", upstream=self._upstream, outcome=reason
        ).inc()
