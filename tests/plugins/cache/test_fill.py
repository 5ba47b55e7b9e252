import pytest

from gateway.api import BodyStream, Fields, UpstreamClosedError
from plugins.cache.fill import Fill
from plugins.cache.filling import Filling
from plugins.cache.reasons import NotStoredReason
from tests.support.streams import RecordingSource, stream_of

Results = list[bytes | NotStoredReason]


def filling(limit: int = 10) -> tuple[BodyStream, RecordingSource, Results]:
    source = RecordingSource()
    stream = BodyStream(None, source)
    results: Results = []
    Fill(stream, limit, Filling(1000), 0, lambda fill, result: results.append(result)).begin()
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
    Fill(stream_of(b"one", b"two"), limit, Filling(1000), 0, lambda fill, result: results.append(result)).begin()
    assert results == [expected]


def test_all_fills_together_have_so_much_room_and_no_more() -> None:
    filling = Filling(100)
    results: Results = []
    streams = [BodyStream(None, RecordingSource()) for _ in range(2)]
    fills = [Fill(stream, 90, filling, 0, lambda fill, result: results.append(result)) for stream in streams]
    for fill in fills:
        fill.begin()
    streams[0].feed(bytes(60))
    streams[1].feed(bytes(40))
    assert (results, filling.octets) == ([], 100)
    streams[1].feed(b"x")
    assert (results, filling.octets, fills[1].reserved) == ([NotStoredReason.CROWDED], 100, 40)
    streams[0].finish()
    assert results[1] == bytes(60)


def test_room_that_was_taken_before_is_not_taken_again() -> None:
    filling = Filling(100)
    filling.reserve(50)
    stream = BodyStream(None, RecordingSource())
    fill = Fill(stream, 90, filling, 50, lambda fill, result: None)
    fill.begin()
    stream.feed(bytes(50))
    assert filling.octets == fill.reserved == 50
    stream.feed(bytes(10))
    assert filling.octets == fill.reserved == 60
