from typing import Any

from gateway.redis.telling import QUIET, Teller, remedy


class Log:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def warning(self, text: str, **more: Any) -> None:
        self.said.append(("warning", text))

    def info(self, text: str, **more: Any) -> None:
        self.said.append(("info", text))


class Case:
    def __init__(self) -> None:
        self.now = 1000.0
        self.log = Log()
        self.teller = Teller(self.log, lambda: self.now)


def test_that_it_went_and_came_back_is_said_once() -> None:
    case = Case()
    for _ in range(100):
        case.teller.down("refused")
    case.teller.up()
    case.teller.up()
    assert [level for level, _ in case.log.said] == ["warning", "info"]


def test_one_that_comes_and_goes_floods_nothing() -> None:
    case = Case()
    for _ in range(1000):
        case.teller.down("slow")
        case.teller.up()
        case.now += QUIET / 1000
    assert len(case.log.said) <= 4


def test_another_reason_is_said_after_a_while() -> None:
    case = Case()
    case.teller.down("refused")
    case.now += QUIET
    case.teller.down("refused")
    assert len(case.log.said) == 1
    case.teller.down("another")
    assert len(case.log.said) == 2


def test_an_end_that_is_meant_is_not_said() -> None:
    case = Case()
    case.teller.is_quiet = True
    case.teller.down("closed")
    assert case.log.said == []


def test_a_refusal_says_what_to_do() -> None:
    assert "redis.password" in remedy("NOAUTH Authentication required.")["remedy"]
    assert "redis.password" in remedy("WRONGPASS invalid username-password pair")["remedy"]
    assert remedy("[Errno 111] Connection refused") == {}
