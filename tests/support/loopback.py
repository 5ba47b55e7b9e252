"""Listeners on loopback that leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(serve: Serve, path: Path | None = None, **options: Any) -> AsyncIterator[int]:
    """A listener whose connections are served by `serve`, and its port (0 for the Unix socket at `path`).

    When it ends, connections that are still there are given a moment to see the end of the other side; then
    they are closed."""
    serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving[task] = writer
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    if path is not None:
        listener = await asyncio.start_unix_server(serve_one, path)
    else:
        listener = await asyncio.start_server(serve_one, "127.0.0.1", 0, **options)
    try:
        yield 0 if path is not None else listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.sleep(0)
        if serving:
            _, left = await asyncio.wait(serving, timeout=1)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)
        await asyncio.sleep(0)


async def until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    await reader.read()
