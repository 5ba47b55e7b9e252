import pytest

from gateway.redis.patience import LONGEST, SHORTEST, Patience


def looked(patience: Patience, *moments: float) -> None:
    """Somebody looks at these moments, and means to look again after a step each time."""
    for now in moments:
        patience.look(now)
        patience.begin(now, patience.step)


@pytest.fixture
def patience() -> Patience:
    """20 ms, from the second 100 on: a look each 5 ms."""
    found = Patience(0.020)
    found.begin(100.0, found.step)
    return found


def test_where_somebody_looks_in_time_the_time_out_counts(patience: Patience) -> None:
    until = patience.until(100.0)
    looked(patience, 100.005, 100.0115, 100.017)
    assert not patience.is_over(until, 100.0199)
    assert patience.is_over(until, 100.0201)


def test_time_in_which_nobody_looked_is_added(patience: Patience) -> None:
    until = patience.until(100.0)
    looked(patience, 100.005, 100.040)  # 30 ms late
    assert not patience.is_over(until, 100.049)
    assert patience.is_over(until, 100.051)


def test_it_counts_for_what_was_under_way_and_not_for_what_comes(patience: Patience) -> None:
    looked(patience, 100.035)
    until = patience.until(100.035)
    looked(patience, 100.040, 100.045, 100.050)
    assert not patience.is_over(until, 100.0549)
    assert patience.is_over(until, 100.0551)


def test_one_who_never_comes_to_look_does_not_wait_for_ever(patience: Patience) -> None:
    until = patience.until(100.0)
    assert until.at_last == pytest.approx(100.220)
    looked(patience, *(100.0 + 0.100 * turn for turn in range(1, 10)))
    assert not patience.is_over(until, 100.219)
    assert patience.is_over(until, 100.221)


def test_a_long_time_out_is_not_ten_times_as_long() -> None:
    patience = Patience(2.0)
    assert patience.until(100.0).at_last == 103.0


def test_looks_are_neither_too_many_nor_too_few() -> None:
    assert [Patience(timeout).step for timeout in (0.001, 0.020, 5.0)] == [SHORTEST, 0.005, LONGEST]


def test_another_time_out_counts_for_what_is_sent_then(patience: Patience) -> None:
    looked(patience, 100.035)
    before = patience.until(100.035)
    patience.change(0.001)
    assert patience.is_over(patience.until(100.035), 100.0361)
    assert not patience.is_over(before, 100.0361)
