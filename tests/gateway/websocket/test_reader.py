import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.websocket.deflate import Deflate, Deflater, Inflater
from gateway.websocket.reader import AT_ONCE, Event, FrameReader
from tests.support.frames import close, frame

BIG = 1 << 20


def reader(*, deflate: Deflate | None = None, most: int = BIG, masked: bool = True) -> FrameReader:
    return FrameReader(is_masked=masked, max_message=most, inflater=Inflater(deflate) if deflate else None)


def read(*pieces: bytes, most: int = BIG, deflate: Deflate | None = None) -> tuple[list[Event], int | None]:
    """Events, and the close code if the peer did wrong."""
    machine = reader(most=most, deflate=deflate)
    events = [event for piece in pieces for event in machine.feed(piece)]
    return events, machine.failure.code if machine.failure else None


def test_messages_and_control_frames_come_in_order() -> None:
    sent = frame(1, b"hello") + frame(9, b"?") + frame(2, b"\x00" * 200) + frame(10, b"!") + frame(1, b"")
    assert read(sent) == ([(1, b"hello"), (9, b"?"), (2, b"\x00" * 200), (10, b"!"), (1, b"")], None)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536, 200_000])
@pytest.mark.parametrize("step", [1, 7, 1000, BIG])
def test_every_length_arrives_in_whatever_pieces(size: int, step: int) -> None:
    step = max(step, size // 2000)
    sent = frame(2, bytes(size)) + frame(1, b"after")
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]
    assert read(*pieces) == ([(2, bytes(size)), (1, b"after")], None)


def test_fragments_are_one_message_and_control_frames_pass_between_them() -> None:
    sent = frame(1, b"a", fin=False) + frame(9, b"p") + frame(0, b"b", fin=False) + frame(0) + frame(1, b"next")
    assert read(sent) == ([(9, b"p"), (1, b"ab"), (1, b"next")], None)


def test_nothing_counts_after_a_close() -> None:
    assert read(close(1000) + frame(3, b"x") + frame(1, b"late")) == ([(8, b"\x03\xe8")], None)


