import pytest

from gateway.redis.errors import NOT_NOW, RedisDownError, RedisError, RedisReplyError


@pytest.mark.parametrize(
    ("said", "kind"), [("WRONGTYPE Operation", "WRONGTYPE"), ("MOVED 12 a:1", "MOVED"), ("ERR", "ERR"), ("", "")]
)
def test_the_kind_of_a_refusal_is_its_first_word(said: str, kind: str) -> None:
    assert RedisReplyError(said).kind == kind


def test_both_ways_to_fail_can_be_caught_as_one() -> None:
    assert issubclass(RedisDownError, RedisError)
    assert issubclass(RedisReplyError, RedisError)


def test_a_server_that_loads_is_not_one_that_refuses_for_good() -> None:
    assert "LOADING" in NOT_NOW
    assert "OOM" not in NOT_NOW
