import asyncio
import gc

import pytest

from gateway.errors import BodyTooLargeError, UpstreamBrokenError
from gateway.http.body import HIGH_WATER, BodyStream, StreamEnd
from gateway.http.fields import Fields
from tests.support.plugins import without_waiting
from tests.support.streams import RecordingSink, RecordingSource, stream_of

BROKEN = UpstreamBrokenError("reset")


def test_what_waited_and_what_follows_reach_the_sink_in_order() -> None:
    stream, sink = BodyStream(6, RecordingSource()), RecordingSink()
    stream.feed(b"one")
    stream.attach(sink)
    stream.feed(b"two")
    stream.finish(Fields([(b"Digest", b"x")]))
    assert sink.pieces == [b"one", b"two"]
    assert sink.ends == ["finish"]
    assert sink.trailers == stream.trailers == Fields([(b"digest", b"x")])


def test_a_piece_without_octets_is_not_passed_on() -> None:
    stream, sink = BodyStream(), RecordingSink()
    stream.feed(b"")
    stream.attach(sink)
    stream.feed(b"")
    stream.finish()
    assert (sink.pieces, sink.ends) == ([], ["finish"])


def test_octets_that_come_while_the_waiting_ones_are_handed_over_queue_behind_them() -> None:
    stream = BodyStream()
    sink = RecordingSink(lambda data: stream.feed(b"3") if data == b"1" else None)
    stream.feed(b"1")
    stream.feed(b"2")
    stream.attach(sink)
    assert sink.pieces == [b"1", b"2", b"3"]


def test_an_end_that_comes_while_the_waiting_octets_are_handed_over_is_told_once_and_last() -> None:
    stream = BodyStream()
    sink = RecordingSink(lambda data: stream.finish() if data == b"1" else None)
    stream.feed(b"1")
    stream.feed(b"2")
    stream.attach(sink)
    assert (sink.pieces, sink.ends) == ([b"1", b"2"], ["finish"])


def test_a_source_without_a_sink_is_paused_above_the_mark_and_resumed_by_the_sink() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.feed(b"x" * HIGH_WATER)
    assert source.told == []
    stream.feed(b"x")
    stream.feed(b"x")
    assert source.told == ["pause"]
    stream.attach(RecordingSink())
    assert source.told == ["pause", "resume"]


def test_a_sink_that_pauses_while_it_gets_the_waiting_octets_keeps_the_source_paused() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.feed(b"x" * (HIGH_WATER + 1))
    stream.attach(RecordingSink(lambda data: stream.pause()))
    assert source.paused
    stream.resume()
    assert source.told == ["pause", "resume"]


def test_pausing_twice_tells_the_source_once() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.attach(RecordingSink())
    stream.pause()
    stream.pause()
    stream.resume()
    stream.resume()
    assert source.told == ["pause", "resume"]


@pytest.mark.parametrize("finish", [lambda stream: stream.finish(), lambda stream: stream.fail(BROKEN)])
def test_a_source_whose_last_octets_filled_the_sink_is_free_for_what_comes_next(finish) -> None:  # type: ignore[no-untyped-def]  # pytest hands it in
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.attach(RecordingSink(lambda data: stream.pause()))
    stream.feed(b"last")
    finish(stream)
    stream.resume()
    assert source.told == ["pause", "resume"]


def test_a_source_hears_nothing_after_the_end() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.attach(RecordingSink())
    stream.finish()
    stream.pause()
    stream.resume()
    stream.abort()
    assert source.told == []


def test_a_second_sink_is_refused() -> None:
    stream = BodyStream()
    stream.attach(RecordingSink())
    with pytest.raises(RuntimeError, match="already has a reader"):
        stream.attach(RecordingSink())
    stream.finish()
    with pytest.raises(RuntimeError, match="already has a reader"):
        stream.attach(RecordingSink())


def test_who_comes_too_late_for_the_beginning_can_tell() -> None:
    fresh, read, aborted = stream_of(b"x"), stream_of(b"x"), stream_of(b"x")
    read.attach(RecordingSink())
    aborted.abort()
    assert [stream.is_taken for stream in (fresh, read, aborted)] == [False, True, True]


def test_a_failure_reaches_the_sink_after_what_was_fed_before() -> None:
    stream, sink = BodyStream(), RecordingSink()
    stream.feed(b"half")
    stream.fail(BROKEN)
    stream.attach(sink)
    assert (sink.pieces, sink.ends, sink.error) == ([b"half"], ["fail"], BROKEN)


def test_an_aborted_stream_cancels_its_source_once_and_tells_its_sink_nothing() -> None:
    source, sink = RecordingSource(), RecordingSink()
    stream = BodyStream(None, source)
    stream.attach(sink)
    stream.abort()
    stream.abort()
    stream.feed(b"late")
    stream.finish()
    stream.fail(BROKEN)
    assert source.told == ["cancel"]
    assert (sink.pieces, sink.ends, stream.end) == ([], [], StreamEnd.ABORTED)


