from plugins.websocket_batch.formats import Plain
from tests.support.batches import item


def test_where_nothing_is_joined_each_message_stays_a_frame() -> None:
    frames = Plain().encode({3: item(1, b"a"), 9: item(2, b"b", 15)})
    assert [(frame.opcode, frame.payload, frame.messages) for frame in frames] == [(1, b"a", 1), (2, b"b", 1)]
    assert not Plain.numbers
