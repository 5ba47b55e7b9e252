"""Each fault knows its right outcome."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from loadtests.origin.routes import CUT_ANNOUNCED
from loadtests.support.ports import LOOPBACK
from loadtests.traffic import faults
from loadtests.traffic.faults import Fault

REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (CUT_ANNOUNCED, b"." * (CUT_ANNOUNCED // 2))
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (CUT_ANNOUNCED, b"." * CUT_ANNOUNCED)


@asynccontextmanager
async def answering(octets: bytes) -> AsyncIterator[int]:
    """A server that answers anything with `octets` and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(octets)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("fault", "octets"),
    [
        (faults.ask_ambiguously, REFUSED),
        (faults.ask_nonsense, REFUSED),
        (faults.meet_a_reset, BAD_GATEWAY),
        (faults.meet_a_cut, BAD_GATEWAY),
        (faults.meet_a_cut, HALF),
        (faults.leave_in_the_middle, OK),
        (faults.leave_within_the_head, OK),
    ],
)
async def test_the_right_outcome_passes(fault: Fault, octets: bytes) -> None:
    async with answering(octets) as port:
        assert await fault(port) is None


@pytest.mark.parametrize(
    ("fault", "octets", "said"),
    [
        (faults.ask_ambiguously, OK, "ambiguous request: 'HTTP/1.1 200 OK' instead of 400"),
        (faults.ask_nonsense, b"", "nonsense: '' instead of 400"),
        (faults.meet_a_reset, OK, "upstream reset: 'HTTP/1.1 200 OK' instead of 502"),
        (faults.meet_a_cut, WHOLE, "upstream cut: the answer looks whole"),
        (faults.read_slowly, HALF, f"slow reader: cut off {256 * 1024 - CUT_ANNOUNCED // 2} octets before the end"),
    ],
)
async def test_any_other_outcome_is_said(fault: Fault, octets: bytes, said: str) -> None:
    async with answering(octets) as port:
        assert await fault(port) == said


async def test_a_slow_reader_that_gets_everything_passes(origin_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_SLOW_PAUSE_SECONDS", 0.0)
    assert await faults.read_slowly(origin_port) is None


def test_every_fault_is_played() -> None:
    defined: list[Callable[[int], object]] = [
        value
        for value in vars(faults).values()
        if inspect.iscoroutinefunction(value) and value.__module__ == faults.__name__
    ]
    assert list(faults.FAULTS) == defined
