import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import WallTime
from gateway.http.dates import format_date
from plugins.retry.backoff import Backoff, retry_after

NOW = WallTime(1_700_000_000.0)


def test_waits_double_up_to_a_bound() -> None:
    backoff = Backoff(base=0.025, longest=0.15)
    assert [backoff.wait(attempt, 1.0) for attempt in (2, 3, 4, 5, 100_000)] == [0.025, 0.05, 0.1, 0.15, 0.15]


@given(st.integers(2, 10), st.floats(0, 1))
def test_chance_takes_anything_from_nothing_to_all_of_it(attempt: int, chance: float) -> None:
    backoff = Backoff()
    assert backoff.wait(attempt, 0.0) == 0.0
    assert 0.0 <= backoff.wait(attempt, chance) <= backoff.wait(attempt, 1.0) <= backoff.longest


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (b"0", 0.0),
        (b"120", 120.0),
        (b"", None),
        (b"-1", None),
        (b"1.5", None),
        (b"soon", None),
        (b"1, 2", None),
        (b"9" * 40, None),
        (format_date(NOW + 90), 90.0),
        (format_date(NOW - 90), 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: bytes | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.binary(max_size=60))
def test_whatever_a_server_writes_there_is_never_an_error_and_never_in_the_past(value: bytes) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0
