"""What a soak reports."""

import pytest

from loadtests.soak import table, warm_up_seconds
from loadtests.traffic.growth import Growth


@pytest.mark.parametrize(("seconds", "warm_up"), [(1800, 360), (60, 15), (10, 5)])
def test_the_start_of_a_run_is_not_judged_and_half_of_it_always_is(seconds: float, warm_up: float) -> None:
    assert warm_up_seconds(seconds) == warm_up


def test_a_worker_has_a_row() -> None:
    row = table([Growth(7, 0.25, 51_200, 52_224, 100.0, 104.0)]).splitlines()[-1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["7", "+0.250", "50.0", "51.0", "100", "104"]
