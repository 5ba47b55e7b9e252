import math
from typing import Any

import pytest

from gateway.api import Flush, Sending, WebSocketMessage
from plugins.websocket_batch.binary import Binary, unpack_numbered
from plugins.websocket_batch.formats import Plain
from plugins.websocket_batch.marks import Marks
from plugins.websocket_batch.outbox import BatchOutbox, Rules, Strategy, Urgent
from plugins.websocket_batch.pointers import Pointer


def box(strategy: str = "hybrid", **more: Any) -> BatchOutbox:
    return BatchOutbox(Rules(Strategy(strategy), **more), Binary())


def texts(*contents: str) -> list[WebSocketMessage]:
    return [(1, content.encode()) for content in contents]


def opened(sendings: list[Sending]) -> list[list[str]]:
    return [[payload.decode() for _, (_, payload) in unpack_numbered(each.payload)] for each in sendings]


def numbers(sendings: list[Sending]) -> list[list[int]]:
    return [[number for number, _ in unpack_numbered(each.payload)] for each in sendings]


def test_time_waits_from_the_first_message_and_not_from_later_ones() -> None:
    outbox = box("time", max_delay=0.1)
    assert outbox.due_at == math.inf
    assert outbox.accept(texts("a"), 100.0, False) == []
    assert outbox.due_at == 100.1
    assert outbox.accept(texts(*"bcdefghijklmno"), 100.09, False) == []
    assert outbox.due_at == 100.1
    (sending,) = outbox.take(Flush.TIME, 100.1)
    assert opened([sending]) == [list("abcdefghijklmno")]
    assert (sending.reason, sending.messages) == (Flush.TIME, 15)
    assert sending.waited == pytest.approx(0.1)
    assert (outbox.messages, outbox.octets, outbox.due_at) == (0, 0, math.inf)


def test_size_goes_when_a_batch_is_full_of_messages() -> None:
    outbox = box("size", max_messages=3)
    sent = outbox.accept(texts(*"abcdefg"), 100.0, False)
    assert opened(sent) == [["a", "b", "c"], ["d", "e", "f"]]
    assert [each.reason for each in sent] == [Flush.SIZE, Flush.SIZE]
    assert (outbox.messages, outbox.octets, outbox.due_at) == (1, 1, 100.1)
    assert numbers(sent) == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_no_batch_has_more_octets_than_it_may_unless_one_message_has(strategy: Strategy) -> None:
    outbox = box(strategy.value, max_messages=100, max_octets=10)
    sent = outbox.accept(texts("aaaa", "bbbb", "cccc", "d" * 30, "e"), 100.0, False)
    sent += outbox.take(Flush.TIME, 100.1)
    assert opened(sent) == [["aaaa", "bbbb"], ["cccc"], ["d" * 30], ["e"]]


@pytest.mark.parametrize("strategy", ["priority", "hybrid"])
def test_an_urgent_message_takes_along_what_waits(strategy: str) -> None:
    outbox = box(strategy, threshold=3)
    outbox.accept([(1 | 2 << 4, b"a"), (1, b"b")], 100.0, False)
    (sending,) = outbox.accept([(1 | 3 << 4, b"urgent"), (1, b"c")], 100.01, False)
    assert opened([sending]) == [["a", "b", "urgent"]]
    assert sending.reason is Flush.PRIORITY
    assert outbox.messages == 1


@pytest.mark.parametrize("strategy", ["time", "size", "adaptive"])
def test_other_strategies_know_no_urgency(strategy: str) -> None:
    outbox = box(strategy)
    outbox.accept([(1 | 15 << 4, b"a")] * 2, 100.0, True)
    assert outbox.messages == 2


def test_an_urgent_message_may_go_ahead_alone_with_its_number() -> None:
    outbox = box("hybrid", urgent=Urgent.OVERTAKE)
    outbox.accept(texts("a", "b"), 100.0, False)
    sent = outbox.accept([(1 | 9 << 4, b"urgent"), (1, b"c")], 100.01, False)
    assert (opened(sent), numbers(sent)) == ([["urgent"]], [[2]])
    rest = outbox.take(Flush.TIME, 100.1)
    assert (opened(rest), numbers(rest)) == ([["a", "b", "c"]], [[0, 1, 3]])