WRONG = {
    "unmasked": (frame(1, b"x", masked=False), 1002),
    "rsv1": (frame(1, b"x", rsv=4), 1002),
    "rsv2": (frame(1, b"x", rsv=2), 1002),
    "rsv3": (frame(1, b"x", rsv=1), 1002),
    "rsv on a ping": (frame(9, b"x", rsv=4), 1002),
    "opcode 3": (frame(3), 1002),
    "opcode 7": (frame(7), 1002),
    "opcode 11": (frame(11), 1002),
    "opcode 15": (frame(15), 1002),
    "long ping": (frame(9, bytes(126)), 1002),
    "fragmented ping": (frame(9, fin=False), 1002),
    "continuation of nothing": (frame(0, b"x"), 1002),
    "open continuation of nothing": (frame(0, b"x", fin=False), 1002),
    "message within a message": (frame(1, b"x", fin=False) + frame(1, b"y"), 1002),
    "binary within a text": (frame(1, b"x", fin=False) + frame(2, b"y", fin=False), 1002),
    "length in too many octets": (frame(1, b"x", width=2), 1002),
    "length in far too many octets": (frame(1, bytes(200), width=8), 1002),
    "length above 2^63": (frame(2, announced=1 << 63), 1002),
    "length of 2^62": (frame(2, announced=1 << 62), 1009),
    "not UTF-8": (frame(1, b"\xc3\x28"), 1007),
    "surrogate": (frame(1, b"\xed\xa0\x80"), 1007),
    "overlong": (frame(1, b"\xc0\xaf"), 1007),
    "above the last character": (frame(1, b"\xf4\x90\x80\x80"), 1007),
    "cut character": (frame(1, "κ".encode()[:1]), 1007),
    "cut character in fragments": (frame(1, b"\xce", fin=False) + frame(0), 1007),
    "bad first fragment": (frame(1, b"\xff", fin=False), 1007),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("step", [1, BIG])
def test_a_mistake_ends_the_reading_with_the_right_code_and_what_came_before_counts(name: str, step: int) -> None:
    wrong, code = WRONG[name]
    sent = frame(1, b"fine") + wrong + frame(1, b"late")
    assert read(*(sent[at : at + step] for at in range(0, len(sent), step))) == ([(1, b"fine")], code)


def test_an_upstream_must_not_mask() -> None:
    machine = reader(masked=False)
    assert machine.feed(frame(1, b"x")) == []
    assert machine.failure is not None
    assert machine.failure.code == 1002


def test_a_character_may_be_cut_by_fragments() -> None:
    octets = "κόσμε".encode()
    fragments = [frame(0, octets[at : at + 1], fin=False) for at in range(1, len(octets))]
    sent = frame(1, octets[:1], fin=False) + b"".join(fragments) + frame(0)
    assert read(sent) == ([(1, octets)], None)


def test_a_message_above_the_limit_is_refused_when_it_is_announced() -> None:
    assert read(frame(2, bytes(1000)), most=1000) == ([(2, bytes(1000))], None)
    assert read(frame(2, bytes(1001))[:8], most=1000) == ([], 1009)
    fragments = frame(2, bytes(600), fin=False) + frame(0, bytes(600))[:8]
    assert read(fragments, most=1000) == ([], 1009)


def test_a_million_empty_fragments_end_soon() -> None:
    machine = reader()
    machine.feed(frame(2, b"x", fin=False))
    empty = frame(0, fin=False) * 500
    fed = 0
    while machine.failure is None:
        machine.feed(empty)
        fed += 500
        assert fed <= 1500
    assert machine.failure.code == 1008


def test_a_message_in_crumbs_costs_its_length_and_not_its_pieces() -> None:
    machine = reader()
    tracemalloc.start()
    try:
        machine.feed(frame(2, b"x", fin=False))
        for _ in range(20_000):
            machine.feed(frame(0, b"y", fin=False))
        assert machine.held == 20_001
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_compressed_messages_are_inflated() -> None:
    agreed = Deflate(threshold=0)
    packed = Deflater(agreed).deflate(b"hello " * 100)
    assert packed is not None
    sent = frame(1, packed[:5], rsv=4, fin=False) + frame(9) + frame(0, packed[5:]) + frame(1, b"plain")
    assert read(sent, deflate=agreed) == ([(9, b""), (1, b"hello " * 100), (1, b"plain")], None)


def test_only_the_first_frame_of_a_message_may_say_that_it_is_compressed() -> None:
    assert read(frame(1, b"x", fin=False) + frame(0, b"y", rsv=4), deflate=Deflate()) == ([], 1002)


def test_what_is_no_compressed_data_or_no_text_in_it_is_1007() -> None:
    assert read(frame(1, b"\xff\xff\xff", rsv=4), deflate=Deflate()) == ([], 1007)
    packed = Deflater(Deflate(threshold=0)).deflate(b"\xff\xfe" * 100)
    assert packed is not None
    assert read(frame(1, packed, rsv=4), deflate=Deflate()) == ([], 1007)


def test_a_bomb_is_refused_before_it_has_unfolded() -> None:
    packed = Deflater(Deflate(threshold=0, level=9)).deflate(bytes(50 * BIG))
    assert packed is not None
    sent = frame(2, packed, rsv=4)
    machine = reader(deflate=Deflate())
    tracemalloc.start()
    try:
        assert machine.feed(sent) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert machine.failure is not None
    assert machine.failure.code == 1009
    assert peak < 4 * BIG


def test_many_small_bombs_are_given_out_a_few_at_a_time() -> None:
    packed = Deflater(Deflate(threshold=0)).deflate(bytes(AT_ONCE))
    assert packed is not None
    machine = reader(deflate=Deflate())
    events = machine.feed(frame(2, packed, rsv=4) * 10)
    assert (len(events), machine.more) == (2, True)
    rounds = 1
    while machine.more:
        events += machine.feed(b"")
        rounds += 1
    assert (len(events), rounds) == (10, 5)


MESSAGES = st.lists(st.tuples(st.sampled_from([1, 2]), st.text(max_size=40), st.integers(1, 4)), max_size=8)


@settings(deadline=None)
@given(MESSAGES, st.integers(1, 40))
def test_any_cut_into_fragments_and_pieces_gives_the_same_messages(
    messages: list[tuple[int, str, int]], step: int
) -> None:
    sent, expected = b"", []
    for opcode, content, parts in messages:
        octets = content.encode()
        expected.append((opcode, octets))
        size = max(1, -(-len(octets) // parts))
        cuts = [octets[at : at + size] for at in range(0, len(octets), size)] or [b""]
        for at, cut in enumerate(cuts):
            sent += frame(0 if at else opcode, cut, fin=at == len(cuts) - 1)
    assert read(*(sent[at : at + step] for at in range(0, len(sent), step))) == (expected, None)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=10))
def test_any_octets_give_messages_or_a_close_code(pieces: list[bytes]) -> None:
    _, code = read(*pieces, most=1000)
    assert code in (None, 1002, 1007, 1008, 1009)


def test_a_run_goes_on_where_the_last_read_was_cut_off() -> None:
    reader = FrameReader(is_masked=False, max_message=1000)
    data = b"".join(frame(1, b"message %d" % at, masked=False) for at in range(5))
    found: list[int] = []
    for at in range(0, len(data), 17):
        run, left = reader.run(data[at : at + 17])
        found.append(run.messages if run is not None else 0)
        assert reader.feed(left[run.size :] if run is not None else left) == []
    assert sum(found) == reader.frames == 5


def test_a_run_never_begins_inside_a_message_or_behind_a_mistake() -> None:
    reader = FrameReader(is_masked=False, max_message=1000)
    whole = frame(1, b"x", masked=False)
    reader.feed(frame(1, b"part", fin=False, masked=False))
    assert reader.run(whole) == (None, whole)
    reader.feed(whole)
    assert reader.failure is not None
    assert reader.run(whole) == (None, whole)


def test_a_long_message_in_crumbs_is_put_together_once() -> None:
    reader = FrameReader(is_masked=False, max_message=1000)
    data = frame(1, b"x" * 900, masked=False)
    for octet in data[:-1]:
        run, left = reader.run(bytes([octet]))
        assert run is None
        assert reader.feed(left) == []
    run, left = reader.run(data[-1:])
    assert run is not None
    assert (run.messages, run.octets, left) == (1, 900, data)


def test_a_failure_holds_on_to_nothing_that_was_read() -> None:
    reader = FrameReader(is_masked=False, max_message=100)
    reader.feed(frame(1, b"x" * 50, fin=False, masked=False) + frame(0, b"x" * 60, masked=False))
    assert reader.failure is not None
    assert reader.failure.__traceback__ is None
    reader.forget()
    assert reader.held == 0
