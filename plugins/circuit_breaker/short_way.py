"""Refusals without a wait: what every request of a route is told while all circuits are open."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import AtOnce, CircuitOpenError, Figures, Request, Response, WallTime
from plugins.circuit_breaker.answer import Refusals, Static, wants_json
from plugins.circuit_breaker.figures import RequestFigures
from plugins.circuit_breaker.group import Group
from plugins.circuit_breaker.reasons import CircuitReason
from plugins.circuit_breaker.replaying import RefusalReplay


class ShortWay:
    """Refuses the requests of one route, and counts them."""

    def __init__(
        self,
        group: Group,
        static: Static | None,
        gateway: str,
        figures: Figures,
        outcomes: RequestFigures,
        wall: Callable[[], WallTime],
    ) -> None:
        """`gateway` is our own pseudonym (RFC 9209 §2); `outcomes` counts what becomes of the route's requests."""
        self._group = group
        self._static = static
        self._gateway = gateway
        self._wall = wall
        reason = CircuitReason.REFUSED if static is None else CircuitReason.FALLBACK_RESPONSE
        self._refused, self._decision = outcomes.of(reason)
        text = "Errors by reason"
        self._errors = figures.counter("http_errors_total", text, reason=CircuitOpenError.reason)
        self._row = figures.row
        self._replay: RefusalReplay | None = None

    def at_once(self, *, may_replay: bool) -> AtOnce:
        """The function that refuses. `may_replay`: whether its answers may be given again without asking it."""
        group, replay_of_now = self._group, self.replay_of_now
        refusals, is_error = Refusals(self._static, self._gateway), self._static is None
        row, decision, refused, failed = self._row, self._decision, self._refused.cell, self._errors.cell

        def at_once(request: Request) -> Response | None:
            now = request.started
            if now >= group.shut_until or request.attributes is not None:
                return None
            if is_error:
                accept = request.fields.get(b"accept")
                if accept is not None and wants_json(accept):
                    return None
                row[failed] += 1.0
            request.trail.append(decision)
            row[refused] += 1.0
            if now < refusals.until and refusals.of is group.shut:
                return refusals.made
            return refusals.make(request, group.shut, now, replay_of_now(), may_replay=may_replay)

        return at_once

    def replay_of_now(self) -> RefusalReplay:
        """What gives refusals again, as long as no circuit changes."""
        replay = self._replay
        if replay is None or not replay.alive:
            says_when = self._static is None or self._static.says_when
            replay = self._replay = RefusalReplay(self._group, self._wall, self._count_replayed, says_when=says_when)
        return replay

    def _count_replayed(self, times: float) -> None:
        self._refused.inc(times)
        if self._static is None:
            self._errors.inc(times)
