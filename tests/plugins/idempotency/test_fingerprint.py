from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.api import BodyStream, StreamAbortedError
from plugins.idempotency.fingerprint import Print
from plugins.idempotency.settings import Fingerprint
from tests.support.plugins import make_request
from tests.support.streams import stream_of


def of(
    method: str = "POST",
    target: str = "/a",
    body: bytes = b"x",
    by: str = "content",
    fields: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    return Print(make_request(method, target, fields, body), Fingerprint(by)).octets


def test_what_is_asked_makes_the_fingerprint() -> None:
    different = [
        of(),
        of("PATCH"),
        of(target="/b"),
        of(target="/a?b"),
        of(body=b"y"),
        of(fields={"Content-Type": "application/json"}),
        of(fields={"Content-Encoding": "gzip"}),
    ]
    assert len(set(different)) == len(different)
    assert of(fields={"Accept": "text/html", "X-Request-Id": "2"}) == of()


def test_by_target_the_content_does_not_count() -> None:
    assert of(by="target") == of(body=b"y", by="target", fields={"Content-Type": "text/plain"})
    assert of(by="target") != of(target="/b", by="target")


def test_content_that_comes_in_pieces_is_the_same_content() -> None:
    streamed = Print(make_request("POST", "/a", body=BodyStream()), Fingerprint.CONTENT)
    assert not streamed.is_whole
    for piece in (b"ab", b"c"):
        streamed.feed(piece)
    streamed.finish(None)
    assert (streamed.is_whole, streamed.octets) == (True, of(body=b"abc"))


def test_content_that_breaks_off_never_becomes_whole() -> None:
    broken = Print(make_request("POST", "/a", body=BodyStream()), Fingerprint.CONTENT)
    broken.feed(b"ab")
    broken.fail(StreamAbortedError())
    assert not broken.is_whole


async def test_content_that_goes_no_further_is_read() -> None:
    body: Any = stream_of(b"a", b"bc")
    request = make_request("POST", "/a", body=body)
    found = Print(request, Fingerprint.CONTENT)
    await found.read(body)
    assert (found.is_whole, found.octets) == (True, of(body=b"abc"))
