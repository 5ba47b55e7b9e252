"""Any octets in any pieces as a chunked body: one verdict for every cut, and llhttp reads the same content.

Where ours takes more than llhttp, RFC 9112 §7.1.1 wants it: white space around `;` and `=` of an extension."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import BadRequestError
from gateway.http.chunked import ChunkedReader, encode_chunk, encode_last_chunk
from tests.support.heads import INSERTED, Lines, cuts, mutated, on_request

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
VALID = (
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;a=b\r\nhello\r\n0\r\nX-A: 1\r\n\r\nGET",
    b"1\r\na\r\n10\r\n0123456789abcdef\r\n0;x\r\n\r\n",
    b'A \t; a = "b;c" ;d\r\n0123456789\r\n00\r\nX: y\r\nZ: \r\n\r\n',
)
MORE = (*INSERTED, b"=", b"g", b"a", b"0\r\n\r\n")
BODIES = mutated(VALID, MORE)
WITHOUT_WHITE_SPACE = (*VALID[:3], b'A;a="b c"\r\n0123456789\r\n00\r\nX: y\r\nZ: \r\n\r\n')
_WHITE_SPACE = re.compile(rb"(?m)^[0-9A-Fa-f]+(?:[ \t]*;[^\r\n\"]*)?[ \t]|\"[ \t]")
PLAIN_BODIES = mutated(WITHOUT_WHITE_SPACE, MORE).filter(lambda octets: _WHITE_SPACE.search(octets) is None)
CUTS = st.lists(st.integers(0, 200), max_size=6)
BOUNDS = st.sampled_from([0, 1, 5, 17, 30, 1000])

Verdict = tuple[bytes, bool, bytes, Lines]


def verdict(pieces: list[bytes], bound: int) -> Verdict | str:
    """Content, whether it is complete, what follows, trailers; or why it was refused."""
    reader = ChunkedReader(bound)
    content, rest = b"", b""
    try:
        for piece in pieces:
            if reader.complete:
                rest += piece
            else:
                content += reader.feed(piece)
    except BadRequestError:
        return "refused"
    trailers = [] if reader.trailers is None else list(reader.trailers)
    return content, reader.complete, reader.rest + rest, trailers


def same_for_every_cut(octets: bytes, at: list[int], bound: int) -> None:
    whole = verdict([octets], bound)
    assert verdict(cuts(octets, at), bound) == whole
    assert verdict([octets[index : index + 1] for index in range(len(octets))], bound) == whole


@given(BODIES, CUTS, BOUNDS)
@example(b"5;a=bcdefghijklmn\r\nhello\r\n0\r\n\r\n", [18], 17)  # a CR of the framing is no part of what is counted
def test_where_a_body_is_cut_changes_nothing(octets: bytes, at: list[int], bound: int) -> None:
    same_for_every_cut(octets, at, bound)


@given(st.binary(max_size=80), CUTS, BOUNDS)
def test_noise_is_content_or_a_refusal_wherever_it_is_cut(octets: bytes, at: list[int], bound: int) -> None:
    same_for_every_cut(octets, at, bound)


@given(PLAIN_BODIES, CUTS)
def test_content_handed_on_before_a_refusal_is_what_the_body_began_with(octets: bytes, at: list[int]) -> None:
    reader, handed = ChunkedReader(100), b""
    try:
        for piece in cuts(octets, at):
            if not reader.complete:
                handed += reader.feed(piece)
    except BadRequestError:
        assert on_request(HEAD + octets).content.startswith(handed)


@given(PLAIN_BODIES)
def test_llhttp_reads_the_same_content_where_a_body_is_complete(octets: bytes) -> None:
    ours = verdict([octets], 1000)
    if isinstance(ours, str) or not ours[1]:
        return
    content, _, rest, trailers = ours
    opinion = on_request(HEAD + octets[: len(octets) - len(rest)])
    assert (opinion.error, opinion.complete, opinion.content) == ("", True, content)
    assert opinion.trailers == trailers


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), CUTS, st.binary(max_size=5))
def test_what_is_encoded_is_read_back_wherever_it_is_cut(chunks: list[bytes], at: list[int], rest: bytes) -> None:
    octets = b"".join(map(encode_chunk, chunks)) + encode_last_chunk(None) + rest
    assert verdict(cuts(octets, at), 0) == (b"".join(chunks), True, rest, [])
