"""Heads and chunked bodies out of shape, and llhttp (through httptools) as a second opinion on those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import httptools
from hypothesis import strategies as st

Lines = list[tuple[bytes, bytes]]

INSERTED = (
    b"\r",
    b"\n",
    b"\x00",
    b" ",
    b"\t",
    b"\r\n",
    b":",
    b",",
    b";",
    b'"',
    b"\\",
    b"\x7f",
    b"\xff",
    b"0",
    b"9",
    b"close",
)


@st.composite
def mutated(draw: st.DrawFn, originals: Sequence[bytes], inserted: Sequence[bytes] = INSERTED, most: int = 4) -> bytes:
    """One of `originals` with up to `most` bits flipped, octets put in or left out, lines doubled or moved."""
    octets = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, max(0, len(octets) - 1)))
        match draw(st.integers(0, 4)):
            case 0:
                octets = octets[:at] + draw(st.sampled_from(inserted)) + octets[at:]
            case 1 if octets:
                octets = octets[:at] + bytes([octets[at] ^ 1 << draw(st.integers(0, 7))]) + octets[at + 1 :]
            case 2:
                octets = octets[:at] + octets[at + 1 :]
            case _:
                lines = octets.split(b"\r\n")
                line = lines[draw(st.integers(0, len(lines) - 1))]
                lines.insert(draw(st.integers(0, len(lines) - 1)), line)
                octets = b"\r\n".join(lines)
    return octets


def as_head(octets: bytes) -> bytes:
    """`octets` up to and with their first empty line, which is added when there is none: what a reader is given."""
    octets += b"\r\n\r\n"
    return octets[: octets.index(b"\r\n\r\n") + 4]


def cuts(octets: bytes, at: Sequence[int]) -> list[bytes]:
    """`octets` in pieces, cut at the given places."""
    places = sorted({0, len(octets), *(place % (len(octets) + 1) for place in at)})
    return [octets[begin:end] for begin, end in pairwise(places)]


class SecondOpinion:
    """What llhttp makes of a message."""

    def __init__(self) -> None:
        self.fields: Lines = []
        self.trailers: Lines = []
        self.content = b""
        self.complete = False
        self.error = ""
        self._in_content = False

    def on_header(self, name: bytes, value: bytes) -> None:
        (self.trailers if self._in_content else self.fields).append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self._in_content = True

    def on_body(self, data: bytes) -> None:
        self.content += data

    def on_message_complete(self) -> None:
        self.complete = True


def on_request(octets: bytes) -> SecondOpinion:
    """llhttp's opinion on a request; `error` says why it refuses it."""
    seen = SecondOpinion()
    return _fed(httptools.HttpRequestParser(seen), seen, octets)


def on_response(octets: bytes) -> SecondOpinion:
    """llhttp's opinion on a response, chunked beating Content-Length as RFC 9112 §6.3 has it."""
    seen = SecondOpinion()
    parser = httptools.HttpResponseParser(seen)
    parser.set_dangerous_leniencies(lenient_chunked_length=True)
    return _fed(parser, seen, octets)


def _fed(
    parser: httptools.HttpRequestParser | httptools.HttpResponseParser, seen: SecondOpinion, octets: bytes
) -> SecondOpinion:
    try:
        parser.feed_data(octets)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        if str(error) != "Pause on CONNECT/Upgrade":  # it takes the head and wants no more
            seen.error = str(error)
    return seen
