"""Run the origin on one port of the loopback until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import signal

import uvloop

from loadtests.origin.protocol import FixedAnswers, OriginProtocol
from loadtests.support.ports import LOOPBACK

_BACKLOG = 4096


async def serve(port: int) -> None:
    """Answer on `port` until told to stop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    fixed = FixedAnswers()
    fixed.keep_rendering(loop)
    server = await loop.create_server(lambda: OriginProtocol(fixed), LOOPBACK, port, backlog=_BACKLOG)
    try:
        await stop.wait()
    finally:
        server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.origin", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(arguments.port))


if __name__ == "__main__":
    main()
