"""Sets the demonstration up and takes it down: origin, gateway, client, each a process."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from gateway.demo import configuration, ports
from gateway.demo.probe import Probe
from gateway.demo.processes import Child, DemoError
from gateway.demo.snapshot import Addresses

RATE = 150.0
"""Visits a second: enough to see, little enough for a laptop on battery."""
UP_WITHIN = 20.0
"""Seconds that the gateway may take to be ready."""
ENDS_WITHIN = 5.0
"""Seconds a process may take to end after SIGTERM; the gateway's drain of two included."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    addresses: Addresses
    origin: Child
    gateway: Child
    client: Child
    probe: Probe

    async def failure(self) -> DemoError:
        """Wait until one of the processes ends by itself, and say which."""
        waits = [asyncio.ensure_future(child.failed()) for child in (self.origin, self.gateway, self.client)]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for wait in waits:
                wait.cancel()


def choose_addresses(listen: str | None, origin: int) -> Addresses:
    """Where to listen: `listen` as asked for, else the usual ports or free ones.

    Raises DemoError when `listen` is no address or is taken."""
    try:
        host, port = ports.split(listen) if listen else (ports.LOOPBACK, ports.choose(ports.DATA))
    except ValueError as error:
        raise DemoError(str(error)) from error
    if port == 0:
        port = ports.choose(0, host)
    elif listen and not ports.is_free(host, port):
        raise DemoError(f"Cannot listen on {listen}: somebody else does, or the address is not one of this machine's.")
    admin = ports.choose(ports.ADMIN)
    return Addresses(ports.join(host, port), ports.join(ports.LOOPBACK, admin), ports.join(ports.LOOPBACK, origin))


@asynccontextmanager
async def staged(listen: str | None, rate: float = RATE) -> AsyncIterator[Stage]:
    """Start everything; stop everything at the end, whatever the end is.

    Raises DemoError when something does not start."""
    async with AsyncExitStack() as cleanup:
        directory = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="slipstream-demo-")))
        with socket.create_server((ports.LOOPBACK, 0), backlog=1024) as listener:
            addresses = choose_addresses(listen, listener.getsockname()[1])
            command = ["-m", "gateway.demo.origin", str(listener.fileno())]
            origin = await Child.start("origin", command, directory, descriptors=[listener.fileno()])
            cleanup.push_async_callback(origin.stop, ENDS_WITHIN)
        file = directory / "config.yaml"
        text = configuration.text(listen=addresses.data, admin=addresses.admin, origin=f"http://{addresses.origin}")
        await asyncio.to_thread(file.write_text, text, encoding="utf-8")
        gateway = await Child.start("gateway", ["-m", "gateway", "run", "--config", str(file)], directory)
        cleanup.push_async_callback(gateway.stop, ENDS_WITHIN)
        probe = Probe(await cleanup.enter_async_context(ClientSession()), addresses.admin)
        await _ready(gateway, probe)
        nearby = ports.reachable(*ports.split(addresses.data))
        options = ["--gateway", f"http://{nearby}", "--origin", f"http://{addresses.origin}", "--rate", str(rate)]
        client = await Child.start("client", ["-m", "gateway.demo.client", *options], directory, piped=True)
        cleanup.push_async_callback(client.stop, ENDS_WITHIN)
        yield Stage(addresses, origin, gateway, client, probe)


async def _ready(gateway: Child, probe: Probe) -> None:
    ready, failed = asyncio.ensure_future(probe.until_ready()), asyncio.ensure_future(gateway.failed())
    try:
        done, _ = await asyncio.wait((ready, failed), timeout=UP_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if failed in done:
            raise failed.result()
        if ready not in done:
            raise gateway.error(f"was not ready after {UP_WITHIN:.0f} s")
        ready.result()
    finally:
        ready.cancel()
        failed.cancel()
