import pytest

from gateway.api import BodyStream, Fields, UpstreamClosedError
from plugins.cache.fill import Fill
from plugins.cache.reasons import NotStoredReason
from tests.support.streams import RecordingSource, stream_of

Results = list[bytes | NotStoredReason]


def filling(limit: int = 10) -> tuple[BodyStream, RecordingSource, Results]:
    source = RecordingSource()
    stream = BodyStream(None, source)
    results: Results = []
    Fill(stream, limit, results.append)
    return stream, source, results


def test_the_content_comes_when_it_is_whole() -> None:
    stream, _, results = filling()
    stream.feed(b"01234")
    stream.feed(b"56789")
    assert results == []
    stream.finish(Fields([(b"X-Trailer", b"1")]))
    assert results == [b"0123456789"]


def test_content_without_octets_is_content() -> None:
    stream, _, results = filling()
    stream.finish()
    assert results == [b""]


def test_above_the_limit_the_source_is_stopped_and_nothing_more_is_said() -> None:
    stream, source, results = filling()
    stream.feed(b"0123456789")
    stream.feed(b"x")
    assert results == [NotStoredReason.TOO_LARGE]
    assert source.told == ["cancel"]
    stream.feed(b"y")
    stream.finish()
    assert results == [NotStoredReason.TOO_LARGE]


def test_what_breaks_off_is_incomplete() -> None:
    stream, _, results = filling()
    stream.feed(b"0123456789")
    stream.fail(UpstreamClosedError("gone"))
    assert results == [NotStoredReason.INCOMPLETE]


@pytest.mark.parametrize(
    ("limit", "expected"), [(6, b"onetwo"), (5, NotStoredReason.TOO_LARGE), (2, NotStoredReason.TOO_LARGE)]
)
def test_what_has_come_already_counts(limit: int, expected: bytes | NotStoredReason) -> None:
    results: Results = []
    Fill(stream_of(b"one", b"two"), limit, results.append)
    assert results == [expected]
