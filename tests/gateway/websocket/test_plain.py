from gateway.websocket.plain import PlainOutbox
from gateway.websocket.terms import Flush


def test_what_is_not_blocked_goes_as_it_came() -> None:
    sent = PlainOutbox().accept([(1, b"a"), (0x52, b"b")], 5.0, blocked=False)
    assert [(each.opcode, each.payload, each.messages) for each in sent] == [(1, b"a", 1), (2, b"b", 1)]


def test_what_is_blocked_waits_in_order_and_is_counted() -> None:
    box = PlainOutbox()
    assert box.accept([(1, b"a"), (2, b"bc")], 5.0, blocked=True) == []
    assert (box.messages, box.octets) == (2, 3)
    sent = box.take(Flush.DRAIN, 7.0)
    assert [(each.payload, each.waited, each.reason) for each in sent] == [
        (b"a", 2.0, Flush.DRAIN),
        (b"bc", 2.0, Flush.DRAIN),
    ]
    assert (box.messages, box.octets) == (0, 0)


def test_nothing_overtakes_what_waits() -> None:
    box = PlainOutbox()
    box.accept([(1, b"a")], 5.0, blocked=True)
    assert [each.payload for each in box.accept([(1, b"b")], 6.0, blocked=False)] == [b"a", b"b"]


def test_the_oldest_is_dropped_first() -> None:
    box = PlainOutbox()
    box.accept([(1, b"aaa"), (1, b"b")], 5.0, blocked=True)
    assert box.drop_oldest() == 3
    assert (box.messages, box.octets) == (1, 1)
    assert [each.payload for each in box.take(Flush.CLOSE, 5.0)] == [b"b"]
