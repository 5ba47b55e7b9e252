import pytest

from plugins.idempotency.policy import Policy, judge
from plugins.idempotency.reasons import IdempotencyReason
from plugins.idempotency.record import Answer, Record
from plugins.idempotency.settings import IdempotencySettings


def keeps(status: int, **settings: object) -> bool:
    return Policy(IdempotencySettings.model_validate(settings)).keeps(status)


@pytest.mark.parametrize(
    ("status", "kept"),
    [(200, True), (201, True), (302, True), (400, True), (402, True), (409, True), (101, False)]
    + [(status, False) for status in (408, 425, 429, 500, 503, 599)],
)
def test_what_another_try_may_change_is_not_kept(status: int, kept: bool) -> None:
    assert keeps(status) == kept


def test_errors_are_kept_where_the_settings_say_so() -> None:
    assert keeps(500, discard=[])
    assert not keeps(404, discard=["4xx", 500])
    assert keeps(501, discard=["4xx", 500])


def test_the_same_request_gets_the_answer_and_another_one_does_not() -> None:
    answered, without = Record(b"f", Answer(200, None, (), b"")), Record(b"f", None)
    assert judge(answered, b"f") is IdempotencyReason.REPLAYED
    assert judge(answered, b"g") is IdempotencyReason.MISMATCH
    assert judge(without, b"f") is IdempotencyReason.GONE
    assert judge(without, b"g") is IdempotencyReason.MISMATCH
