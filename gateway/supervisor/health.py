"""When checks make a server bad and good again, and when to check next. Rules only: no clock, no I/O, no chance."""

from gateway.config import HealthSettings


class Judge:
    """What checks found out about one server. Good until the first one, which decides alone.

    In doubt after a failure of a good server or a success of a bad one, until as many as asked for agree."""

    def __init__(self) -> None:
        self.is_healthy = True
        self.is_known = False
        """Whether there was a check at all."""
        self.detail = ""
        """What the last check found."""
        self._against = 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last checks speak against what is believed."""
        return self._against > 0

    def hear(self, is_good: bool, detail: str, settings: HealthSettings) -> bool:
        """Take down a check; whether it changes what is believed."""
        self.detail = detail
        is_first, self.is_known = not self.is_known, True
        if is_good is self.is_healthy:
            self._against = 0
            return False
        self._against += 1
        if not is_first and self._against < (settings.rise if is_good else settings.fall):
            return False
        self.is_healthy = is_good
        self._against = 0
        return True

    def pause(self, settings: HealthSettings, chance: float) -> float:
        """Seconds until the next check. `chance` lies evenly between 0 and 1 and spreads them."""
        seconds = min(settings.recheck, settings.every) if self.is_in_doubt else settings.every
        return seconds * (1.0 + settings.jitter * (2.0 * chance - 1.0))


def is_expected(status: int, settings: HealthSettings) -> bool:
    """Whether a good answer may have that status."""
    return any(first <= status <= last for first, last in settings.status)
