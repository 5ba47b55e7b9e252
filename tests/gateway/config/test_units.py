from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.config.base import SettingError, Settings
from gateway.config.units import (
    Duration,
    InSeconds,
    OrOff,
    PositiveDuration,
    PositiveSize,
    Secret,
    format_duration,
    format_size,
    kibibytes,
    mebibytes,
    parse_duration,
    parse_size,
    seconds,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", 0.25),
        ("1s", 1.0),
        ("1.5s", 1.5),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1m30s", 90.0),
        ("1d2h3m4s5ms", 93784.005),
        ("0", 0.0),
        (0, 0.0),
        ("0s", 0.0),
        ("3650d", 315360000.0),
    ],
)
def test_a_duration_is_read_in_seconds(text: object, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (5, "needs a unit", "write 5s or 5ms"),
        (2.5, "needs a unit", "write 2.5s or 2.5ms"),
        ("30", "needs a unit", "write 30s or 30ms"),
        ("3651d", "is too long", "the longest duration is 3650d"),
        (True, "must be a duration such as 250ms, 10s or 1m30s", None),
        (None, "must be a duration such as 250ms, 10s or 1m30s", None),
        *[
            (text, "must be a duration such as 250ms, 10s or 1m30s", "the units are ms, s, m, h and d")
            for text in (
                "",
                "s",
                "-1s",
                "1 s",
                "30s1m",
                "1s1s",
                "1S",
                "1e3s",
                "1m30",
                "٣s",
                "1s\n",
                "1.s",
                "9" * 90 + "s",
            )
        ],
    ],
)
def test_what_is_no_duration_is_refused_with_a_remedy(value: object, message: str, hint: str | None) -> None:
    with pytest.raises(SettingError) as refused:
        parse_duration(value)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_a_duration_made_in_python_needs_no_unit() -> None:
    assert parse_duration(seconds(2.5)) == 2.5
    assert type(parse_duration(seconds(2.5))) is float


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (0.0015, "1.5ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (90, "1m30s"),
        (75, "1m15s"),
        (7200, "2h"),
        (90061.5, "1d1h1m1.5s"),
        (100, "1m40s"),
    ],
)
def test_a_duration_is_shown_with_units(amount: float, expected: str) -> None:
    assert format_duration(amount) == expected


@given(st.integers(min_value=0, max_value=3650 * 86_400_000))
def test_a_shown_duration_reads_as_the_same(milliseconds: int) -> None:
    amount = milliseconds / 1000
    assert parse_duration(format_duration(amount)) == amount


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (512, 512),
        (0, 0),
        ("512", 512),
        ("7B", 7),
        ("64KiB", 65536),
        ("1.5KiB", 1536),
        ("10MB", 10_000_000),
        ("10kB", 10_000),
        ("10KB", 10_000),
        ("2GiB", 2 * 2**30),
        ("1TB", 10**12),
    ],
)
def test_a_size_is_read_in_octets(value: object, octets: int) -> None:
    assert parse_size(value) == octets


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("64k", "must be a size such as 512, 64KiB or 10MB", "did you mean 64KiB?"),
        ("10 mb", "must be a size such as 512, 64KiB or 10MB", "did you mean 10MiB?"),
        ("1Gb", "must be a size such as 512, 64KiB or 10MB", "did you mean 1GiB?"),
        ("5x", "must be a size such as 512, 64KiB or 10MB", "the units are B, KiB, MiB, GiB, TiB, KB, MB, GB and TB"),
        ("", "must be a size such as 512, 64KiB or 10MB", "the units are B, KiB, MiB, GiB, TiB, KB, MB, GB and TB"),
        (1.5, "must be a size such as 512, 64KiB or 10MB", None),
        (True, "must be a size such as 512, 64KiB or 10MB", None),
        (-1, "must not be below zero", None),
        ("1.5B", "is not a whole number of octets", None),
        (2**61, "is too large", "the largest size is 1048576TiB"),
        ("999999999999999TiB", "is too large", "the largest size is 1048576TiB"),
    ],
)
def test_what_is_no_size_is_refused_with_a_remedy(value: object, message: str, hint: str | None) -> None:
    with pytest.raises(SettingError) as refused:
        parse_size(value)
    assert (refused.value.message, refused.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("octets", "expected"), [(0, "0B"), (513, "513B"), (8192, "8KiB"), (10_000_000, "10MB"), (2**40, "1TiB")]
)
def test_a_size_is_shown_in_the_largest_unit_that_divides_it(octets: int, expected: str) -> None:
    assert format_size(octets) == expected


@given(st.integers(min_value=0, max_value=2**50))
def test_a_shown_size_reads_as_the_same(octets: int) -> None:
    assert parse_size(format_size(octets)) == octets


def test_helpers_count_in_1024() -> None:
    assert (kibibytes(8), mebibytes(2)) == (8192, 2_097_152)


class Timer(Settings):
    every: PositiveDuration = seconds(2)
    pause: Duration = seconds(0)
    room: Annotated[PositiveSize | None, OrOff()] = 100
    token: Secret | None = None


def test_settings_hold_plain_numbers_and_show_units() -> None:
    timer = Timer.model_validate({"every": "1m30s", "room": "1KiB", "token": "hush"})
    assert (timer.every, timer.pause, timer.room) == (90.0, 0.0, 1024)
    assert not isinstance(Timer().every, InSeconds)
    assert timer.model_dump(mode="json") == {"every": "1m30s", "pause": "0s", "room": "1KiB", "token": "**********"}


def test_off_means_none_and_is_shown_as_off() -> None:
    timer = Timer.model_validate({"room": "off"})
    assert timer.room is None
    assert timer.model_dump(mode="json")["room"] == "off"


@pytest.mark.parametrize(
    "data", [{"every": "0s"}, {"every": 5}, {"room": None}, {"room": False}, {"room": 0}, {"token": 5}]
)
def test_settings_refuse_what_their_units_refuse(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Timer.model_validate(data)


def test_a_secret_is_never_printed() -> None:
    timer = Timer.model_validate({"token": "hush-hush"})
    assert "hush-hush" not in repr(timer) + str(timer) + timer.model_dump_json()
    assert timer.token is not None
    assert timer.token.get_secret_value() == "hush-hush"
