import pytest

from gateway.api import Monotonic
from plugins.timeout.watches import Watches


def test_what_is_due_expires_once() -> None:
    watches: Watches[str] = Watches(1.0)
    soon, later = watches.add(5.0, "soon"), watches.add(9.0, "later")
    assert watches.expire(Monotonic(4.9)) == []
    assert watches.expire(Monotonic(5.0)) == [soon]
    assert (soon.expired, later.expired, len(watches)) == (True, False, 1)
    assert watches.expire(Monotonic(8.0)) == []


def test_what_has_ended_does_not_expire() -> None:
    watches: Watches[str] = Watches(1.0)
    watch = watches.add(5.0, "x")
    watches.forget(watch)
    watches.forget(watch)
    assert watches.expire(Monotonic(99)) == []
    assert not watch.expired


@pytest.mark.parametrize(("shortest", "tick"), [(0.01, 0.005), (3.2, 0.05), (3600.0, 0.125)])
def test_it_looks_often_enough_and_no_more(shortest: float, tick: float) -> None:
    assert Watches[str](shortest).tick == pytest.approx(tick)
