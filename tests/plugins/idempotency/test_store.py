from plugins.idempotency.store import Bounds


def test_the_most_that_anybody_wants_counts() -> None:
    bounds, one, other = Bounds(), object(), object()
    assert bounds.is_unwanted
    bounds.join(one, 100, 60.0)
    bounds.join(other, 50, 90.0)
    assert (bounds.most, bounds.keep) == (100, 90.0)
    bounds.leave(one)
    assert (bounds.most, bounds.keep) == (50, 90.0)


def test_what_the_last_one_wanted_stays() -> None:
    bounds, one = Bounds(), object()
    bounds.join(one, 100, 60.0)
    bounds.leave(one)
    bounds.leave(one)
    assert (bounds.most, bounds.keep, bounds.is_unwanted) == (100, 60.0, True)
