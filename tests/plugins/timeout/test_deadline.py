import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import WallTime
from gateway.http.fields import is_field_value
from plugins.timeout.deadline import read, write
from plugins.timeout.settings import Format

NOW = WallTime(1_700_000_000.0)


@pytest.mark.parametrize(
    ("form", "value", "left"),
    [
        (Format.MILLISECONDS, b"250", 0.25),
        (Format.MILLISECONDS, b"0", 0.0),
        (Format.MILLISECONDS, b"1.5", 0.0015),
        (Format.SECONDS, b"2.5", 2.5),
        (Format.SECONDS, b"30", 30.0),
        (Format.GRPC, b"250m", 0.25),
        (Format.GRPC, b"2S", 2.0),
        (Format.GRPC, b"1M", 60.0),
        (Format.GRPC, b"1H", 3600.0),
        (Format.GRPC, b"99999999n", 0.099999999),
        (Format.UNIX, b"1700000002.5", 2.5),
        (Format.UNIX, b"1699999999", -1.0),
    ],
)
def test_each_form_is_read(form: Format, value: bytes, left: float) -> None:
    assert read(value, form, NOW) == pytest.approx(left)


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize(
    "value", [b"", b"-1", b"soon", b"1e9", b"inf", b"nan", b"1,2", b" 1", b"+1", b"1_0", b"9" * 13, b"1.", b"5x"]
)
def test_what_is_not_of_the_form_says_nothing(form: Format, value: bytes) -> None:
    assert read(value, form, NOW) is None


@given(st.floats(min_value=-10, max_value=86400), st.sampled_from(Format))
def test_what_is_written_is_read_again_and_never_more_than_there_is(left: float, form: Format) -> None:
    value = write(left, form, NOW)
    assert is_field_value(value)
    found = read(value, form, NOW)
    assert found is not None
    assert found <= max(left, 0.0) + 1e-6
    assert found >= left - 0.0011


def test_a_long_time_fits_into_the_eight_digits_of_grpc() -> None:
    assert write(86400 * 30.0, Format.GRPC, NOW) == b"2592000S"
