import pytest

from gateway.http.flow import NO_SOURCE, call_all


def test_a_call_that_fails_keeps_no_other_from_being_made() -> None:
    heard: list[str] = []

    def fails(word: str) -> None:
        heard.append("failed")
        raise ValueError(word)

    with pytest.raises(ValueError, match="word"):
        call_all([heard.append, fails, heard.append], "word")
    assert heard == ["word", "failed", "word"]


def test_the_first_of_several_failures_is_raised() -> None:
    def first(_: int) -> None:
        raise KeyError

    def second(_: int) -> None:
        raise ValueError

    with pytest.raises(KeyError):
        call_all([first, second], 1)


def test_a_stream_without_a_source_says_that_nothing_will_come() -> None:
    with pytest.raises(RuntimeError, match="without a source"):
        NO_SOURCE.waiter()
