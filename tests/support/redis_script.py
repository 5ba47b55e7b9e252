"""Something on a port that behaves as a test says, and may be as bad as it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hiredis

Reply = Callable[[list[bytes]], bytes | None]
"""The octets to send for a command; `None` sends nothing."""

HELLO = b"%1\r\n+server\r\n+redis\r\n"


def polite(command: list[bytes]) -> bytes | None:
    """What a server says that has nothing."""
    if command[0] == b"HELLO":
        return HELLO
    return b"+PONG\r\n" if command[0] == b"PING" else b"+OK\r\n"


class ScriptedRedis:
    """A server whose answers are given by a function that may be changed at any time."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.commands: list[list[bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on one connection."""
        self.writers.append(writer)
        parser = hiredis.Reader()
        try:
            while octets := await reader.read(65536):
                parser.feed(octets)
                while (command := parser.gets()) is not False:
                    self.commands.append(command)
                    answer = self.reply(command)
                    if answer is not None:
                        writer.write(answer)
        except OSError:
            pass
        finally:
            writer.close()

    def say(self, octets: bytes) -> None:
        """Say something on all connections."""
        for writer in self.writers:
            if not writer.is_closing():
                writer.write(octets)

    def hang_up(self) -> None:
        """Close all connections."""
        for writer in self.writers:
            writer.close()


@asynccontextmanager
async def scripted_redis(reply: Reply = polite) -> AsyncIterator[ScriptedRedis]:
    """A listening one."""
    server = ScriptedRedis(reply)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.hang_up()
        listening.close()
        await listening.wait_closed()
