import pytest

from gateway.warming.pace import LONGEST_REST, LONGEST_RETRY_AFTER, Bucket, Lane


def test_starts_are_as_far_apart_as_the_rate_says() -> None:
    bucket, now = Bucket(10.0), 100.0
    starts: list[float] = []
    while len(starts) < 30:
        wait = bucket.wait(now)
        if wait == 0:
            bucket.take(now)
            starts.append(now)
        now += max(wait, 0.001)
    assert 2.7 <= starts[-1] - starts[0] <= 3.1


def test_what_was_not_used_is_not_saved_up() -> None:
    bucket = Bucket(100.0)
    bucket.take(0.0)
    at_once = 0
    while bucket.wait(1000.0) == 0:
        bucket.take(1000.0)
        at_once += 1
    assert at_once <= 11


def test_without_a_rate_nothing_waits() -> None:
    bucket = Bucket(None)
    for _ in range(1000):
        bucket.take(0.0)
    assert bucket.wait(0.0) == 0


def test_what_never_came_to_the_origin_is_given_back() -> None:
    bucket = Bucket(1.0)
    bucket.take(100.0)
    bucket.give_back()
    assert bucket.wait(100.0) == 0


def test_so_many_may_be_under_way() -> None:
    lane = Lane(4)
    assert [lane.may_ask(under_way, 0.0) for under_way in (0, 3, 4)] == [True, True, False]


def test_a_failure_is_followed_by_a_rest_that_doubles() -> None:
    lane, now, rests = Lane(8), 0.0, []
    for _ in range(9):
        lane.failed("503", None, now)
        assert not lane.may_ask(0, now)
        rests.append(lane.until - now)
        now = lane.until
        assert lane.may_ask(0, now)
    assert rests[:4] == [0.5, 1.0, 2.0, 4.0]
    assert rests[-1] == LONGEST_REST


def test_failures_that_were_under_way_when_the_rest_began_do_not_count_again() -> None:
    lane = Lane(8)
    for _ in range(8):
        lane.failed("connect", None, 10.0)
    assert (lane.until, lane.allowed) == (10.5, 4.0)


@pytest.mark.parametrize(("said", "rest"), [(7.0, 7.0), (0.0, 0.5), (1e9, LONGEST_RETRY_AFTER)])
def test_retry_after_is_kept_to_within_reason(said: float, rest: float) -> None:
    lane = Lane(8)
    lane.failed("circuit_open", said, 100.0)
    assert (lane.until, lane.why) == (100.0 + rest, "circuit_open")


def test_the_later_of_two_moments_counts() -> None:
    lane = Lane(8)
    lane.failed("first", 9.0, 0.0)
    lane.failed("second", 3.0, 1.0)
    assert (lane.until, lane.why) == (9.0, "first")


def test_an_answer_ends_the_doubling() -> None:
    lane = Lane(8)
    lane.failed("503", None, 0.0)
    lane.failed("503", None, 1.0)
    lane.answered(0.01)
    lane.failed("503", None, 10.0)
    assert lane.until == 10.5


def known(concurrency: int = 8, seconds: float = 0.01) -> Lane:
    lane = Lane(concurrency)
    for _ in range(100):
        lane.answered(seconds)
    return lane


def test_an_origin_that_gets_slow_is_asked_less_at_once_and_more_when_it_recovers() -> None:
    lane = known()
    seen = [lane.allowed]
    for _ in range(60):
        lane.answered(0.3)
    seen.append(lane.allowed)
    for _ in range(100):
        lane.answered(0.01)
    seen.append(lane.allowed)
    assert seen[0] == seen[2] == 8.0
    assert seen[1] <= 2.0


def test_one_slow_answer_is_no_slow_origin() -> None:
    lane = known(seconds=0.1)
    lane.answered(0.5)
    assert not lane.is_slowed


def test_an_origin_that_was_never_fast_is_not_slow() -> None:
    assert not known(seconds=3.0).is_slowed


def test_at_least_one_is_always_asked() -> None:
    lane = known()
    for _ in range(10_000):
        lane.answered(5.0)
        assert lane.may_ask(0, 0.0)
