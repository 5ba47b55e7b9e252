from plugins.websocket_batch.pace import Pace


def batch(pace: Pace, start: float, pieces: int, gap: float, wait: float = 0.1) -> float:
    """A batch that comes in so many pieces; when it went."""
    since = now = pace.begin(start) if pieces else start
    pace.reads += 1
    for at in range(1, pieces):
        pace.reads += 1
        pace.wait(now, 1.0 - at / pieces, since + wait)
        now = start + at * gap
    pace.gone(now, since, 1.0)
    return now


def test_what_comes_in_one_piece_is_read_as_it_comes() -> None:
    pace = Pace(0.1)
    for at in range(5):
        batch(pace, 100.0 + at, 1, 0.0)
        batch(pace, 100.5 + at, 2, 0.001)
        assert pace.until == 0.0


def test_a_steady_flow_rests_for_as_long_as_the_last_batches_took() -> None:
    pace = Pace(0.1)
    now = batch(pace, 100.0, 10, 0.005)
    since = pace.begin(now + 0.005)
    pace.reads = 1
    assert not pace.wait(since, 0.9, since + 0.1)
    assert 0.03 < pace.until - since < 0.06


def test_no_rest_lasts_until_the_time_of_a_batch_is_up() -> None:
    pace = Pace(0.1)
    now = batch(pace, 100.0, 10, 0.010)
    since = pace.begin(now + 0.010)
    pace.reads = 1
    pace.wait(since, 0.99, since + 0.1)
    assert since + 0.08 < pace.until < since + 0.1
    assert pace.wait(pace.until, 0.2, since + 0.1)


def test_while_batches_follow_each_other_the_next_begins_with_a_rest_and_has_waited_since_then() -> None:
    pace = Pace(0.1)
    now = batch(pace, 100.0, 10, 0.010)
    since = pace.begin(now + 0.010)
    pace.reads = 1
    pace.wait(since, 0.9, since + 0.1)
    gone = pace.until
    pace.reads += 1
    pace.gone(gone, since, 1.0)
    assert gone < pace.until < gone + 0.1
    assert pace.begin(pace.until) == gone


def test_what_comes_after_a_rest_without_anything_has_not_waited() -> None:
    pace = Pace(0.1)
    now = batch(pace, 100.0, 10, 0.010)
    since = pace.begin(now + 0.010)
    pace.reads = 1
    pace.wait(since, 0.9, since + 0.1)
    pace.reads += 1
    pace.gone(pace.until, since, 1.0)
    assert pace.begin(200.0) == 200.0


def test_a_rest_in_vain_is_the_last() -> None:
    pace = Pace(0.1)
    batch(pace, 100.0, 10, 0.010)
    since = pace.begin(105.0)
    pace.reads = 1
    pace.wait(since, 0.9, since + 0.1)
    assert pace.until > since
    pace.gone(since + 0.1, since, 0.1)
    since = pace.begin(110.0)
    pace.reads = 1
    pace.wait(since, 0.9, since + 0.1)
    assert pace.until == 0.0


def test_a_flow_too_fast_to_rest_is_read_on() -> None:
    pace = Pace(0.1)
    now = batch(pace, 100.0, 10, 0.0001)
    since = pace.begin(now + 0.0001)
    pace.reads = 1
    pace.wait(since, 0.9, since + 0.1)
    assert pace.until == 0.0


def test_no_rest_is_long_whatever_the_messages_may_wait() -> None:
    pace = Pace(10.0)
    now = batch(pace, 100.0, 10, 0.5, wait=10.0)
    since = pace.begin(now + 0.5)
    pace.reads = 1
    pace.wait(since, 0.9, since + 10.0)
    assert pace.until == since + 0.25
