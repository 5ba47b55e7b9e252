import pytest

from plugins.websocket_batch.pace import Pace

WAIT = 0.1


def batch(pace: Pace, start: float, gap: float, messages: int = 10, enough: int = 10) -> tuple[int, float]:
    """A batch whose messages come `gap` apart from `start` on, read in rounds as the pace says: how often it was read,
    and when it went."""
    arrivals = [start + at * gap for at in range(messages)]
    came, reads, now = start - 0.001, 0, start
    pace.comes(came, now)
    since = due_at = 0.0
    while True:
        if pace.until:
            now = pace.until
        reads += 1
        arrived, pace.came = pace.came or now, 0.0
        if not since:
            since, due_at = arrived, arrived + WAIT
        share = sum(at <= now for at in arrivals) / enough
        assert now < due_at
        if share >= 1.0 or pace.wait(now, since, share, due_at):
            pace.gone(now, since, share)
            return reads, now
        if not pace.until:
            following = [at for at in arrivals if at > now]
            if not following:
                pace.gone(due_at, since, share)
                return reads, due_at
            came, now = now, max(following[0], now + 0.002)


@pytest.mark.parametrize("gap", [0.0, 0.0001])
def test_what_comes_at_once_is_read_at_once(gap: float) -> None:
    pace = Pace(WAIT)
    for at in range(10):
        reads, gone = batch(pace, 100.0 + at, gap)
        assert reads <= 2
        assert gone < 100.03 + at


@pytest.mark.parametrize("gap", [0.001, 0.003, 0.009])
def test_what_comes_one_by_one_is_soon_read_once_for_most_batches(gap: float) -> None:
    pace = Pace(WAIT)
    found = [batch(pace, 100.0 + at, gap) for at in range(60)]
    reads = [reads for reads, _ in found[2:]]
    assert sum(reads) < 1.4 * len(reads)
    assert max(gone - 100.0 - at for at, (_, gone) in enumerate(found)) <= WAIT
    if gap < 0.005:
        assert sum(gone - 100.0 - at for at, (_, gone) in enumerate(found)) < 1.4 * 9 * gap * len(found) + 0.3


def test_a_message_alone_is_read_when_its_time_is_nearly_up() -> None:
    pace = Pace(WAIT)
    batch(pace, 100.0, 0.0, messages=1)
    reads, gone = batch(pace, 101.0, 0.0, messages=1)
    assert reads == 1
    assert 101.08 < gone < 101.1


def test_one_batch_that_takes_longer_than_usual_changes_nothing_two_do() -> None:
    pace = Pace(WAIT)
    batch(pace, 99.0, 0.0)
    batch(pace, 100.0, 0.0, messages=1)
    assert batch(pace, 101.0, 0.0) == (1, 101.0)
    batch(pace, 102.0, 0.0, messages=1)
    batch(pace, 103.0, 0.0, messages=1)
    _, gone = batch(pace, 104.0, 0.0)
    assert gone > 104.05


def test_bursts_after_single_messages_are_read_at_once_again_before_long() -> None:
    pace = Pace(WAIT)
    for at in range(5):
        batch(pace, 100.0 + at, 0.0, messages=1)
    for at in range(20):
        _, gone = batch(pace, 200.0 + at, 0.0)
    assert gone == 219.0


def test_who_always_waits_rests_from_the_first_message_on() -> None:
    pace = Pace(WAIT, WAIT)
    assert batch(pace, 100.0, 0.001, enough=1000)[0] == 1


def test_no_rest_is_long_whatever_the_messages_may_wait() -> None:
    pace = Pace(10.0, 10.0)
    pace.comes(100.0, 100.0)
    assert pace.until == 100.25
    pace.wait(100.25, 100.0, 0.1, 110.0)
    assert pace.until == 100.5


def test_what_was_there_before_a_read_has_waited_since_the_look_before_it() -> None:
    pace = Pace(WAIT, WAIT)
    pace.comes(99.998, 100.0)
    assert pace.came == 99.998
    pace.wait(100.2, 100.19, 0.1, 100.3)
    assert pace.until
    assert pace.came == 100.2
    pace.vain(100.28, 100.4)
    assert pace.came == 0.0


def test_what_is_left_of_a_batch_waits_for_company_that_comes_in_time() -> None:
    pace = Pace(WAIT)
    batch(pace, 100.0, 0.003)
    pace.comes(101.0, 101.0)
    pace.gone(pace.until, 101.0, 1.2)
    assert not pace.leave(101.04, 0.2, 101.1)
    assert 101.05 < pace.until < 101.1
    assert pace.leave(101.08, 0.2, 101.1)


def test_what_is_left_again_and_again_without_company_goes_along_for_a_while() -> None:
    pace = Pace(WAIT)
    pace.gone(100.0, 100.0, 1.2)
    assert not pace.leave(100.0, 0.2, 100.1)
    pace.gone(100.097, 100.0, 0.2)
    went = []
    for at in range(30):
        pace.gone(101.0 + at, 101.0 + at, 1.2)
        went.append(pace.leave(101.0 + at, 0.2, 101.1 + at))
        pace.gone(101.0 + at, 101.0 + at, 1.0)
    assert went[:20] == [True] * 20
    assert not all(went)


def test_nothing_in_a_rest_goes_when_its_time_is_nearly_up() -> None:
    pace = Pace(WAIT)
    assert not pace.vain(100.0, 100.05)
    assert pace.vain(100.04, 100.05)
    assert pace.until == 0.0
