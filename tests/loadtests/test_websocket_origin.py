import json

from hypothesis import given
from hypothesis import strategies as st

from loadtests.websocket_origin import Skipping, _unmasked, a_message, born, is_urgent, text_frame
from tests.support.frames import Seen, all_frames, frame


def test_a_message_knows_its_birth_and_its_priority_and_is_json() -> None:
    message = a_message(123_456_789, 9, 100)
    assert len(message) == 100
    assert (born(message), is_urgent(message)) == (123_456_789, True)
    assert not is_urgent(a_message(1, 0, 100))
    assert json.loads(message)["p"] == 9


def test_frames_are_those_of_a_server() -> None:
    for size in (0, 125, 126, 1000):
        assert all_frames(text_frame(b"x" * size)) == [Seen(True, 0, 1, b"x" * size, masked=False)]


def test_what_is_echoed_is_what_came() -> None:
    assert all_frames(_unmasked(frame(1, b"hello") + frame(8, b"\x03\xe8"))) == [
        Seen(True, 0, 1, b"hello", masked=False),
        Seen(True, 0, 8, b"\x03\xe8", masked=False),
    ]


@given(st.lists(st.binary(max_size=300) | st.just(bytes(70_000)), max_size=6), st.integers(1, 5000))
def test_a_sink_finds_the_close_behind_whatever_comes_in_whatever_pieces(payloads: list[bytes], step: int) -> None:
    octets = b"".join(frame(2, each) for each in payloads)
    sink = Skipping()
    for at in range(0, len(octets), step):
        sink.feed(octets[at : at + step])
    assert not sink.is_over
    for octet in frame(8, b"\x03\xe8"):
        sink.feed(bytes((octet,)))
    assert sink.is_over
