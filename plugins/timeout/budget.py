"""How much time a request has, and why."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api import Monotonic, Reason, Request, WallTime
from plugins.timeout.deadline import read, write
from plugins.timeout.settings import TimeoutSettings, Trust


class TimeoutReason(Reason):
    """What bounded a request, or what was wrong with what it said."""

    TOTAL = "total"
    """The route's own budget."""
    DEADLINE = "deadline"
    """What the downstream said, or a plugin further out."""
    PASSED = "passed"
    """There was no time left when it came."""
    BODY = "body"
    """Its answer did not end in time."""
    UNTRUSTED = "untrusted"
    """It came from somebody who may not say so."""
    MALFORMED = "malformed"
    """It could not be read."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The time a request has."""

    left: float
    """Seconds, the margin included; below it the request is refused."""
    bound_by: TimeoutReason
    ignored: TimeoutReason | None
    """Why what the downstream said does not count, if it said something."""


class Budget:
    """The settings of a route as values that need no further thought."""

    __slots__ = ("_everybody", "_form", "_name", "_told", "_told_form", "body", "listens", "margin", "speaks", "total")

    def __init__(self, settings: TimeoutSettings) -> None:
        self.total = settings.total
        self.body = settings.body
        self.margin = settings.margin
        downstream, upstream = settings.downstream_field, settings.upstream_field
        self._name = downstream.name.lower().encode() if downstream is not None else None
        self._form = downstream.format if downstream is not None else None
        self._everybody = settings.trust is Trust.EVERYBODY
        self._told = upstream.name.encode() if upstream is not None else None
        self._told_form = upstream.format if upstream is not None else None
        self.listens = downstream is not None
        """Whether the downstream may say how much time there is."""
        self.speaks = upstream is not None or downstream is not None
        """Whether requests have fields that `tell` changes."""

    def allow(self, request: Request, now: Monotonic, wall: WallTime) -> Allowance:
        """The time that `request` has from now on."""
        left, bound_by, ignored = self.total, TimeoutReason.TOTAL, None
        if request.deadline is not None and request.deadline - now < left:
            left, bound_by = request.deadline - now, TimeoutReason.DEADLINE
        name, form = self._name, self._form
        if name is not None and form is not None:
            value = request.fields.get(name)
            if value is not None:
                said = read(value, form, wall)
                if not (self._everybody or request.downstream.trusted):
                    ignored = TimeoutReason.UNTRUSTED
                elif said is None:
                    ignored = TimeoutReason.MALFORMED
                elif said < left:
                    left, bound_by = said, TimeoutReason.DEADLINE
        return Allowance(left, bound_by, ignored)

    def tell(self, request: Request, left: float, wall: WallTime) -> None:
        """Replace what the request says about its time by what the upstream is to know."""
        if self._name is not None:
            request.fields.remove(self._name)
        if self._told is not None and self._told_form is not None:
            request.fields.set(self._told, write(left - self.margin, self._told_form, wall))
