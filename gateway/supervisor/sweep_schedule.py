"""When sweeps are due. No I/O, no clock."""

from collections.abc import Mapping
from datetime import datetime

from cronsim import CronSim

from gateway.config.settings import SweepSettings
from gateway.config.sweeps import zone_of


class Timetable:
    """Sweeps of a configuration → when they are due next. A clock set back does not bring a turn twice."""

    def __init__(self) -> None:
        self._turns: dict[str, tuple[tuple[str, str], datetime | None]] = {}

    def due(self, sweeps: Mapping[str, SweepSettings], now: datetime) -> list[str]:
        """The names of those that have come due since the last look; several turns of one count once.

        A sweep that is new, or has another schedule than before, counts from now on."""
        due = []
        turns: dict[str, tuple[tuple[str, str], datetime | None]] = {}
        for name, settings in sweeps.items():
            if settings.schedule is None:
                continue
            schedule = (settings.schedule, settings.time_zone)
            known = self._turns.get(name)
            if known is None or known[0] != schedule:
                turns[name] = schedule, _next(schedule, now)
            elif known[1] is not None and known[1] <= now:
                due.append(name)
                turns[name] = schedule, _next(schedule, now)
            else:
                turns[name] = known
        self._turns = turns
        return due

    def next_at(self, name: str) -> float | None:
        """When a sweep is due next, as wall time; `None` when it has no schedule."""
        _, at = self._turns.get(name, (None, None))
        return None if at is None else at.timestamp()


def _next(schedule: tuple[str, str], now: datetime) -> datetime | None:
    """The next turn after `now`; `None` for a schedule with no further turn."""
    expression, zone = schedule
    return next(CronSim(expression, now.astimezone(zone_of(zone))), None)
