from collections.abc import Sequence

from gateway.tiers.redis_echoes import LATE, MOST, Echoes


class Case:
    def __init__(self) -> None:
        self.changed: list[Sequence[bytes]] = []
        self.echoes = Echoes(self.changed.append)

    def write(self, told: int, *, changed: bool = True, was_late: bool = False, now: float = 0.0) -> None:
        """A script during which the key was told of so many times."""
        echo = self.echoes.expect(b"k")
        for _ in range(told):
            assert not self.echoes.is_foreign(b"k", now)
        self.echoes.settle(b"k", echo, now, changed=changed, was_late=was_late)


def test_what_somebody_else_changes_is_foreign() -> None:
    assert Case().echoes.is_foreign(b"k", 0.0)


def test_the_echo_of_an_own_change_is_not_whenever_it_comes() -> None:
    case = Case()
    case.write(told=1)
    assert case.echoes.is_foreign(b"k", 0.0)
    case.write(told=0)
    assert not case.echoes.is_foreign(b"k", LATE / 2)
    assert case.echoes.is_foreign(b"k", LATE / 2)
    assert case.changed == []


def test_more_than_an_echo_is_somebody_else() -> None:
    case = Case()
    case.write(told=2)
    assert case.changed == [[b"k"]]


def test_a_script_that_changed_nothing_has_no_echo() -> None:
    case = Case()
    case.write(told=0, changed=False)
    assert case.echoes.is_foreign(b"k", 0.0)
    assert case.changed == []
    case.write(told=1, changed=False)
    assert case.changed == [[b"k"]]


def test_who_came_too_late_hears_of_it() -> None:
    case = Case()
    case.write(told=0, changed=False, was_late=True)
    assert case.changed == [[b"k"]]


def test_an_echo_that_never_came_hides_nothing_for_long() -> None:
    case = Case()
    case.write(told=0, now=1.0)
    assert case.echoes.is_foreign(b"k", 1.1 + LATE)
    case.write(told=0, now=5.0)
    case.echoes.forget()
    assert case.echoes.is_foreign(b"k", 5.0)


def test_what_is_remembered_is_bounded() -> None:
    case = Case()
    for number in range(MOST + 10):
        echo = case.echoes.expect(b"%d" % number)
        case.echoes.settle(b"%d" % number, echo, 0.0, changed=True, was_late=False)
    assert case.echoes.is_foreign(b"0", 0.0)
    assert not case.echoes.is_foreign(b"20", 0.0)
