"""Attackers on real sockets: each sends what its attack says until it is told to go, and notes what it was told.

As a program it takes orders from standard input, `SECONDS NUMBER NAME` a line, and answers each with a line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from contextlib import suppress

from loadtests.flooding.attacks import ATTACKS, Attack

HANDSHAKE = (
    "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)
PATIENCE = 60.0
"""Seconds after which an attacker nobody stopped gives up."""
_BY_NAME = {each.name: each for each in ATTACKS}


async def attack(port: int, what: Attack) -> int | None:
    """The close code that ended one attack; `None` when the connection ended without."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        more = "".join(f"{line}\r\n" for line in what.fields)
        writer.write(HANDSHAKE.format(target=what.target, more=more).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head[:100].decode("latin-1"))
        sending = asyncio.ensure_future(_send(writer, what))
        try:
            async with asyncio.timeout(PATIENCE):
                return await _code_of(reader)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await sending
    finally:
        writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, what: Attack) -> None:
    for piece in what.pieces():
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(what.pause)


async def _code_of(reader: asyncio.StreamReader) -> int | None:
    """Read frames of the gateway until a Close comes."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            first, length = await reader.readexactly(2)
            if length > 125:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
            payload = await reader.readexactly(length)
            if first & 0xF == 8:
                return int.from_bytes(payload[:2], "big")
    return None


async def attack_for(port: int, what: Attack, number: int, seconds: float) -> Counter[int | None]:
    """How the attacks of so many attackers ended, each of whom comes back at once, for so long."""
    ends: Counter[int | None] = Counter()
    until = time.monotonic() + seconds

    async def again_and_again() -> None:
        while True:
            ends[await attack(port, what)] += 1
            if time.monotonic() >= until:
                return

    await asyncio.gather(*(again_and_again() for _ in range(number)))
    return ends


def main() -> None:
    """Take orders until there are no more. Politely towards whoever shares the core: it measures."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.flooding.attackers")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    os.nice(10)
    for line in sys.stdin:
        seconds, number, name = line.strip().split(" ", 2)
        codes = asyncio.run(attack_for(port, _BY_NAME[name], int(number), float(seconds)))
        print(json.dumps({str(code): count for code, count in codes.items()}), flush=True)


if __name__ == "__main__":
    main()