def test_nothing_goes_ahead_where_nobody_could_tell_the_order() -> None:
    outbox = BatchOutbox(Rules(urgent=Urgent.OVERTAKE), Plain())
    outbox.accept(texts("a", "b"), 100.0, False)
    sent = outbox.accept([(1 | 9 << 4, b"urgent")], 100.01, False)
    assert [each.payload for each in sent] == [b"a", b"b", b"urgent"]


def test_adaptive_sends_at_once_while_little_comes() -> None:
    outbox = box("adaptive")
    (sending,) = outbox.accept(texts("a", "b"), 100.0, False)
    assert (sending.reason, sending.messages) == (Flush.IDLE, 2)
    assert (outbox.messages, outbox.due_at) == (0, math.inf)


def test_adaptive_waits_for_as_many_as_usually_come() -> None:
    outbox = box("adaptive", max_delay=0.1)
    sent: list[Sending] = []
    for at in range(2000):
        now = 100.0 + at * 0.005
        if outbox.due_at <= now:
            sent += outbox.take(Flush.TIME, now)
        sent += outbox.accept(texts(str(at)), now, False)
    assert 14 <= outbox.target <= 26
    assert 14 <= sent[-1].messages <= 26
    assert [text for batch in opened(sent) for text in batch] == [
        str(at) for at in range(sum(e.messages for e in sent))
    ]


def keyed(price: int, symbol: str = "A") -> WebSocketMessage:
    return 1, b'{"symbol":"%b","price":%d}' % (symbol.encode(), price)


def conflating(**more: Any) -> BatchOutbox:
    return box("time", mark=Marks(None, (), (Pointer("/symbol"),)).reader, **more)


def test_the_last_value_wins_and_the_order_of_the_others_stays() -> None:
    outbox = conflating()
    outbox.accept([keyed(1), keyed(2, "B"), (1, b"other"), keyed(3), keyed(4)], 100.0, False)
    sent = outbox.take(Flush.TIME, 100.1)
    assert opened(sent) == [['{"symbol":"B","price":2}', "other", '{"symbol":"A","price":4}']]
    assert numbers(sent) == [[1, 2, 4]]
    assert outbox.conflated == 2


def test_a_value_that_keeps_changing_goes_all_the_same() -> None:
    outbox = conflating(max_delay=0.1)
    for at in range(50):
        outbox.accept([keyed(at)], 100.0 + at / 1000, False)
    assert outbox.due_at == 100.1
    assert outbox.messages == 1


def test_what_has_gone_is_not_replaced() -> None:
    outbox = conflating()
    outbox.accept([keyed(1)], 100.0, False)
    outbox.take(Flush.TIME, 100.1)
    outbox.accept([keyed(2)], 100.2, False)
    assert len(outbox.take(Flush.TIME, 100.3)) == 1
    assert outbox.conflated == 0


def test_keys_of_what_was_given_up_do_not_stay() -> None:
    outbox = conflating()
    for at in range(1000):
        outbox.accept([keyed(at, f"S{at}")], 100.0, True)
        if outbox.messages > 10:
            outbox.drop_oldest()
    assert len(outbox._keys) == outbox.messages == 10


def test_a_blocked_peer_gets_nothing_and_later_everything_in_order() -> None:
    outbox = box("hybrid", max_messages=3, max_octets=20)
    sent = [f"message {at}" for at in range(50)]
    assert outbox.accept(texts(*sent), 100.0, True) == []
    assert outbox.accept([(1 | 9 << 4, b"urgent")], 100.0, True) == []
    assert (outbox.messages, outbox.octets) == (51, sum(map(len, sent)) + 6)
    batches = outbox.take(Flush.DRAIN, 105.0)
    assert [text for batch in opened(batches) for text in batch] == [*sent, "urgent"]
    assert max(sum(len(text) for text in batch) for batch in opened(batches)) <= 20


def test_the_oldest_is_given_up_first() -> None:
    outbox = box()
    outbox.accept(texts("aaa", "b"), 100.0, True)
    assert outbox.drop_oldest() == 3
    assert (outbox.messages, outbox.octets) == (1, 1)
    assert numbers(outbox.take(Flush.DRAIN, 100.0)) == [[1]]


def test_nothing_to_take_is_nothing_to_send() -> None:
    assert box().take(Flush.CLOSE, 100.0) == []
