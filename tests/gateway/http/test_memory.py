"""Heads that come again are remembered; secrets never are, and a remembered head reads like a new one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.memory import LONGEST, MOST, MOST_MARKS, Memory, holds_credential
from gateway.http.message import Downstream, Monotonic, Request
from gateway.http.request_head import HeadLimits, RequestHeads
from gateway.http.response_head import ResponseHeads

STRANGER = Downstream("203.0.113.7", "http")
HEAD = b"GET /things HTTP/1.1\r\nHost: app.example\r\nX-Odd: 1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nX-Odd: 1\r\nContent-Length: 5\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\n"


def heads() -> RequestHeads:
    return RequestHeads(HeadLimits(8192, 8192, 100), frozenset())


def test_a_head_is_remembered_when_it_comes_for_the_second_time() -> None:
    memory: Memory[int] = Memory()
    memory.offer(b"head", 1)
    assert memory.recall(b"head") is None
    memory.offer(b"head", 1)
    assert memory.recall(b"head") == 1


@pytest.mark.parametrize(
    "line",
    [b"Authorization: Bearer x", b"COOKIE: a=b", b"x-api-key: k", b"X-Auth-Token: t", b"Referer: /?session=1"],
)
def test_a_head_with_anything_like_a_credential_is_never_remembered(line: bytes) -> None:
    memory: Memory[int] = Memory()
    octets = b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"
    for _ in range(3):
        memory.offer(octets, 1)
    assert holds_credential(octets)
    assert len(memory) == 0


def test_a_long_head_is_not_remembered() -> None:
    memory: Memory[int] = Memory()
    for _ in range(3):
        memory.offer(b"x" * (LONGEST + 1), 1)
    assert len(memory) == 0


def test_the_memory_is_bounded() -> None:
    memory: Memory[int] = Memory()
    for number in range(MOST * 3):
        for _ in range(2):
            memory.offer(b"%d" % number, number)
    assert 0 < len(memory) <= MOST


def test_heads_that_never_repeat_take_no_room() -> None:
    memory: Memory[int] = Memory()
    for number in range(MOST_MARKS + 10):
        memory.offer(b"%d" % number, number)
    assert len(memory) == 0


def test_a_remembered_request_reads_like_a_new_one_and_shares_nothing_that_can_change() -> None:
    reader = heads()

    def read(moment: float) -> Request:
        return reader.parse(HEAD, STRANGER, Monotonic(moment))[0]

    read(1.0)
    read(2.0)
    third = read(3.0)
    third.fields.add(b"X-More", b"2")
    third.fields.set(b"X-Odd", b"changed")
    third.fields.set(b"X-New", b"3")
    third.fields.remove(b"host")
    fourth = read(4.0)
    assert list(fourth.fields) == [(b"Host", b"app.example"), (b"X-Odd", b"1")]
    assert fourth.fields.encode() == b"Host: app.example\r\nX-Odd: 1\r\n"
    assert (fourth.method, fourth.target, fourth.authority) == ("GET", b"/things", b"app.example")
    assert fourth.started == 4.0
    assert fourth.trail == []


def test_a_remembered_answer_reads_like_a_new_one() -> None:
    reader = ResponseHeads()
    first = reader.parse(ANSWER, "GET")
    reader.parse(ANSWER, "GET")
    third = reader.parse(ANSWER, "GET")
    third[0].fields.remove(b"x-odd")
    fourth = reader.parse(ANSWER, "GET")
    assert fourth[0].fields == first[0].fields
    assert fourth[1:] == first[1:] == (5, True, None)
    assert fourth[0].dated
    assert fourth[0].fields.encode_with_length(5) == ANSWER.partition(b"\r\n")[2][:-2]


def test_a_remembered_answer_to_head_has_no_content_but_describes_it() -> None:
    reader = ResponseHeads()
    for _ in range(3):
        response, length, _, _ = reader.parse(ANSWER, "HEAD")
        assert (length, response.described_length) == (0, 5)
    assert reader.parse(ANSWER, "GET")[1] == 5


@given(st.lists(st.sampled_from([HEAD, HEAD.replace(b"1.1", b"1.0"), HEAD.replace(b"GET", b"PUT")]), max_size=30))
def test_whatever_came_before_a_head_reads_the_same(sequence: list[bytes]) -> None:
    reader = heads()
    for head in sequence:
        request, framing = reader.parse(head, STRANGER, Monotonic(0.0))
        fresh, fresh_framing = heads().parse(head, STRANGER, Monotonic(0.0))
        assert framing == fresh_framing
        assert (request.method, request.target, request.authority, request.minor) == (
            fresh.method,
            fresh.target,
            fresh.authority,
            fresh.minor,
        )
        assert request.fields == fresh.fields
