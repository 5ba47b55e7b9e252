from gateway.api import WallTime
from plugins.cache.refreshes import MOST_RESTING, REST_SECONDS, Refreshes

MARK = (b"http://shop.example/", b"")
OTHER = (b"http://shop.example/", b"accept=text/html")


def at(seconds: float) -> WallTime:
    return WallTime(1000 + seconds)


def test_one_refreshes_and_nobody_else_until_it_is_over() -> None:
    refreshes = Refreshes(())
    assert refreshes.begin(MARK, at(0))
    assert not refreshes.begin(MARK, at(1e6))
    assert refreshes.begin(OTHER, at(0))
    refreshes.end(MARK, at(1), in_vain=False)
    assert refreshes.begin(MARK, at(1))


def test_an_attempt_in_vain_is_followed_by_a_rest() -> None:
    refreshes = Refreshes(())
    refreshes.begin(MARK, at(0))
    refreshes.end(MARK, at(5), in_vain=True)
    assert not refreshes.begin(MARK, at(5 + REST_SECONDS / 2))
    assert refreshes.begin(MARK, at(5 + REST_SECONDS))


def test_what_is_on_its_way_is_not_asked_for_again() -> None:
    filling = {MARK}
    refreshes = Refreshes(filling)
    assert not refreshes.begin(MARK, at(0))
    assert refreshes.begin(OTHER, at(0))
    filling.clear()
    assert refreshes.begin(MARK, at(0))


def test_a_fill_that_outlasts_its_refresh_still_counts() -> None:
    filling: set[tuple[bytes, bytes]] = set()
    refreshes = Refreshes(filling)
    refreshes.begin(MARK, at(0))
    filling.add(MARK)
    refreshes.end(MARK, at(1), in_vain=False)
    assert not refreshes.begin(MARK, at(2))


def test_those_that_rest_are_bounded_and_those_under_way_are_kept() -> None:
    refreshes = Refreshes(())
    refreshes.begin(MARK, at(0))
    for number in range(MOST_RESTING + 2):
        mark = (b"%d" % number, b"")
        refreshes.begin(mark, at(0))
        refreshes.end(mark, at(0), in_vain=True)
    assert not refreshes.begin(MARK, at(0))
    assert refreshes.begin((b"1", b""), at(0.1))
