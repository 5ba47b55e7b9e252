import pytest

from gateway.errors import StreamAbortedError, UpstreamBrokenError
from gateway.http.body import HIGH_WATER, BodyStream, StreamEnd
from gateway.http.fields import Fields
from tests.support.plugins import without_waiting
from tests.support.streams import RecordingSink, RecordingSource, stream_of

LAG = 10


class Forked:
    """A stream, its source, its two branches and a sink on each."""

    def __init__(self, *, keep_first: bool = False) -> None:
        self.source = RecordingSource()
        self.stream = BodyStream(None, self.source)
        self.first, self.second = self.stream.tee(LAG, keep_first=keep_first)
        self.sinks = (RecordingSink(), RecordingSink())
        self.first.attach(self.sinks[0])
        self.second.attach(self.sinks[1])


def test_both_branches_get_all_of_it() -> None:
    fork = Forked()
    fork.stream.feed(b"one")
    fork.stream.feed(b"two")
    fork.stream.finish(Fields([(b"X-Sum", b"1")]))
    for sink in fork.sinks:
        assert (sink.data, sink.ends, sink.trailers) == (b"onetwo", ["finish"], Fields([(b"x-sum", b"1")]))


def test_who_keeps_a_copy_has_each_piece_and_the_end_before_the_one_it_is_sent_to() -> None:
    first, second = (stream := BodyStream(6)).tee(LAG, keep_first=True)
    kept = RecordingSink()
    seen: list[tuple[bytes, list[str]]] = []
    sent = RecordingSink(lambda data: seen.append((kept.data, list(kept.ends))))
    first.attach(sent)
    second.attach(kept)
    first.on_end(lambda end: seen.append((kept.data, list(kept.ends))))
    stream.feed(b"one")
    stream.feed(b"two")
    stream.finish()
    assert seen == [(b"one", []), (b"onetwo", []), (b"onetwo", ["finish"])]


def test_what_has_arrived_already_is_read_from_both_without_waiting() -> None:
    first, second = stream_of(b"a", b"b", length=2).tee(LAG)
    assert (first.length, second.length) == (2, 2)
    assert without_waiting(first.read(9)) == without_waiting(second.read(9)) == b"ab"


def test_the_source_is_paused_only_when_both_branches_are() -> None:
    fork = Forked()
    fork.first.pause()
    assert fork.source.told == []
    fork.second.pause()
    assert fork.source.told == ["pause"]
    fork.first.resume()
    assert fork.source.told == ["pause", "resume"]


def test_a_paused_branch_catches_up_in_order() -> None:
    fork = Forked()
    fork.first.pause()
    fork.stream.feed(b"12345")
    assert [sink.data for sink in fork.sinks] == [b"", b"12345"]
    fork.first.resume()
    fork.stream.feed(b"6")
    assert [sink.data for sink in fork.sinks] == [b"123456", b"123456"]


def test_a_branch_that_falls_too_far_behind_fails_and_the_other_goes_on() -> None:
    fork = Forked()
    fork.first.pause()
    fork.stream.feed(b"x" * LAG)
    assert fork.first.end is None
    fork.stream.feed(b"x")
    assert fork.sinks[0].ends == ["fail"]
    assert isinstance(fork.sinks[0].error, StreamAbortedError)
    fork.stream.finish()
    assert (fork.sinks[1].data, fork.sinks[1].ends) == (b"x" * 11, ["finish"])


def test_a_first_branch_that_must_be_kept_holds_the_source_back_instead() -> None:
    fork = Forked(keep_first=True)
    fork.first.pause()
    fork.stream.feed(b"x" * (LAG + 1))
    assert (fork.first.end, fork.source.paused) == (None, True)
    fork.first.resume()
    assert (fork.sinks[0].data, fork.source.paused) == (b"x" * 11, False)


def test_the_second_branch_is_never_kept() -> None:
    fork = Forked(keep_first=True)
    fork.second.pause()
    fork.stream.feed(b"x" * (LAG + 1))
    assert (fork.sinks[1].ends, fork.source.paused) == (["fail"], False)


def test_a_branch_that_pauses_while_it_catches_up_is_not_overrun() -> None:
    fork = Forked()
    fork.first.pause()
    for octet in (b"1", b"2", b"3"):
        fork.stream.feed(octet)
    fork.sinks[0].on_feed = lambda data: fork.first.pause()
    fork.first.resume()
    assert fork.sinks[0].data == b"1"
    fork.stream.finish()
    assert (fork.sinks[0].data, fork.sinks[0].ends) == (b"123", ["finish"])


def test_octets_that_come_while_a_branch_catches_up_queue_behind() -> None:
    fork = Forked()
    fork.first.pause()
    fork.stream.feed(b"1")
    fork.stream.feed(b"2")
    fork.sinks[0].on_feed = lambda data: fork.stream.feed(b"3") if data == b"1" else None
    fork.first.resume()
    assert [sink.data for sink in fork.sinks] == [b"123", b"123"]


def test_when_one_branch_is_aborted_the_other_goes_on_alone() -> None:
    fork = Forked()
    fork.second.pause()
    fork.first.abort()
    assert fork.source.paused
    fork.second.resume()
    fork.stream.feed(b"all")
    fork.stream.finish()
    assert (fork.sinks[0].data, fork.sinks[0].ends) == (b"", [])
    assert (fork.sinks[1].data, fork.sinks[1].ends) == (b"all", ["finish"])
    assert "cancel" not in fork.source.told


def test_when_both_are_aborted_the_source_is_cancelled_once() -> None:
    fork = Forked()
    fork.first.abort()
    fork.second.abort()
    assert fork.source.told == ["cancel"]
    assert fork.stream.end is StreamEnd.ABORTED


def test_when_one_is_aborted_and_the_other_falls_behind_the_source_is_cancelled() -> None:
    fork = Forked()
    fork.first.abort()
    fork.second.pause()
    fork.stream.feed(b"x" * (LAG + 1))
    assert fork.source.told[-1] == "cancel"


def test_a_failure_reaches_both_after_what_they_lack() -> None:
    fork = Forked()
    fork.first.pause()
    fork.stream.feed(b"half")
    fork.stream.fail(UpstreamBrokenError("reset"))
    for sink in fork.sinks:
        assert (sink.data, sink.ends) == (b"half", ["fail"])
        assert isinstance(sink.error, UpstreamBrokenError)


def test_a_stream_aborted_by_somebody_else_fails_both_branches() -> None:
    fork = Forked()
    fork.stream.abort()
    assert [sink.ends for sink in fork.sinks] == [["fail"], ["fail"]]


def test_a_branch_that_nobody_attaches_cannot_hold_more_than_its_bounds() -> None:
    stream = BodyStream(None, RecordingSource())
    taken, idle = stream.tee(LAG)
    taken.attach(RecordingSink())
    stream.feed(b"x" * (HIGH_WATER + 1))
    assert idle.end is None
    stream.feed(b"x" * (LAG + 1))
    assert isinstance(idle.error, StreamAbortedError)
    assert taken.end is None


def test_a_read_of_either_branch_is_announced_to_the_source_once() -> None:
    heard: list[str] = []
    stream = stream_of(b"x")
    stream.on_first_read(lambda: heard.append("read"))
    first, second = stream.tee(LAG)
    without_waiting(first.read(9))
    without_waiting(second.read(9))
    assert heard == ["read"]


def test_a_forked_stream_has_no_room_for_a_third() -> None:
    with pytest.raises(RuntimeError, match="already has a reader"):
        Forked().stream.attach(RecordingSink())
