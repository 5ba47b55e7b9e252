import pytest

from gateway.errors import BadRequestError
from gateway.http.chunked import LAST_CHUNK, ChunkedReader, encode_chunk, encode_last_chunk, parse_trailers
from gateway.http.fields import Fields


def read(*pieces: bytes, max_overhead: int = 100) -> tuple[bytes, ChunkedReader]:
    reader = ChunkedReader(max_overhead)
    return b"".join([reader.feed(piece) for piece in pieces]), reader


def lines(fields: Fields | None) -> list[tuple[bytes, bytes]]:
    assert fields is not None
    return list(fields)


def test_content_trailers_and_what_follows_are_told_apart() -> None:
    content, reader = read(b"5\r\nhello\r\n6\r\n world\r\n0\r\nX: 1\r\nY:2\r\n\r\nGET / HTTP/1.1\r\n")
    assert (content, reader.complete, reader.rest) == (b"hello world", True, b"GET / HTTP/1.1\r\n")
    assert lines(reader.trailers) == [(b"X", b"1"), (b"Y", b"2")]


def test_content_comes_as_soon_as_it_is_there() -> None:
    reader = ChunkedReader(0)
    pieces = (b"5", b"\r", b"\n", b"he", b"", b"llo", b"\r", b"\n0\r\n", b"\r", b"\nrest")
    assert [reader.feed(piece) for piece in pieces] == [b"", b"", b"", b"he", b"", b"llo", b"", b"", b"", b""]
    assert (reader.complete, reader.rest, reader.trailers) == (True, b"rest", None)


def test_the_middle_of_a_large_chunk_is_handed_on_without_a_copy() -> None:
    reader = ChunkedReader(0)
    reader.feed(b"100000\r\n")
    middle = bytes(60_000)
    assert reader.feed(middle) is middle
    assert not reader.complete


@pytest.mark.parametrize("size", [b"a", b"A", b"0a", b"000000000000000a"])
def test_sizes_are_hexadecimal_in_any_case_with_leading_zeros(size: bytes) -> None:
    content, reader = read(size + b"\r\n0123456789\r\n000\r\n\r\n", max_overhead=0)
    assert (content, reader.complete) == (b"0123456789", True)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" 5",
        b"5 ",
        b"5\t",
        b"+5",
        b"-5",
        b"0x5",
        b"5h",
        b"five",
        b"5 5",
        b"5,5",
        b"\xb5",
        b"00000000000000005",
        b"ffffffffffffffff",
        b"5\r",
        b"5\n",
        b"5\x00",
        b"5;a\x00",
        b"5;a\rb",
        b"5;a\nb",
        b"5;a\x7f",
    ],
)
def test_what_is_no_size_is_refused(line: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(line + b"\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "extension",
    [
        b";a",
        b";a=b",
        b";a;b;c",
        b" ; a = b",
        b"\t;\ta\t=\tb",
        b';a="b;c,\xe9 \\" \\\\"',
        b';a=""',
        b";!#$%&'*+-.^_`|~=1",
    ],
)
def test_extensions_are_checked_and_dropped(extension: bytes) -> None:
    content, reader = read(b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n")
    assert (content, reader.complete, reader.trailers) == (b"hello", True, None)


@pytest.mark.parametrize(
    "extension",
    [b";", b";;a", b";a;", b";a=", b";=b", b";a b", b";a ", b';a="b', b';a="b"c', b";a=b=c", b";\xe9", b";a=(b)"],
)
def test_what_is_no_extension_is_refused(extension: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "body", [b"5\r\nhello!\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello\n0\r\n", b"5\r\nhello\r0", b"5\nhello"]
)
def test_a_chunk_that_does_not_end_where_its_size_says_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(body)


@pytest.mark.parametrize("part", [b"x", b"5;\n", b"5\rx", b"5\r\nhelloX", b"0\r\nX: 1\n", b"12345678901234567"])
def test_what_can_never_become_right_is_refused_before_it_is_complete(part: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(part)


@pytest.mark.parametrize(
    "section", [b"X : 1", b"X", b": 1", b" fold", b"X: \x00", b"X: a\rb", b"X: 1\r\n folded", b"\xe9: 1"]
)
def test_trailers_out_of_shape_are_refused(section: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(b"0\r\n" + section + b"\r\n\r\n")


# --- what it may cost (RFC 9112 §7.1.1) ------------------------------------------------------------------


def test_plain_framing_costs_nothing_however_much_there_is() -> None:
    content, reader = read(b"1\r\na\r\n" * 1_000 + LAST_CHUNK, max_overhead=0)
    assert (content, reader.complete) == (b"a" * 1_000, True)


@pytest.mark.parametrize(
    "body",
    [
        b"5;a=" + b"b" * 100 + b"\r\nhello\r\n0\r\n\r\n",
        b"1;a=bcdefghijklm\r\na\r\n" * 10 + b"0\r\n\r\n",
        b"1;a\r\na\r\n" * 40 + b"0\r\n\r\n",
        b"0\r\nX: " + b"b" * 100 + b"\r\n\r\n",
        b"0\r\n" + b"X: 1\r\n" * 20 + b"\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_extensions_and_trailers_are_bounded_together_for_a_message(body: bytes, size: int) -> None:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with pytest.raises(BadRequestError, match="too much") as caught:
        read(*pieces, max_overhead=100)
    assert caught.value.limit == "chunk_overhead"


@pytest.mark.parametrize("start", [b"5;a=", b"0\r\nX: "])
def test_a_line_that_never_ends_is_given_up_at_the_bound(start: bytes) -> None:
    read(start, *[b"b"] * 90, max_overhead=100)
    with pytest.raises(BadRequestError, match="too much"):
        read(start, *[b"b"] * 110, max_overhead=100)


def test_up_to_the_bound_all_is_well() -> None:
    line = b"5;a=" + b"b" * 40
    trailers = b"X: " + b"1" * (100 - len(line) - 7) + b"\r\n\r\n"
    content, reader = read(line + b"\r\nhello\r\n0\r\n" + trailers, max_overhead=100)
    assert (content, reader.complete) == (b"hello", True)


# --- trailers (RFC 9110 §6.5.1) --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"Content-Length",
        b"TRANSFER-ENCODING",
        b"Host",
        b"Authorization",
        b"cookie",
        b"Trailer",
        b"X-Forwarded-For",
        b"X-Real-IP",
        b"X-Original-URL",
        b"Cache-Control",
    ],
)
def test_trailers_that_frame_route_or_authorise_are_dropped(name: bytes) -> None:
    assert parse_trailers(name + b": 1\r\n\r\n") is None
    assert lines(parse_trailers(b"A: 1\r\n" + name + b": 1\r\nB: 2\r\n\r\n")) == [(b"A", b"1"), (b"B", b"2")]


def test_no_trailers_are_none() -> None:
    assert parse_trailers(b"\r\n") is None


def test_trailers_go_on_as_they_came() -> None:
    trailers = parse_trailers(b"grpc-status:0\r\nX:  a \r\n\r\n")
    assert encode_last_chunk(trailers) == b"0\r\ngrpc-status:0\r\nX:  a \r\n\r\n"
    assert encode_last_chunk(None) == LAST_CHUNK


def test_what_is_encoded_is_read_back() -> None:
    body = encode_chunk(b"hello") + encode_chunk(b"x" * 300) + encode_last_chunk(Fields([(b"X", b"1")]))
    content, reader = read(body + b"more")
    assert (content, reader.rest, lines(reader.trailers)) == (b"hello" + b"x" * 300, b"more", [(b"X", b"1")])
