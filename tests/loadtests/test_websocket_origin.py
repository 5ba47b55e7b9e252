import json

from loadtests.websocket_origin import _unmasked, a_message, born, is_urgent, text_frame
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
