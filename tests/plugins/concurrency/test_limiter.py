import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Monotonic
from plugins.concurrency.limiter import Fixed, Gradient


def a_gradient(limit: int = 20, least: int = 4, most: int = 200, *, probe_every: float = 1e9) -> Gradient:
    return Gradient(limit, least, most, tolerance=1.5, window=1.0, probe_every=probe_every, now=Monotonic(0))


class Upstream:
    """One that does `capacity` at a time, each in `service` seconds; what is more waits inside of it.

    By Little's law, `under_way` requests that are always there take `under_way / capacity` times as long."""

    def __init__(self, limiter: Gradient, capacity: int, service: float = 0.05) -> None:
        self.limiter = limiter
        self.capacity = capacity
        self.service = service
        self.now = 0.0

    def run(self, windows: int, demand: int = 10_000) -> list[int]:
        """The limit after each of so many seconds, in which `demand` requests want to be under way."""
        seen = []
        for _ in range(windows):
            for _ in range(20):
                under_way = min(self.limiter.limit, demand)
                latency = self.service * max(1.0, under_way / self.capacity)
                self.now += 0.06
                self.limiter.answered(Monotonic(self.now - latency), Monotonic(self.now), under_way)
            seen.append(self.limiter.limit)
        return seen


def test_a_fixed_limit_stays() -> None:
    limiter = Fixed(7)
    limiter.answered(Monotonic(0), Monotonic(100), 7)
    limiter.gave_up(Monotonic(100))
    assert limiter.limit == 7


@pytest.mark.parametrize("capacity", [10, 40, 100])
def test_the_limit_finds_what_the_upstream_can_do(capacity: int) -> None:
    limiter = a_gradient(limit=8)
    limits = Upstream(limiter, capacity).run(200)
    assert all(capacity <= limit <= 3 * capacity for limit in limits[-50:])


def test_it_falls_when_the_upstream_slows_down_and_rises_again() -> None:
    limiter = a_gradient()
    upstream = Upstream(limiter, 60)
    before = upstream.run(200)[-1]
    upstream.capacity = 10
    assert upstream.run(100)[-1] < before / 3
    upstream.capacity = 60
    assert upstream.run(200)[-1] >= before - 5


def test_it_does_not_rise_while_nobody_needs_more() -> None:
    limiter = a_gradient(limit=20)
    assert set(Upstream(limiter, 1000).run(50, demand=5)) == {20}


def test_an_upstream_that_gives_up_gets_less_at_once() -> None:
    limiter = a_gradient(limit=100)
    limiter.gave_up(Monotonic(0.5))
    limiter.gave_up(Monotonic(1.1))
    assert limiter.limit == 80
    for second in range(2, 40):
        limiter.gave_up(Monotonic(second * 1.1))
    assert limiter.limit == 4


def test_a_probe_forgets_a_best_that_is_no_longer_true() -> None:
    limiter = a_gradient(limit=20, probe_every=100)
    upstream = Upstream(limiter, 30, service=0.01)
    upstream.run(30)
    upstream.service = 0.2  # every answer takes twenty times as long, however few there are
    starved = upstream.run(40)[-1]
    assert starved < 10
    assert upstream.run(150)[-1] >= 30
    assert limiter.best == pytest.approx(0.2)


def test_a_probe_goes_by_requests_that_began_in_it_and_then_the_limit_is_back() -> None:
    limiter = a_gradient(limit=40, probe_every=1)
    for number in range(20):
        limiter.answered(Monotonic(0.9), Monotonic(1.0 + number / 100), 40)
    assert (limiter.is_probing, limiter.limit) == (True, 4)
    for _ in range(100):
        limiter.answered(Monotonic(0.2), Monotonic(1.9), 40)
    assert limiter.best == pytest.approx(0.1, abs=0.1)
    for number in range(30):
        limiter.answered(Monotonic(2.0), Monotonic(2.05 + number / 20), 4)
        if not limiter.is_probing:
            break
    assert (limiter.is_probing, limiter.limit >= 40) == (False, True)


def test_a_probe_ends_even_if_nothing_is_answered_in_it() -> None:
    limiter = a_gradient(limit=40, probe_every=1)
    for number in range(20):
        limiter.answered(Monotonic(0.9), Monotonic(1.0 + number / 100), 40)
    assert limiter.limit == 4
    limiter.answered(Monotonic(0.9), Monotonic(30), 4)
    assert (limiter.is_probing, limiter.limit) == (False, 41)


@given(
    st.integers(1, 10),
    st.integers(0, 100),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0, 3), st.integers(0, 500), st.booleans()), max_size=100),
)
def test_whatever_happens_the_limit_stays_within_its_bounds(
    least: int, more: int, events: list[tuple[float, float, int, bool]]
) -> None:
    limiter = Gradient(least, least, least + more, tolerance=1.5, window=0.5, probe_every=3.0, now=Monotonic(0))
    now = 0.0
    for pause, latency, under_way, gives_up in events:
        now += pause
        if gives_up:
            limiter.gave_up(Monotonic(now))
        else:
            limiter.answered(Monotonic(now - latency), Monotonic(now), under_way)
        assert least <= limiter.limit <= least + more
