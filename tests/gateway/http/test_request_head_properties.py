"""Any octets as a request head: a request or a refusal, and llhttp reads the same fields.

Where ours takes more than llhttp, RFC 9112 wants it:
- any token is a method (RFC 9110 §9.1); llhttp has a list;
- a higher minor version is read as 1.1 (RFC 9110 §2.5);
- HTAB may stand around the value of Transfer-Encoding and Content-Length (RFC 9112 §5.1).
Where llhttp takes more, ours refuses: Host, targets, unknown transfer codings, expectations."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import DownstreamError
from gateway.http.lines import split_section
from gateway.http.message import Downstream, Monotonic, Request
from gateway.http.request_head import CHUNKED, Framing, HeadLimits, RequestHeads
from tests.support.heads import INSERTED, as_head, mutated, on_request

LIMITS = HeadLimits(target=200, field=200, fields=20)
UPGRADES = frozenset({b"websocket"})

VALID = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /x?y=1 HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 5\r\nAccept: */*\r\n\r\n",
    b"POST /x HTTP/1.1\r\nhost:a.b\r\nTransfer-Encoding: chunked\r\nConnection: te, x\r\nTE: trailers\r\nX: 1\r\n\r\n",
    b"GET /x HTTP/1.1\r\nhost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n",
    b"PUT http://h/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\nX-Real-IP: 1.2.3.4\r\n\r\n",
    b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\nCookie: a=b; c=d\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: null\r\n\r\n",
)
HEADS = mutated(
    VALID,
    (*INSERTED, b"Host: b\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: host\r\n"),
).map(as_head)
DOWNSTREAMS = st.sampled_from([Downstream("192.0.2.1", "http"), Downstream("192.0.2.1", "http", trusted=True)])
_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [^ ]+ HTTP/1\.([0-9])\r\n")


def read(head: bytes, downstream: Downstream) -> tuple[Request, Framing] | None:
    try:
        return RequestHeads(LIMITS, UPGRADES).parse(head, downstream, Monotonic(0.0))
    except DownstreamError:
        return None


def as_llhttp_knows_it(head: bytes) -> bytes:
    """The head with a method and a version that llhttp has heard of, and no HTAB it would not take."""
    match = _LINE.match(head)
    assert match is not None
    minor = b"0" if match.group(1) == b"0" else b"1"
    section = re.sub(rb"(?i)(\r\n(?:content-length|transfer-encoding):)[ \t]*(.*?)[ \t]*(?=\r\n)", rb"\1 \2", head)
    return b"POST / HTTP/1." + minor + section[section.index(b"\r\n") :]


@given(st.binary(max_size=300), DOWNSTREAMS)
def test_any_octets_are_a_request_or_a_refusal(noise: bytes, downstream: Downstream) -> None:
    read(as_head(noise), downstream)


@given(HEADS, DOWNSTREAMS)
@example(VALID[0], Downstream("unix", "https"))
def test_what_is_read_is_safe_to_pass_on(head: bytes, downstream: Downstream) -> None:
    found = read(head, downstream)
    if found is None:
        return
    request, framing = found
    assert framing.length >= 0 or framing.length == CHUNKED
    assert request.target == b"*" or request.target.startswith(b"/")
    assert not re.search(rb"[\x00-\x20\x7f-\xff#]", request.target + request.authority)
    block = request.fields.encode()
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", block)
    assert block.count(b"\r") == block.count(b"\n") == block.count(b"\r\n") == len(request.fields)
    lower = [name.lower() for name, _ in request.fields]
    assert not {b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"te", b"keep-alive"} & set(lower)
    assert lower.count(b"host") <= 1
    assert request.minor == 0 or lower.count(b"host") == 1
    assert [(entry[0], entry[2]) for entry in split_section(block)] == [
        (name.lower(), value) for name, value in request.fields
    ]


@given(HEADS, DOWNSTREAMS)
def test_llhttp_takes_what_is_read_and_sees_the_same_fields(head: bytes, downstream: Downstream) -> None:
    if read(head, downstream) is None:
        return
    opinion = on_request(as_llhttp_knows_it(head))
    assert opinion.error == ""
    section = head[head.index(b"\r\n") + 2 : -2]
    assert opinion.fields == [(entry[1], entry[2]) for entry in split_section(section)]


def told(head: bytes, downstream: Downstream, heads: RequestHeads) -> tuple[object, ...]:
    """All that a reading says; what came of it is changed afterwards, as plugins do."""
    try:
        request, framing = heads.parse(head, downstream, Monotonic(0.0))
    except DownstreamError as error:
        return type(error), error.detail
    line = (request.method, request.target, request.authority, request.minor, request.upgrade, request.trailers)
    said = (*line, framing, request.fields.encode(), list(request.fields), request.fields.get(b"host"))
    request.fields.set(b"Host", b"changed")
    request.fields.add(b"X-Added", b"1")
    request.fields.remove(b"Accept")
    return said


@given(st.lists(st.tuples(HEADS, DOWNSTREAMS), min_size=1, max_size=3))
def test_a_head_that_comes_again_says_what_it_said_at_first(requests: list[tuple[bytes, Downstream]]) -> None:
    heads = RequestHeads(LIMITS, UPGRADES)
    for _ in range(4):
        for head, downstream in requests:
            assert told(head, downstream, heads) == told(head, downstream, RequestHeads(LIMITS, UPGRADES))
