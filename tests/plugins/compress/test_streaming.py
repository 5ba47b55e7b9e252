from collections.abc import Callable

import pytest

from gateway.api import BodyStream, StreamAbortedError, StreamEnd, UpstreamTimeoutError
from plugins.compress.codecs import make_encoder
from plugins.compress.decoding import DecodeLimits, Decoder
from plugins.compress.errors import ContentCodingError
from plugins.compress.libraries import zstd
from plugins.compress.settings import Coding
from plugins.compress.streaming import Flush, FormStream
from tests.support.coded import reference_decode, reference_encode, text_of
from tests.support.plugins import fields_of, pairs
from tests.support.streams import RecordingSink, RecordingSource, stream_of

LIMITS = DecodeLimits(1 << 24, 100)


class Timers:
    """Timers that go off when the test says so."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None]]] = []
        self.cancelled = 0

    def later(self, seconds: float, callback: Callable[[], None]) -> "Timers":
        self.set.append((seconds, callback))
        return self

    def cancel(self) -> None:
        self.cancelled += 1
        self.set.clear()

    def go_off(self) -> None:
        timers, self.set = self.set, []
        for _, callback in timers:
            callback()

    @property
    def waits(self) -> list[float]:
        return [seconds for seconds, _ in self.set]


class Story:
    """A stream that is coded with zstd on its way from a source to a sink."""

    def __init__(
        self, *, is_live: bool = False, after: float = 0.02, decodes: Coding | None = None, encodes: bool = True
    ) -> None:
        self.timers = Timers()
        self.source = RecordingSource()
        self.stream = BodyStream(None, self.source)
        self.ended: list[tuple[int, int]] = []
        self.form = FormStream(
            self.stream,
            Decoder(decodes, LIMITS) if decodes else None,
            make_encoder(Coding.ZSTD, 1) if encodes else None,
            Flush(after, self.timers.later, is_live=is_live),
            lambda: 0.0,
            lambda before, after, seconds: self.ended.append((before, after)),
        )
        self.sink = RecordingSink()

    def begin(self) -> "Story":
        self.form.begin().attach(self.sink)
        return self

    @property
    def seen(self) -> bytes:
        """What the client can read by now."""
        return bytes(zstd.ZstdDecompressor().decompress(self.sink.data)) if self.sink.data else b""


def test_the_whole_comes_through_with_its_end() -> None:
    story = Story().begin()
    pieces = [text_of(30_000, seed=number) for number in range(4)]
    for piece in pieces:
        story.stream.feed(piece)
    story.stream.finish(fields_of({"Repr-Digest": "x", "Server-Timing": "db"}))
    assert reference_decode("zstd", story.sink.data) == b"".join(pieces)
    assert story.sink.ends == ["finish"]
    assert story.sink.trailers is not None
    assert pairs(story.sink.trailers) == [("Server-Timing", "db")]
    assert story.ended == [(120_000, len(story.sink.data))]


def test_what_comes_first_goes_out_in_the_same_turn_and_the_rest_waits_for_more() -> None:
    story = Story().begin()
    story.stream.feed(b"<head>")
    assert story.timers.waits == [0.0]
    story.timers.go_off()
    assert story.seen == b"<head>"
    story.stream.feed(b"<body>")
    story.stream.feed(b"<p>")
    assert story.timers.waits == [0.02]  # one for both
    assert story.seen == b"<head>"
    story.timers.go_off()
    assert story.seen == b"<head><body><p>"


def test_events_never_wait() -> None:
    for story in (Story(is_live=True).begin(), Story(after=0.0).begin()):
        for number in range(3):
            story.stream.feed(b"data: %d\n\n" % number)
            assert story.timers.waits == [0.0]
            story.timers.go_off()
            assert story.seen.endswith(b"data: %d\n\n" % number)


def test_what_is_whole_at_once_is_not_flushed_in_between() -> None:
    story = Story().begin()
    story.stream.feed(text_of(2_000))
    story.stream.finish()
    assert story.timers.waits == []
    assert story.timers.cancelled == 1
    made = make_encoder(Coding.ZSTD, 1)
    assert story.sink.data == made.feed(text_of(2_000)) + made.finish()


def test_a_body_that_had_ended_before_anybody_asked_sets_no_timer() -> None:
    story = Story()
    story.stream.feed(b"content")
    story.stream.finish()
    story.begin()
    assert reference_decode("zstd", story.sink.data) == b"content"
    assert story.timers.waits == []


def test_a_stream_without_octets_is_an_empty_content() -> None:
    story = Story().begin()
    story.stream.finish()
    assert reference_decode("zstd", story.sink.data) == b""
    assert story.sink.ends == ["finish"]


def test_a_body_that_breaks_off_is_no_whole_one() -> None:
    story = Story().begin()
    story.stream.feed(b"some")
    story.stream.fail(UpstreamTimeoutError())
    assert story.sink.ends == ["fail"]
    assert isinstance(story.sink.error, UpstreamTimeoutError)
    assert story.timers.set == []
    assert story.ended == []


def test_a_reader_that_leaves_takes_the_source_along_and_no_timer_stays() -> None:
    story = Story().begin()
    story.stream.feed(b"some")
    story.form.changed.abort()
    assert story.source.told == ["cancel"]
    assert story.timers.set == []


def test_a_stream_given_up_by_somebody_else_fails_for_its_reader() -> None:
    story = Story().begin()
    story.stream.feed(b"some")
    story.stream.abort()
    assert isinstance(story.sink.error, StreamAbortedError)
    assert story.timers.set == []


def test_a_timer_that_comes_late_does_no_harm() -> None:
    story = Story().begin()
    story.stream.feed(b"some")
    late = story.timers.set[0][1]
    story.stream.finish()
    late()
    assert story.sink.ends == ["finish"]


def test_a_slow_reader_slows_the_source() -> None:
    story = Story().begin()
    story.form.changed.pause()
    story.form.changed.resume()
    assert story.source.told == ["pause", "resume"]


@pytest.mark.parametrize("encodes", [True, False])
def test_a_coding_is_taken_off_piece_by_piece(encodes: bool) -> None:
    story = Story(decodes=Coding.GZIP, encodes=encodes).begin()
    content = text_of(100_000)
    coded = reference_encode(Coding.GZIP, content)
    for at in range(0, len(coded), 1_000):
        story.stream.feed(coded[at : at + 1_000])
    story.stream.finish()
    assert (reference_decode("zstd", story.sink.data) if encodes else story.sink.data) == content


def test_broken_content_ends_both_streams() -> None:
    story = Story(decodes=Coding.GZIP, encodes=False).begin()
    story.stream.feed(b"no gzip at all")
    assert isinstance(story.sink.error, ContentCodingError)
    assert story.stream.end is StreamEnd.ABORTED
    assert story.source.told == ["cancel"]


def test_content_that_is_cut_short_is_found_at_the_end() -> None:
    story = Story(decodes=Coding.GZIP).begin()
    story.stream.feed(reference_encode(Coding.GZIP, text_of(9_000))[:-5])
    story.stream.finish()
    assert isinstance(story.sink.error, ContentCodingError)
    assert story.sink.ends == ["fail"]


def test_it_says_when_something_could_be_read() -> None:
    heard: list[str] = []
    story = Story(decodes=Coding.GZIP, encodes=False).begin()
    coded = reference_encode(Coding.GZIP, text_of(1_000))
    story.form.on_first(lambda: heard.append("first"))
    story.stream.feed(coded[:5])
    assert heard == []
    story.stream.feed(coded[5:400])
    assert heard == ["first"]
    story.stream.feed(coded[400:])
    story.stream.finish()
    assert heard == ["first"]


@pytest.mark.parametrize("how", ["finish", "fail", "abort", "garbage"])
def test_so_it_does_when_nothing_can_be(how: str) -> None:
    heard: list[str] = []
    story = Story(decodes=Coding.GZIP).begin()
    story.form.on_first(lambda: heard.append("first"))
    if how == "finish":
        story.stream.finish()
    elif how == "fail":
        story.stream.fail(UpstreamTimeoutError())
    elif how == "abort":
        story.stream.abort()
    else:
        story.stream.feed(b"this is no gzip")
    assert heard == ["first"]


def test_the_expectation_of_a_client_is_passed_on() -> None:
    read: list[bool] = []
    story = Story()
    story.stream.on_first_read(lambda: read.append(True))
    story.form.begin().reads()
    assert read == [True]


def test_octets_that_waited_are_taken_first() -> None:
    stream = stream_of(b"one ", b"two ", b"three")
    form = FormStream(
        stream,
        None,
        make_encoder(Coding.GZIP, 1),
        Flush(0.02, Timers().later, is_live=True),
        lambda: 0.0,
        lambda *_: None,
    )
    sink = RecordingSink()
    form.begin().attach(sink)
    assert reference_decode("gzip", sink.data) == b"one two three"
