"""What awaits in more than one of the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from gateway.api import BodyTooLargeError, Response, Tasks, UpstreamProtocolError

J = TypeVar("J")


async def side_by_side(
    tasks: Tasks, work: Callable[[J], Awaitable[None]], jobs: Sequence[J], at_once: int, name: str
) -> None:
    """Do `work` for all jobs, so many at once. Those that need not wait are done here and cost no task."""
    waiting = iter(jobs)
    helpers: list[asyncio.Task[None]] = []

    async def run() -> None:
        for job in waiting:
            await work(job)

    def call_helpers() -> None:
        helpers.extend(tasks.spawn(run(), name=name) for _ in range(min(at_once, len(jobs)) - 1))

    turn = asyncio.get_running_loop().call_soon(call_helpers)
    try:
        await run()
        if helpers:
            await asyncio.gather(*helpers)
    finally:
        turn.cancel()
        for helper in helpers:
            helper.cancel()


async def content_of(response: Response, limit: int) -> bytes:
    """The whole content of a response that goes no further. Raises UpstreamProtocolError above `limit` octets."""
    body = response.body
    try:
        octets = body if isinstance(body, bytes) else await body.read(limit)
        if len(octets) > limit:
            raise BodyTooLargeError
    except BodyTooLargeError:
        response.discard()
        raise UpstreamProtocolError(f"the answer has more than {limit} octets") from None
    except BaseException:
        response.discard()
        raise
    response.sent(True)
    return octets
