import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.warming.inflating import Inflating, TooMuchError

TEXT = b"<urlset/>" * 1000


def inflated(data: bytes, step: int = 7, limit: int = 1 << 20) -> bytes:
    inflating = Inflating(limit)
    found = [piece for begin in range(0, len(data), step) for piece in inflating.feed(data[begin : begin + step])]
    return b"".join(found) + inflating.finish()


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_gzip_and_plain_content_are_told_apart(step: int) -> None:
    assert inflated(gzip.compress(TEXT), step) == TEXT
    assert inflated(TEXT, step) == TEXT
    assert inflated(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0", step) == b"ab"


@pytest.mark.parametrize("text", [b"", b"\x1f", b"<"])
def test_very_little_is_plain(text: bytes) -> None:
    assert inflated(text) == text


def test_a_little_gzip_that_becomes_very_much_is_stopped_early() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    sizes: list[int] = []
    with pytest.raises(TooMuchError):
        sizes.extend(len(piece) for piece in Inflating(1 << 20).feed(bomb))
    assert 0 < max(sizes) <= 256 * 1024


def test_plain_content_has_the_same_bound() -> None:
    with pytest.raises(TooMuchError):
        inflated(TEXT, limit=len(TEXT) - 1)
    assert inflated(TEXT, limit=len(TEXT)) == TEXT


@pytest.mark.parametrize("cut", [3, 15, 40])
def test_gzip_that_was_cut_short_is_broken(cut: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        inflated(gzip.compress(TEXT)[:cut])


@given(st.binary(max_size=200))
def test_any_octets_become_content_or_an_error(data: bytes) -> None:
    try:
        inflated(b"\x1f\x8b" + data, step=3)
    except ValueError:
        pass
