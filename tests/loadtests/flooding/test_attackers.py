import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from loadtests.flooding.attackers import attack, attack_for
from loadtests.flooding.attacks import ATTACKS, FIN, PING, frame
from tests.support.frames import close
from tests.support.frames import frame as framed
from tests.support.loopback import listening

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
PINGS = next(each for each in ATTACKS if each.name == "pings")


@asynccontextmanager
async def victim(head: bytes, enough: int, *words: bytes) -> AsyncIterator[int]:
    """Answers a handshake, reads so many octets, says its words and leaves."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        if enough:
            await reader.readexactly(enough)
        for each in words:
            writer.write(each)

    async with listening(serve) as port:
        yield port


async def test_what_an_attacker_hears_is_noted() -> None:
    words = (framed(1, b"x" * 200, masked=False), framed(9, b"", masked=False), close(1008, masked=False))
    async with victim(SWITCHED, 100, *words) as port:
        assert await attack(port, PINGS) == 1008


async def test_an_end_without_a_word_is_noted_as_well() -> None:
    async with victim(SWITCHED, 10) as port:
        assert await attack(port, PINGS) is None


async def test_a_refusal_is_no_attack() -> None:
    async with victim(b"HTTP/1.1 503 No\r\n\r\n", 0) as port:
        with pytest.raises(ConnectionError, match="503"):
            await attack(port, PINGS)


async def test_attackers_come_back_until_the_time_is_over() -> None:
    what = dataclasses.replace(PINGS, pieces=lambda: iter([frame(FIN | PING)]))
    async with victim(SWITCHED, 6, close(1008, masked=False)) as port:
        assert await attack_for(port, what, 3, 0.0) == {1008: 3}
        assert (await attack_for(port, what, 1, 0.05))[1008] > 1
