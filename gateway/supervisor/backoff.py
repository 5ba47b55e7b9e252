"""How long to wait before a worker that ended is started again. No clock, no I/O."""

YOUNG_SECONDS = 2.0
"""A worker that lived shorter than this died young: starting it again at once would most likely fail again."""

FIRST_DELAY_SECONDS = 0.1
MAX_DELAY_SECONDS = 5.0


class Backoff:
    """Delays of one slot: none after a life of some length, then 0.1 s, 0.2 s, 0.4 s … while workers die young."""

    def __init__(self) -> None:
        self.deaths_in_a_row = 0
        """Workers that died young since the last that did not."""

    def after(self, lifetime: float) -> float:
        """Seconds to wait after a worker that lived `lifetime` seconds."""
        if lifetime >= YOUNG_SECONDS:
            self.deaths_in_a_row = 0
            return 0.0
        self.deaths_in_a_row += 1
        return float(min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(self.deaths_in_a_row - 1, 16)))
