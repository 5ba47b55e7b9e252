import pytest

from plugins.rate_limit.rate import parse_rate


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10/s", (10, 1)),
        ("100/m", (100, 60)),
        ("1000/h", (1000, 3600)),
        ("5000/d", (5000, 86400)),
        ("20/30s", (20, 30)),
        ("1/366d", (1, 366 * 86400)),
    ],
)
def test_a_rate_is_a_number_in_a_time(text: str, meant: tuple[int, int]) -> None:
    assert parse_rate(text) == meant


@pytest.mark.parametrize("text", ["", "10", "0/s", "10/", "10/0s", "1.5/s", "10/ms", "-1/s", "10 / s", "1/367d", "١/s"])
def test_what_is_no_rate_is_refused_with_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a rate|has a window"):
        parse_rate(text)
