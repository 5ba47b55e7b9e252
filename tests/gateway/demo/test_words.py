import pytest

from gateway.demo.words import amount, clock, curve, milliseconds, rate, share


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0, "0.000 ms"),
        (0.000123, "0.123 ms"),
        (0.0023, "2.30 ms"),
        (0.0456, "45.6 ms"),
        (1.2345, "1234 ms"),
    ],
)
def test_durations_show_three_digits_that_count(seconds: float | None, words: str) -> None:
    assert milliseconds(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (0.25, "0.2"), (9.94, "9.9"), (150.4, "150"), (12345, "12,345")]
)
def test_rates_show_a_decimal_place_where_there_are_few(value: float, words: str) -> None:
    assert rate(value) == words


@pytest.mark.parametrize(
    ("octets", "words"),
    [(0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (1500, "1.5 kB"), (5_000_000, "5 MB"), (2.5e9, "2.5 GB")],
)
def test_amounts_have_decimal_units(octets: float, words: str) -> None:
    assert amount(octets) == words


def test_the_clock_shows_minutes_and_seconds() -> None:
    assert clock(0.9) == "0:00"
    assert clock(125.2) == "2:05"


def test_a_curve_has_a_bar_for_each_value_and_the_highest_is_full() -> None:
    assert curve([0, 50, 100]) == "▁▅█"
    assert curve([0, 0]) == "▁▁"
    assert curve([]) == ""


@pytest.mark.parametrize(("part", "whole", "words"), [(3, 4, "75 %"), (0, 9, "0 %"), (2, 3, "67 %"), (0, 0, "–")])
def test_a_share_is_in_per_cent_where_there_is_a_whole(part: float, whole: float, words: str) -> None:
    assert share(part, whole) == words
