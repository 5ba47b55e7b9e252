"""The origin over real sockets."""

import asyncio
import json
import zlib

import pytest

from loadtests.origin.content import entity_tag
from loadtests.origin.protocol import FixedAnswers
from loadtests.origin.routes import CUT_ANNOUNCED, DOCUMENTS
from loadtests.support.ports import LOOPBACK

CLOSE = "Host: x\r\nConnection: close\r\n"


async def ask(port: int, *pieces: str | bytes) -> bytes:
    """Send pieces in writes of their own, and read until the origin closes."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        for piece in pieces:
            writer.write(piece if isinstance(piece, bytes) else piece.encode())
            await writer.drain()
            await asyncio.sleep(0)
        return await reader.read()
    finally:
        writer.close()


def split(octets: bytes) -> tuple[bytes, bytes]:
    head, _, content = octets.partition(b"\r\n\r\n")
    return head, content


async def test_the_fast_path_and_the_parser_answer_alike(origin_port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, origin_port)
    writer.write(b"GET /json/1k HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    fast = head, await reader.readexactly(1024)
    writer.close()
    slow = split(await ask(origin_port, "GET /json/1k HTTP/1.1\r\n", CLOSE + "\r\n"))
    assert fast[1] == slow[1] == DOCUMENTS["1k"]
    assert [line.partition(b":")[0] for line in fast[0].split(b"\r\n") if line] == [
        line.partition(b":")[0] for line in slow[0].split(b"\r\n")
    ]


async def test_a_connection_answers_one_request_after_the_other(origin_port: int) -> None:
    one = "GET /json/1k HTTP/1.1\r\nHost: x\r\n\r\n"
    octets = await ask(origin_port, one, one, f"GET /slow/1 HTTP/1.1\r\n{CLOSE}\r\n")
    assert octets.count(b"HTTP/1.1 200 OK") == 3
    assert octets.endswith(DOCUMENTS["1k"])


async def test_the_sink_reads_everything_and_says_what_it_was(origin_port: int) -> None:
    content = bytes(range(256)) * 1000
    head = f"POST /sink/checked HTTP/1.1\r\n{CLOSE}Content-Length: {len(content)}\r\n\r\n"
    _, answer = split(await ask(origin_port, head, content[:5], content[5:]))
    assert json.loads(answer) == {"received": 256_000, "crc32": zlib.crc32(content)}


async def test_a_sender_that_waits_for_leave_gets_it(origin_port: int) -> None:
    head = f"POST /sink HTTP/1.1\r\n{CLOSE}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    octets = await ask(origin_port, head, "abc")
    assert octets.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_a_stream_arrives_in_chunks(origin_port: int) -> None:
    _, content = split(await ask(origin_port, f"GET /chunked/2/3 HTTP/1.1\r\n{CLOSE}\r\n"))
    assert content == b"3\r\n...\r\n3\r\n...\r\n0\r\n\r\n"


async def test_a_large_content_is_complete_although_the_reader_is_slower(origin_port: int) -> None:
    _, content = split(await ask(origin_port, f"GET /large/9000001 HTTP/1.1\r\n{CLOSE}\r\n"))
    assert len(content) == 9_000_001


async def test_a_fitting_validator_gets_304_and_no_content(origin_port: int) -> None:
    etag = entity_tag(DOCUMENTS["1k"])
    head, content = split(await ask(origin_port, f"GET /cacheable/1k HTTP/1.1\r\n{CLOSE}If-None-Match: {etag}\r\n\r\n"))
    assert head.startswith(b"HTTP/1.1 304 ")
    assert content == b""


async def test_calls_are_counted_but_not_those_that_ask_for_their_number(origin_port: int) -> None:
    numbers = []
    for target in ("/calls", "/cacheable/1k", "/calls", "/calls"):
        _, content = split(await ask(origin_port, f"GET {target} HTTP/1.1\r\n{CLOSE}\r\n"))
        numbers.append(content)
    assert numbers == [b'{"calls": 0}', DOCUMENTS["1k"], b'{"calls": 1}', b'{"calls": 1}']


async def test_head_has_the_length_but_no_content(origin_port: int) -> None:
    head, content = split(await ask(origin_port, f"HEAD /cacheable/1k HTTP/1.1\r\n{CLOSE}\r\n"))
    assert b"Content-Length: 1024" in head
    assert content == b""


async def test_a_reset_comes_before_any_answer(origin_port: int) -> None:
    with pytest.raises(ConnectionResetError):
        await ask(origin_port, f"GET /reset HTTP/1.1\r\n{CLOSE}\r\n")


async def test_a_cut_sends_half_of_what_it_announced(origin_port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, origin_port)
    writer.write(f"GET /cut HTTP/1.1\r\n{CLOSE}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert f"Content-Length: {CUT_ANNOUNCED}".encode() in head
    assert len(await reader.readexactly(CUT_ANNOUNCED // 2)) == CUT_ANNOUNCED // 2
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_what_is_not_http_is_refused(origin_port: int) -> None:
    assert (await ask(origin_port, "hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


def test_the_date_is_rendered_again() -> None:
    fixed = FixedAnswers()
    fixed.render(0.0)
    assert b"Date: Thu, 01 Jan 1970 00:00:00 GMT" in fixed.by_request_line[b"GET /json/1k HTTP/1.1"]
    fixed.render(61.0)
    assert b"Date: Thu, 01 Jan 1970 00:01:01 GMT" in fixed.by_request_line[b"GET /json/1k HTTP/1.1"]
