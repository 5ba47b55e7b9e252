from gateway.http.memo import LONGEST, MOST, Memo


def test_a_value_is_read_once() -> None:
    read: list[bytes] = []

    def make(value: bytes) -> bytes:
        read.append(value)
        return value.upper()

    memo: Memo[bytes, bytes] = Memo(make)
    assert [memo[b"a"], memo[b"a"], memo[b"b"]] == [b"A", b"A", b"B"]
    assert read == [b"a", b"b"]


def test_a_reading_may_be_none() -> None:
    read: list[str] = []

    def make(value: str) -> None:
        read.append(value)

    memo: Memo[str, None] = Memo(make)
    assert memo["a"] is memo["a"] is None
    assert read == ["a"]


def test_long_values_are_read_but_not_kept() -> None:
    memo: Memo[bytes, int] = Memo(len)
    assert memo[b"x" * (LONGEST + 1)] == LONGEST + 1
    assert not memo
    assert memo[b"x" * LONGEST] == LONGEST
    assert len(memo) == 1


def test_there_are_never_more_than_it_has_room_for() -> None:
    memo: Memo[str, int] = Memo(int)
    for number in range(3 * MOST):
        assert memo[str(number)] == number
        assert len(memo) <= MOST
    assert memo[str(3 * MOST - 1)] == 3 * MOST - 1
