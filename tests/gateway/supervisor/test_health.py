from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import HealthSettings
from gateway.supervisor.health import Judge, is_expected


def settings(**more: Any) -> HealthSettings:
    return HealthSettings.model_validate({"path": "/healthz", "rise": 2, "fall": 3, **more})


def believed(checks: str, rules: HealthSettings) -> str:
    """What is believed after each check: `+` for good, `-` for bad."""
    judge = Judge()
    said = ""
    for check in checks:
        judge.hear(check == "+", "", rules)
        said += "+" if judge.is_healthy else "-"
    return said


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("+--+--+", "+++++++"),
        ("+---", "+++-"),
        ("+---+-++", "+++----+"),
        ("-", "-"),
        ("-++", "--+"),
        ("++++", "++++"),
    ],
)
def test_as_many_checks_as_asked_for_must_agree_but_the_first_decides_alone(checks: str, said: str) -> None:
    assert believed(checks, settings()) == said


def test_only_a_change_of_mind_is_news() -> None:
    judge, rules = Judge(), settings(fall=1, rise=1)
    assert [judge.hear(good, "", rules) for good in (True, False, False, True)] == [False, True, False, True]


def test_doubt_lasts_until_the_checks_agree() -> None:
    judge, rules = Judge(), settings()
    doubts = []
    for good in (True, False, False, False, True, True):
        judge.hear(good, "", rules)
        doubts.append(judge.is_in_doubt)
    assert doubts == [False, True, True, False, True, False]


def test_in_doubt_it_is_checked_more_often_but_never_less() -> None:
    judge = Judge()
    judge.hear(True, "", settings())
    judge.hear(False, "", settings())
    assert judge.pause(settings(every="5s", recheck="1s", jitter=0), 0.3) == 1
    assert judge.pause(settings(every="5s", recheck="1m", jitter=0), 0.3) == 5


@given(st.floats(0, 1), st.floats(0, 1))
def test_pauses_differ_by_no_more_than_the_jitter(jitter: float, chance: float) -> None:
    pause = Judge().pause(settings(every="10s", jitter=jitter), chance)
    assert 10 * (1 - jitter) - 1e-9 <= pause <= 10 * (1 + jitter) + 1e-9


@given(st.text("+-", min_size=1), st.integers(1, 4), st.integers(1, 4))
def test_a_change_needs_as_many_checks_in_a_row_as_asked_for(checks: str, rise: int, fall: int) -> None:
    said = believed(checks, settings(rise=rise, fall=fall))
    for at in range(1, len(checks)):
        if said[at] != said[at - 1]:
            needed = rise if said[at] == "+" else fall
            assert checks[at + 1 - needed : at + 1] == said[at] * needed


@pytest.mark.parametrize(("status", "expected"), [(200, True), (299, True), (302, True), (303, False), (500, False)])
def test_an_answer_must_have_an_expected_status(status: int, expected: bool) -> None:
    assert is_expected(status, settings(status=["2xx", "300-302"])) is expected
