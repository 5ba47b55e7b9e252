"""What is counted about Redis."""

from __future__ import annotations

from gateway.figures import Figures


class RedisFigures:
    """Figures of this worker's dealings with Redis."""

    def __init__(self, figures: Figures) -> None:
        self.up = figures.gauge("redis_workers", "Workers that can use Redis now")
        text = "Commands sent to Redis, by how they ended"
        self.answered = figures.counter("redis_commands_total", text, outcome="answered")
        self.refused = figures.counter("redis_commands_total", text, outcome="refused")
        self.down = figures.counter("redis_commands_total", text, outcome="down")
        self.gets = figures.counter("redis_gets_total", "Values asked for")
        self.turns = figures.counter("redis_get_batches_total", "Commands that asked for them: one for each loop turn")
        self.openings = figures.counter("redis_breaker_openings_total", "Times that an answer took too long")
        self.connections = figures.counter("redis_connections_total", "Connections made, after a loss as well")
        self.pushes = figures.counter("redis_pushes_total", "Messages that Redis sent by itself")