def test_a_sink_that_aborts_while_it_gets_the_waiting_octets_hears_nothing_more() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    sink = RecordingSink(lambda data: stream.abort())
    stream.feed(b"1")
    stream.feed(b"2")
    stream.attach(sink)
    assert (sink.pieces, sink.ends, source.told) == ([b"1"], [], ["cancel"])


def test_a_sink_of_an_aborted_stream_learns_that_it_is_not_whole() -> None:
    stream, sink = BodyStream(), RecordingSink()
    stream.feed(b"half")
    stream.abort()
    stream.attach(sink)
    assert (sink.pieces, sink.ends) == ([], ["fail"])


def test_aborting_a_finished_stream_drops_what_waits_and_never_makes_it_look_whole() -> None:
    stream, sink = stream_of(b"content"), RecordingSink()
    stream.abort()
    stream.attach(sink)
    assert (sink.pieces, sink.ends, stream.end) == ([], ["fail"], StreamEnd.FINISHED)


@pytest.mark.parametrize(
    ("finish", "end"),
    [
        (lambda stream: stream.finish(), StreamEnd.FINISHED),
        (lambda stream: stream.fail(BROKEN), StreamEnd.FAILED),
        (lambda stream: stream.abort(), StreamEnd.ABORTED),
    ],
)
def test_the_end_is_told_once_to_everybody_who_asked_before_or_asks_after(finish, end) -> None:  # type: ignore[no-untyped-def]  # pytest hands them in
    stream = BodyStream()
    heard: list[object] = []
    stream.on_end(heard.append)
    stream.on_end(heard.append)
    finish(stream)
    stream.finish()
    stream.fail(BROKEN)
    stream.abort()
    stream.on_end(heard.append)
    assert heard == [end, end, end]


def test_a_failing_callback_hides_the_end_from_nobody() -> None:
    def fails(end: StreamEnd) -> None:
        raise ZeroDivisionError

    stream, sink = BodyStream(), RecordingSink()
    heard: list[StreamEnd] = []
    stream.on_end(fails)
    stream.on_end(heard.append)
    stream.attach(sink)
    with pytest.raises(ZeroDivisionError):
        stream.finish()
    assert (heard, sink.ends) == ([StreamEnd.FINISHED], ["finish"])


def test_reading_a_body_that_has_arrived_waits_for_nothing() -> None:
    assert without_waiting(stream_of(b"some ", b"content").read(100)) == b"some content"


async def test_reading_waits_for_the_rest() -> None:
    stream = BodyStream(None, RecordingSource())
    reading = asyncio.ensure_future(stream.read(100))
    for piece in (b"a", b"b", b"c"):
        await asyncio.sleep(0)
        stream.feed(piece)
    stream.finish()
    assert await reading == b"abc"


async def test_reading_a_body_that_breaks_off_raises_its_error() -> None:
    stream = BodyStream(None, RecordingSource())
    reading = asyncio.ensure_future(stream.read(100))
    await asyncio.sleep(0)
    stream.feed(b"half")
    stream.fail(BROKEN)
    with pytest.raises(UpstreamBrokenError):
        await reading


def test_a_known_length_above_the_limit_is_refused_with_the_body_left_as_it_was() -> None:
    stream = stream_of(b"x" * 11, length=11)
    with pytest.raises(BodyTooLargeError, match="11 octets, more than 10"):
        without_waiting(stream.read(10))
    assert without_waiting(stream.read(11)) == b"x" * 11


def test_an_unknown_length_above_the_limit_aborts_the_rest() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.feed(b"x" * 11)
    with pytest.raises(BodyTooLargeError):
        without_waiting(stream.read(10))
    assert (source.told, stream.end) == (["cancel"], StreamEnd.ABORTED)


def test_the_first_read_is_announced_once_and_attaching_announces_nothing() -> None:
    heard: list[str] = []
    attached = BodyStream()
    attached.on_first_read(lambda: heard.append("attached"))
    attached.attach(RecordingSink())
    stream = stream_of(b"x")
    stream.on_first_read(lambda: heard.append("read"))
    without_waiting(stream.read(9))
    stream.reads()
    assert heard == ["read"]


def test_a_stream_that_has_ended_keeps_no_sink_alive() -> None:
    class Sink(RecordingSink):
        gone = False

        def __del__(self) -> None:
            Sink.gone = True

    stream = BodyStream()
    stream.attach(Sink())
    gc.disable()
    try:
        stream.finish()
        assert Sink.gone
    finally:
        gc.enable()
