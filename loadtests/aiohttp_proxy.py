"""The proxy one would write with aiohttp: its low-level server in front of its client, both streaming, on uvloop.

A yardstick for `loadtests.bench`, and no part of the product.
"""

import argparse
import asyncio
import signal

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from loadtests.support.ports import LOOPBACK

_HOP_BY_HOP = ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade")
_BACKLOG = 4096
_NO_LIMIT = 0


class Proxy:
    """Hands every request to one origin and streams the answer back."""

    def __init__(self, session: aiohttp.ClientSession, origin_port: int) -> None:
        self._session = session
        self._origin = f"http://{LOOPBACK}:{origin_port}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        fields = _end_to_end(request.headers)
        fields["X-Forwarded-For"] = request.remote or "unknown"
        fields["X-Forwarded-Proto"] = "http"
        upstream = await self._session.request(
            request.method,
            URL(self._origin + request.raw_path, encoded=True),
            headers=fields,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        )
        async with upstream:
            response = web.StreamResponse(
                status=upstream.status, reason=upstream.reason, headers=_end_to_end(upstream.headers)
            )
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


def _end_to_end(fields: "aiohttp.typedefs.LooseHeaders") -> CIMultiDict[str]:
    kept = CIMultiDict(fields)
    for name in _HOP_BY_HOP:
        kept.popall(name, None)
    return kept


async def serve(port: int, origin_port: int) -> None:
    """Answer on `port` until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    connector = aiohttp.TCPConnector(limit=_NO_LIMIT, use_dns_cache=True)
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    ) as session:
        runner = web.ServerRunner(web.Server(Proxy(session, origin_port).handle))
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port, backlog=_BACKLOG).start()
        try:
            await stop.wait()
        finally:
            await runner.cleanup()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.aiohttp_proxy", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--origin-port", type=int, required=True)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.origin_port))


if __name__ == "__main__":
    main()
