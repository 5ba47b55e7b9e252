"""Any octets as a response head: a response or an error of the upstream's, and llhttp reads the same fields.

Where ours takes more than llhttp, RFC 9112 or RFC 9110 wants it:
- a higher minor version is read as 1.1 (RFC 9110 §2.5);
- several Content-Length lines that agree are one (RFC 9110 §8.6);
- HTAB may stand around the value of Transfer-Encoding and Content-Length (RFC 9112 §5.1)."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamProtocolError
from gateway.http.lines import split_section
from gateway.http.message import Response
from gateway.http.request_head import CHUNKED
from gateway.http.response_head import UNTIL_CLOSE, ResponseHeads
from tests.support.heads import INSERTED, as_head, mutated, on_response

VALID = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nServer: a\r\nConnection: server\r\n\r\n",
    b"HTTP/1.0 200 \r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 301\r\nTransfer-Encoding: chunked\r\nLocation: /\r\nConnection: close, x\r\nX: 1\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b'HTTP/1.1 304 x\r\nContent-Length: 10\r\nETag: "a"\r\nSet-Cookie: a=b; Path=/\r\n\r\n',
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
)
HEADS = mutated(
    VALID, (*INSERTED, b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: x\r\n")
).map(as_head)
METHODS = st.sampled_from(["GET", "HEAD", "POST"])
_LENGTH = rb"(?i)(?<=\r\n)content-length:[^\r]*\r\n"


def read(head: bytes, method: str) -> tuple[Response, int, bool, bytes | None] | None:
    try:
        return ResponseHeads().parse(head, method)
    except UpstreamProtocolError:
        return None


def as_llhttp_knows_it(head: bytes) -> bytes:
    """The head with a version that llhttp has heard of, one Content-Length, and no HTAB it would not take."""
    minor = b"0" if head.startswith(b"HTTP/1.0") else b"1"
    head = b"HTTP/1." + minor + head[8:]
    for repeated in list(re.finditer(_LENGTH, head))[:0:-1]:
        head = head[: repeated.start()] + head[repeated.end() :]
    return re.sub(rb"(?i)(\r\n(?:content-length|transfer-encoding):)[ \t]*(.*?)[ \t]*(?=\r\n)", rb"\1 \2", head)


@given(st.binary(max_size=300), METHODS)
def test_any_octets_are_a_response_or_an_error_of_the_upstream(noise: bytes, method: str) -> None:
    read(as_head(noise), method)
    read(as_head(b"HTTP/1.1 200 " + noise), method)


@given(HEADS, METHODS)
def test_what_is_read_is_safe_to_pass_on(head: bytes, method: str) -> None:
    found = read(head, method)
    if found is None:
        return
    response, length, reusable, _ = found
    assert 100 <= response.status <= 599
    assert length >= 0 or length in (CHUNKED, UNTIL_CLOSE)
    assert not (length == UNTIL_CLOSE and reusable)
    assert length == 0 or (method != "HEAD" and response.status >= 200 and response.status not in (204, 304))
    block = response.fields.encode()
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", block + (response.reason or b""))
    assert block.count(b"\r") == block.count(b"\n") == block.count(b"\r\n") == len(response.fields)
    lower = {name.lower() for name, _ in response.fields}
    assert not {b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"te", b"keep-alive"} & lower
    assert [(entry[1], entry[2]) for entry in split_section(block)] == list(response.fields)


@given(HEADS, METHODS)
def test_llhttp_takes_what_is_read_and_sees_the_same_fields(head: bytes, method: str) -> None:
    if read(head, method) is None:
        return
    known = as_llhttp_knows_it(head)
    opinion = on_response(known)
    assert opinion.error == ""
    assert opinion.fields == [(entry[1], entry[2]) for entry in split_section(known[known.index(b"\r\n") + 2 : -2])]


@given(HEADS)
def test_the_method_changes_nothing_but_the_content(head: bytes) -> None:
    get, to_head = read(head, "GET"), read(head, "HEAD")
    if get is None or to_head is None:
        assert get is to_head
        return
    assert get[0].fields.encode() == to_head[0].fields.encode()
    assert (get[0].status, get[3]) == (to_head[0].status, to_head[3])
    assert to_head[1] == 0


def told(head: bytes, method: str, heads: ResponseHeads) -> tuple[object, ...] | str:
    """All that a reading says; what came of it is changed afterwards, as plugins do."""
    try:
        response, length, reusable, upgrade = heads.parse(head, method)
    except UpstreamProtocolError as error:
        return error.detail
    wire = response.fields.encode_with_length(length) if length >= 0 else b""
    line = (response.status, response.reason, response.described_length, response.dated)
    said = (*line, length, reusable, upgrade, response.fields.encode(), list(response.fields), wire)
    response.fields.set(b"Server", b"changed")
    response.fields.add(b"X-Added", b"1")
    response.fields.remove(b"Date")
    return said


@given(st.lists(st.tuples(HEADS, METHODS), min_size=1, max_size=3))
def test_a_head_that_comes_again_says_what_it_said_at_first(responses: list[tuple[bytes, str]]) -> None:
    heads = ResponseHeads()
    for _ in range(4):
        for head, method in responses:
            assert told(head, method, heads) == told(head, method, ResponseHeads())


@given(HEADS)
def test_octets_kept_with_their_length_are_read_as_the_same_by_llhttp(head: bytes) -> None:
    found = read(head, "GET")
    if found is None or found[1] < 0 or found[0].status < 200:
        return
    response, length, _, _ = found
    sent = b"HTTP/1.1 200 OK\r\n" + response.fields.encode_with_length(length) + b"\r\n" + b"x" * length
    opinion = on_response(as_llhttp_knows_it(sent[: len(sent) - length]) + sent[len(sent) - length :])
    assert (opinion.error, opinion.complete, len(opinion.content)) == ("", True, length)
    assert [line for line in opinion.fields if line[0].lower() != b"content-length"] == list(response.fields)
