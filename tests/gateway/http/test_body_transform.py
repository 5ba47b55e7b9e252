import zlib

from gateway.errors import StreamAbortedError, UpstreamBrokenError
from gateway.http.body import HIGH_WATER, BodyStream
from gateway.http.fields import Fields
from tests.support.plugins import without_waiting
from tests.support.streams import RecordingSink, RecordingSource, stream_of


class Upper:
    """Changes every piece, swallows those of dots, adds a mark at the end."""

    def feed(self, data: bytes) -> bytes:
        return data.upper().replace(b".", b"")

    def finish(self) -> bytes:
        return b"!"


class Inflate:
    """Fails on what is not zlib."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj()

    def feed(self, data: bytes) -> bytes:
        return self._inner.decompress(data)

    def finish(self) -> bytes:
        if not self._inner.eof:
            raise ValueError("cut short")
        return self._inner.flush()


def test_the_content_is_changed_and_what_the_change_keeps_back_comes_last() -> None:
    assert without_waiting(stream_of(b"ab", b"..", b"c", length=5).transform(Upper()).read(100)) == b"ABC!"


def test_the_length_is_unknown_and_the_trailers_stay() -> None:
    stream, sink = BodyStream(3, RecordingSource()), RecordingSink()
    changed = stream.transform(Upper())
    assert changed.length is None
    changed.attach(sink)
    stream.finish(Fields([(b"X-Sum", b"1")]))
    assert (sink.data, sink.trailers) == (b"!", Fields([(b"x-sum", b"1")]))


def test_back_pressure_goes_through() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    changed = stream.transform(Upper())
    changed.attach(RecordingSink())
    changed.pause()
    assert source.paused
    changed.resume()
    assert not source.paused


def test_a_large_body_that_waited_keeps_its_source_paused_until_somebody_wants_it() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.feed(b"x" * (HIGH_WATER + 1))
    changed = stream.transform(Upper())
    assert source.paused
    changed.attach(RecordingSink())
    assert not source.paused


def test_aborting_the_new_stream_aborts_the_old_one() -> None:
    source = RecordingSource()
    changed = BodyStream(None, source).transform(Upper())
    changed.abort()
    assert source.told == ["cancel"]


def test_aborting_the_old_stream_fails_the_new_one() -> None:
    stream, sink = BodyStream(None, RecordingSource()), RecordingSink()
    stream.transform(Upper()).attach(sink)
    stream.abort()
    assert sink.ends == ["fail"]
    assert isinstance(sink.error, StreamAbortedError)


def test_a_failure_goes_through() -> None:
    stream, sink = BodyStream(None, RecordingSource()), RecordingSink()
    stream.transform(Upper()).attach(sink)
    stream.fail(UpstreamBrokenError("reset"))
    assert (sink.data, sink.ends) == (b"", ["fail"])
    assert isinstance(sink.error, UpstreamBrokenError)


def test_a_change_that_cannot_go_on_fails_the_new_stream_and_cancels_the_source() -> None:
    source, sink = RecordingSource(), RecordingSink()
    stream = BodyStream(None, source)
    stream.transform(Inflate()).attach(sink)
    stream.feed(b"this is not zlib")
    stream.feed(b"neither is this")
    assert (sink.ends, source.told) == (["fail"], ["cancel"])
    assert isinstance(sink.error, zlib.error)


def test_a_change_that_cannot_end_does_not_make_the_body_look_whole() -> None:
    sink = RecordingSink()
    stream_of(zlib.compress(b"content")[:-1]).transform(Inflate()).attach(sink)
    assert (sink.ends, str(sink.error)) == (["fail"], "cut short")


def test_a_read_of_the_new_stream_is_announced_to_the_old_ones_source() -> None:
    heard: list[str] = []
    stream = stream_of(b"x")
    stream.on_first_read(lambda: heard.append("read"))
    changed = stream.transform(Upper())
    assert heard == []
    without_waiting(changed.read(9))
    assert heard == ["read"]


def test_changes_can_follow_each_other() -> None:
    packed = zlib.compress(b"content.")
    changed = stream_of(packed[:5], packed[5:]).transform(Inflate()).transform(Upper())
    assert without_waiting(changed.read(99)) == b"CONTENT!"
