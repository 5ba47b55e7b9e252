from collections.abc import Sequence

from gateway.tiers.redis_unanswered import MOST, Unanswered


def test_names_are_told_once_it_answers_again() -> None:
    told: list[Sequence[bytes] | None] = []
    unanswered = Unanswered(told.append)
    assert not unanswered
    unanswered.flush()
    unanswered.note(b"a")
    unanswered.note(b"b")
    unanswered.note(b"a")
    assert unanswered
    unanswered.flush()
    unanswered.flush()
    assert told == [[b"a", b"b"]]


def test_with_too_many_everything_is_doubtful() -> None:
    told: list[Sequence[bytes] | None] = []
    unanswered = Unanswered(told.append)
    for number in range(MOST + 100):
        unanswered.note(b"%d" % number)
    unanswered.flush()
    assert told == [None]
