import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.warming.cursor import Cursor, CursorError, Tracker

URLS = [f"http://a/{number}" for number in range(10)]


def test_a_cursor_is_written_and_read() -> None:
    cursor = Cursor.of(URLS, 4)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "4", "4-", "-1-" + "0" * 32, "4-" + "g" * 32, "9999999999-" + "0" * 32])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.parse(text)


def test_a_cursor_fits_lists_that_begin_with_what_was_done() -> None:
    cursor = Cursor.of(URLS, 4)
    assert cursor.fits(URLS)
    assert cursor.fits([*URLS[:4], "http://other/"])
    assert not cursor.fits(URLS[:3])
    assert not cursor.fits(["http://new/", *URLS])


@given(st.permutations(range(10)), st.integers(0, 10))
def test_the_cursor_stands_behind_the_first_gapless_ones(order: list[int], count: int) -> None:
    tracker = Tracker(URLS)
    done = order[:count]
    for index in done:
        tracker.done(index)
    expected = next((index for index in range(10) if index not in done), 10)
    assert tracker.position == expected
    assert tracker.cursor == Cursor.of(URLS, expected)
    assert [tracker.is_done(index) for index in range(10)] == [index in done for index in range(10)]


def test_it_goes_on_where_a_cursor_was() -> None:
    tracker = Tracker(URLS, 4)
    tracker.done(4)
    assert tracker.cursor == Cursor.of(URLS, 5)
