import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.health import EjectionSettings
from gateway.upstream.ejection import Ejection, EjectionReason, Outcome, Record, outcome_of

NOW = 1000.0


def ejection(**settings: Any) -> Ejection:
    return Ejection(EjectionSettings.model_validate(settings), NOW)


def group(count: int = 4) -> list[Record]:
    return [Record() for _ in range(count)]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SUCCESS),
        (404, Outcome.SUCCESS),
        (429, Outcome.SUCCESS),
        (500, Outcome.ERROR),
        (501, Outcome.ERROR),
        (502, Outcome.FAILURE),
        (503, Outcome.FAILURE),
        (504, Outcome.FAILURE),
    ],
)
def test_what_a_status_says_about_its_server(status: int, outcome: Outcome) -> None:
    assert outcome_of(status) is outcome


def test_failures_in_a_row_are_a_reason() -> None:
    rules, record = ejection(failures=3), Record()
    assert [rules.note(record, Outcome.FAILURE) for _ in range(3)] == [None, None, EjectionReason.FAILURES]


def test_a_success_between_them_begins_the_count_anew() -> None:
    rules, record = ejection(failures=2, errors=3), Record()
    for outcome in (Outcome.FAILURE, Outcome.SUCCESS, Outcome.FAILURE, Outcome.SUCCESS) * 5:
        assert rules.note(record, outcome) is None


def test_errors_count_apart_from_failures_but_failures_are_errors() -> None:
    rules, record = ejection(failures=3, errors=4), Record()
    outcomes = (Outcome.FAILURE, Outcome.FAILURE, Outcome.ERROR, Outcome.FAILURE)
    assert [rules.note(record, outcome) for outcome in outcomes] == [None, None, None, EjectionReason.ERRORS]


def test_what_is_off_is_no_reason() -> None:
    rules, record = ejection(failures="off", errors="off"), Record()
    assert {rules.note(record, Outcome.FAILURE) for _ in range(100)} == {None}


def test_each_ejection_is_longer_than_the_last_up_to_a_bound() -> None:
    rules, records = ejection(time="10s", max_time="25s"), group()
    lengths, now = [], NOW
    for _ in range(4):
        seconds = rules.eject(records[0], records, now)
        assert seconds is not None
        lengths.append(seconds)
        now = records[0].ejected_until
    assert lengths == [10, 20, 25, 25]


def test_good_conduct_is_rewarded() -> None:
    rules, records = ejection(time="10s"), group()
    for _ in range(3):
        rules.eject(records[0], records, max(NOW, records[0].ejected_until))
    assert rules.eject(records[0], records, records[0].ejected_until + 25) == 20
    assert rules.eject(records[0], records, records[0].ejected_until + 1000) == 10


def test_a_server_that_is_out_is_not_put_out_again() -> None:
    rules, records = ejection(), group()
    rules.eject(records[0], records, NOW)
    assert rules.eject(records[0], records, NOW + 1) is None


@given(
    st.integers(1, 12),
    st.floats(0, 1),
    st.lists(st.tuples(st.integers(0, 11), st.floats(0, 30)), max_size=60),
)
def test_never_more_than_the_share_are_out_and_never_the_only_one(
    count: int, share: float, attempts: list[tuple[int, float]]
) -> None:
    rules, records, now = ejection(max_share=share), group(count), NOW
    for index, pause in attempts:
        now += pause
        rules.eject(records[index % count], records, now)
        out = sum(record.ejected_until > now for record in records)
        assert out <= share * count
        assert count > 1 or out == 0


class TestDeviation:
    def judged(self, *shares: float, requests: int = 100, **settings: Any) -> list[int]:
        """Numbers of the servers found too bad, worst first, of some with these shares of successes."""
        rules, records = ejection(interval="10s", requests=50, failures="off", errors="off", **settings), group(0)
        for share in shares:
            record = Record()
            for number in range(requests):
                good = number < share * requests
                rules.note(record, Outcome.SUCCESS if good else Outcome.ERROR)
            records.append(record)
        assert rules.outliers(records, NOW + 9.9) == []
        return [records.index(record) for record in rules.outliers(records, NOW + 10)]

    def test_one_that_fails_much_more_often_than_the_others_is_found(self) -> None:
        assert self.judged(0.99, 0.7, 1.0, 0.98) == [1]

    def test_one_of_three_is_found(self) -> None:
        assert self.judged(1.0, 0.5, 0.99) == [1]

    def test_small_differences_are_none(self) -> None:
        assert self.judged(1.0, 0.97, 1.0, 1.0) == []

    def test_when_all_fail_alike_none_is_worse(self) -> None:
        assert self.judged(0.5, 0.48, 0.52, 0.5) == []

    def test_two_cannot_be_compared(self) -> None:
        assert self.judged(1.0, 0.1) == []

    def test_servers_with_few_requests_are_not_judged(self) -> None:
        assert self.judged(1.0, 0.1, 1.0, requests=49) == []

    def test_it_can_be_switched_off(self) -> None:
        assert self.judged(1.0, 0.1, 1.0, deviation="off") == []

    def test_each_interval_begins_anew(self) -> None:
        rules, record = ejection(interval="10s"), Record()
        rules.note(record, Outcome.ERROR)
        rules.outliers([record], NOW + 10)
        assert (record.requests, record.successes) == (0, 0)


def test_a_new_record_is_not_out() -> None:
    assert Record().ejected_until == -math.inf
