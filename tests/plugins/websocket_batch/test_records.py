import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Flush, MessageRun, Sending
from gateway.websocket.runs import read_run
from plugins.websocket_batch.binary import Binary, unpack_numbered
from plugins.websocket_batch.outbox import BatchOutbox, Rules, Strategy
from plugins.websocket_batch.records import RecordOutbox
from tests.support.frames import frame


def box(strategy: str = "hybrid", **more: Any) -> RecordOutbox:
    return RecordOutbox(Rules(Strategy(strategy), **more))


def run_of(*contents: str) -> MessageRun:
    run = read_run(b"".join(frame(1, content.encode(), masked=False) for content in contents), 1 << 20)
    assert run is not None
    return run


def opened(sendings: list[Sending]) -> list[list[str]]:
    return [[payload.decode() for _, (_, payload) in unpack_numbered(each.payload)] for each in sendings]


def numbers(sendings: list[Sending]) -> list[list[int]]:
    return [[number for number, _ in unpack_numbered(each.payload)] for each in sendings]


def test_a_run_waits_for_company_and_goes_when_the_batch_is_full() -> None:
    outbox = box("size", max_messages=3)
    assert outbox.accept_run(run_of("a", "b"), 100.0, False) == []
    assert (outbox.messages, outbox.octets, outbox.due_at) == (2, 2, 100.1)
    sent = outbox.accept_run(run_of(*"cdefg"), 100.05, False)
    assert (opened(sent), numbers(sent)) == ([["a", "b", "c"], ["d", "e", "f"]], [[0, 1, 2], [3, 4, 5]])
    assert [each.waited for each in sent] == [pytest.approx(0.05), 0.0]
    assert outbox.messages == 1
    assert outbox.due_at == pytest.approx(100.15)


def test_exactly_full_is_full() -> None:
    outbox = box("size", max_messages=3)
    (sending,) = outbox.accept_run(run_of(*"abc"), 100.0, False)
    assert (sending.reason, sending.messages, sending.opcode) == (Flush.SIZE, 3, 2)
    assert (outbox.messages, outbox.octets, outbox.due_at) == (0, 0, math.inf)
    (sending,) = box("time", max_octets=3).accept_run(run_of(*"abc"), 100.0, False)
    assert sending.reason is Flush.BYTES


def test_urgent_messages_of_an_upstream_that_sends_batches_take_along_what_waits() -> None:
    outbox = box()
    outbox.accept_run(run_of("a"), 100.0, False)
    (sending,) = outbox.accept([(1 | 9 << 4, b"urgent"), (1, b"b")], 100.0, False)
    assert (opened([sending]), sending.reason) == ([["a", "urgent"]], Flush.PRIORITY)
    assert unpack_numbered(sending.payload)[1] == (1, (1 | 9 << 4, b"urgent"))


def test_adaptive_sends_at_once_while_little_comes() -> None:
    (sending,) = box("adaptive").accept_run(run_of("a", "b"), 100.0, False)
    assert (sending.reason, sending.messages) == (Flush.IDLE, 2)


def test_adaptive_sends_together_what_has_come_together() -> None:
    outbox = box("adaptive", max_octets=1000)
    for at in range(20):
        outbox.accept_run(run_of(*"x" * 10), 100.0 + at / 5, False)
    assert outbox.target < 12
    (sending,) = outbox.accept_run(run_of(*"x" * 40), 104.0, False)
    assert (sending.reason, sending.messages) == (Flush.ADAPTIVE, 40)
    assert [each.messages for each in outbox.accept_run(run_of(*"x" * 120), 104.2, False)] == [50, 50, 20]


def test_what_is_left_of_a_run_may_have_come_with_its_first_message() -> None:
    outbox = box("time", max_octets=10)
    assert outbox.comes(100.0, 100.002) > 100.08
    sent = outbox.accept_run(run_of(*"x" * 11), 100.09, False)
    assert [each.reason for each in sent] == [Flush.BYTES, Flush.TIME]
    assert [each.waited for each in sent] == [pytest.approx(0.09)] * 2


def test_a_rest_in_vain_sends_what_waits_when_its_time_is_nearly_up() -> None:
    outbox = box("size")
    assert outbox.vain(100.0) == []
    outbox.accept_run(run_of("a"), 100.0, False)
    assert outbox.vain(100.05) == []
    (sending,) = outbox.vain(100.095)
    assert (sending.reason, opened([sending])) == (Flush.TIME, [["a"]])


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_source_that_says_much_at_once_is_not_let_rest(strategy: Strategy) -> None:
    outbox = RecordOutbox(Rules(strategy, max_octets=1 << 20, max_messages=1000))
    now = 100.0
    for _ in range(10):
        outbox.comes(now, now + 0.002)
        now = max(now + 0.002, outbox.rests_until)
        outbox.accept_run(run_of("x" * 40_000), now, False)
        assert outbox.rests_until < now
        if outbox.due_at <= now:
            outbox.take(Flush.TIME, now)
    assert outbox.comes(now, now + 0.002) < now


