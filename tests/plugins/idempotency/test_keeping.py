from gateway.api import BodyStream, StreamAbortedError
from plugins.idempotency.keeping import Collector
from plugins.idempotency.reasons import KeptReason
from tests.support.streams import RecordingSource


def collecting(limit: int = 10) -> tuple[BodyStream, RecordingSource, list[bytes | KeptReason]]:
    source = RecordingSource()
    stream = BodyStream(None, source)
    said: list[bytes | KeptReason] = []
    Collector(stream, limit, said.append)
    return stream, source, said


def test_whole_content_is_handed_over() -> None:
    stream, _, said = collecting()
    stream.feed(b"01234")
    stream.feed(b"56789")
    assert said == []
    stream.finish()
    assert said == [b"0123456789"]


def test_content_of_a_known_length_is_whole_with_its_last_octet() -> None:
    stream = BodyStream(10, RecordingSource())
    said: list[bytes | KeptReason] = []
    Collector(stream, 10, said.append)
    stream.feed(b"01234")
    assert said == []
    stream.feed(b"56789")
    assert said == [b"0123456789"]
    stream.finish()
    assert len(said) == 1


def test_too_much_is_let_go_at_once() -> None:
    stream, source, said = collecting()
    stream.feed(b"0123456789a")
    stream.feed(b"more")
    assert (said, source.told) == ([KeptReason.TOO_LARGE], ["cancel"])


def test_content_that_breaks_off_or_is_given_up_is_not_kept() -> None:
    broken, _, said = collecting()
    broken.feed(b"0")
    broken.fail(StreamAbortedError())
    assert said == [KeptReason.FAILED]
    given_up, _, said = collecting()
    given_up.abort()
    assert said == [KeptReason.FAILED]
