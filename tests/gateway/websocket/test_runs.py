from hypothesis import given
from hypothesis import strategies as st

from gateway.websocket.runs import read_run, walk
from tests.support.frames import frame

MOST = 1 << 16
_TEXTS = st.tuples(st.just(1), st.text(max_size=80).map(str.encode))
_LONG = st.tuples(st.just(1), st.integers(100, 400).map(lambda size: b"\xc3\xa9" * size))
_BINARIES = st.tuples(st.just(2), st.binary(max_size=200))
_MESSAGES = st.lists(st.one_of(_TEXTS, _LONG, _BINARIES), max_size=20)


def wire(messages: list[tuple[int, bytes]]) -> bytes:
    return b"".join(frame(opcode, payload, masked=False) for opcode, payload in messages)


def opened(records: bytes | bytearray) -> list[tuple[int, bytes]]:
    """The messages in records."""
    found, begin = [], 0
    for end, size in walk(records):
        found.append((records[begin] + 1, bytes(records[end - size : end])))
        begin = end
    return found


@given(_MESSAGES, st.binary(max_size=3))
def test_a_run_holds_all_whole_messages_as_they_came(messages: list[tuple[int, bytes]], more: bytes) -> None:
    data = wire(messages)
    run = read_run(data + b"\x81\x7d" + more, MOST)
    if run is None:
        assert not messages
        return
    assert opened(run.records) == messages
    assert run.size == len(data)
    assert (run.messages, run.octets) == (len(messages), sum(len(payload) for _, payload in messages))
    assert run.binaries == sum(opcode == 2 for opcode, _ in messages)
    assert not run.step or {len(payload) + 2 for _, payload in messages} == {run.step}


@given(_MESSAGES, st.integers(0, 10_000))
def test_what_is_cut_off_is_left(messages: list[tuple[int, bytes]], at: int) -> None:
    data = wire(messages)[:at]
    run = read_run(data, MOST)
    whole = opened(run.records) if run is not None else []
    assert whole == messages[: len(whole)]
    assert len(wire(messages[: len(whole)])) == (run.size if run is not None else 0)
    assert len(whole) == len(messages) or len(wire(messages[: len(whole) + 1])) > len(data)


def test_messages_of_one_length_are_a_run_like_any_other() -> None:
    messages = [(1, b"%03d" % at) for at in range(300)]
    run = read_run(wire(messages), MOST)
    assert run is not None
    assert opened(run.records) == messages
    deceiving = [(1, b"\x81\x03a"), (1, b"\x81\x03b")]
    assert read_run(wire(deceiving), MOST) is None


def test_text_that_is_no_utf8_wherever_it_stands_needs_a_closer_look() -> None:
    for bad in (b"\xff", b"\xc3", b"x" * 200 + b"\xff"):
        for before, after in (([], []), ([(1, b"a")], []), ([(2, b"\xff")], [(1, b"b")]), ([], [(1, b"\xa9")])):
            assert read_run(wire([*before, (1, bad), *after]), MOST) is None


def test_no_character_reaches_from_one_message_into_the_next() -> None:
    assert read_run(wire([(1, b"a\xc3"), (1, b"\xa9a")]), MOST) is None
    assert read_run(wire([(1, "é".encode()), (1, "é".encode())]), MOST) is not None


def test_everything_else_ends_a_run() -> None:
    for other in (
        frame(9, b"ping", masked=False),
        frame(8, b"", masked=False),
        frame(1, b"part", fin=False, masked=False),
        frame(0, b"part", masked=False),
        frame(1, b"x", rsv=4, masked=False),
        frame(1, b"masked"),
        frame(1, b"x" * 5, width=2, masked=False),
        frame(1, b"x" * 200, width=8, masked=False),
        frame(2, b"x" * 70_000, masked=False),
    ):
        assert read_run(other, MOST) is None
        run = read_run(wire([(1, b"a"), (2, b"b")]) + other + wire([(1, b"c")]), MOST)
        assert run is not None
        assert opened(run.records) == [(1, b"a"), (2, b"b")]


def test_a_message_above_the_limit_is_in_no_run() -> None:
    assert read_run(wire([(1, b"x" * 1001)]), 1000) is None
    assert read_run(wire([(1, b"x" * 1000)]), 1000) is not None


def test_records_of_any_length_are_walked() -> None:
    records = b"\x01\x80\x80\x04" + bytes(65536) + b"\x00\x01a"
    assert list(walk(records)) == [(65540, 65536), (65543, 1)]
    assert list(walk(records, 65540)) == [(65543, 1)]