def test_a_blocked_peer_gets_nothing_and_later_everything_in_order() -> None:
    outbox = box("hybrid", max_messages=3, max_octets=20)
    sent = [f"message {at}" for at in range(50)]
    for at in range(0, 50, 10):
        assert outbox.accept_run(run_of(*sent[at : at + 10]), 100.0, True) == []
    assert (outbox.messages, outbox.octets) == (50, sum(map(len, sent)))
    batches = outbox.take(Flush.DRAIN, 105.0)
    assert [text for batch in opened(batches) for text in batch] == sent
    assert max(sum(map(len, batch)) for batch in opened(batches)) <= 20
    assert [number for batch in numbers(batches) for number in batch] == list(range(50))


def test_no_batch_has_more_than_a_thousand_messages() -> None:
    outbox = box("time")
    outbox.accept_run(run_of(*"x" * 2500), 100.0, True)
    assert [each.messages for each in outbox.take(Flush.DRAIN, 100.0)] == [1000, 1000, 500]


def test_the_oldest_is_given_up_first_and_numbers_tell() -> None:
    outbox = box()
    outbox.accept_run(run_of("aaa", "b"), 100.0, True)
    outbox.accept_run(run_of("cc", "d"), 100.0, True)
    assert [outbox.drop_oldest() for _ in range(3)] == [3, 1, 2]
    assert (outbox.messages, outbox.octets) == (1, 1)
    assert numbers(outbox.take(Flush.DRAIN, 100.0)) == [[3]]
    outbox.accept_run(run_of("aaa", "b"), 100.0, True)
    assert (outbox.drop_oldest(), outbox.drop_oldest()) == (3, 1)
    assert (outbox.messages, outbox.due_at) == (0, math.inf)
    assert outbox.take(Flush.DRAIN, 100.0) == []


def test_a_steady_flow_may_rest_and_stays_within_its_time() -> None:
    outbox = box(max_messages=100)
    rested, sent = 0.0, 0
    now, since = 100.0, 100.0
    for _ in range(200):
        now = max(now + 0.005, outbox.rests_until)
        if outbox.due_at <= now:
            sent += len(outbox.take(Flush.TIME, now))
        if not outbox.messages:
            since = now
        rested = max(rested, outbox.rests_until - now)
        sent += len(outbox.accept_run(run_of("a"), now, False))
        assert outbox.rests_until - since < 0.2
        rested = max(rested, outbox.rests_until - now)
    assert 0.05 < rested < 0.1
    assert sent > 10


_PIECES = st.lists(
    st.tuples(st.lists(st.text(max_size=40), min_size=1, max_size=15), st.floats(0.0, 0.05), st.booleans()), max_size=15
)


@pytest.mark.parametrize("strategy", list(Strategy))
@given(pieces=_PIECES, most=st.integers(2, 12), octets=st.integers(20, 200))
def test_runs_and_single_messages_give_the_same_messages_in_the_same_batches(
    strategy: Strategy, pieces: list[tuple[list[str], float, bool]], most: int, octets: int
) -> None:
    """But for a flow so steady that it rests, which nobody here draws for long enough to fill its time."""
    rules = Rules(strategy, max_messages=most, max_octets=octets, max_delay=60.0)
    runs, messages, slow = RecordOutbox(rules), RecordOutbox(rules), BatchOutbox(rules, Binary())
    now, seen = 100.0, [list[Sending](), list[Sending](), list[Sending]()]
    for contents, later, blocked in pieces:
        now += later
        payloads = [(1, content.encode()) for content in contents]
        seen[0] += runs.accept_run(run_of(*contents), now, blocked)
        seen[1] += messages.accept(list(payloads), now, blocked)
        seen[2] += slow.accept(list(payloads), now, blocked)
        assert runs.messages == messages.messages == slow.messages
        assert runs.octets == messages.octets == slow.octets
    seen[0] += runs.take(Flush.CLOSE, now)
    seen[1] += messages.take(Flush.CLOSE, now)
    seen[2] += slow.take(Flush.CLOSE, now)
    first, second, third = ([(unpack_numbered(s.payload), s.reason) for s in found] for found in seen)
    assert first == second == third
