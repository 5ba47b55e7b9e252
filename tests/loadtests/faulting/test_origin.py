import asyncio
from collections.abc import Iterator

import pytest

from loadtests.faulting.origin import CONTENT, Fault, FaultyOrigin


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin("one") as origin:
        yield origin


async def ask(origin: FaultyOrigin, target: str = "/") -> bytes:
    """What comes back until the connection ends, or nothing more comes."""
    reader, writer = await asyncio.open_connection(origin.host, origin.port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await reader.readexactly(len(CONTENT))
    finally:
        writer.close()


async def test_it_answers_and_says_who_it_is(origin: FaultyOrigin) -> None:
    answer = await ask(origin)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nX-Served-By: one\r\n" in answer
    assert (origin.calls, origin.answers, origin.checks) == (1, 1, 0)


async def test_checks_are_counted_apart(origin: FaultyOrigin) -> None:
    await ask(origin, "/healthz")
    assert (origin.calls, origin.answers, origin.checks) == (0, 0, 1)


async def test_it_refuses_and_comes_back_at_the_same_place(origin: FaultyOrigin) -> None:
    port = origin.port
    origin.behave(Fault.REFUSE)
    with pytest.raises(ConnectionRefusedError):
        await ask(origin)
    origin.behave(Fault.NONE)
    assert origin.port == port
    assert (await ask(origin)).startswith(b"HTTP/1.1 200 ")


async def test_it_breaks_off_in_the_middle(origin: FaultyOrigin) -> None:
    origin.behave(Fault.RESET)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await ask(origin)
    assert (await ask(origin, "/healthz")).startswith(b"HTTP/1.1 200 ")


async def test_it_fails_and_its_checks_too(origin: FaultyOrigin) -> None:
    origin.behave(Fault.ERROR)
    assert (await ask(origin)).startswith(b"HTTP/1.1 503 ")
    assert (await ask(origin, "/healthz")).startswith(b"HTTP/1.1 503 ")
    assert origin.answers == 0


async def test_whoever_hung_is_let_go_when_it_is_well_again(origin: FaultyOrigin) -> None:
    origin.behave(Fault.HANG)
    asking = asyncio.ensure_future(ask(origin))
    while not origin.calls:  # noqa: ASYNC110  # another thread sets no events
        await asyncio.sleep(0.005)
    origin.behave(Fault.NONE)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await asking
