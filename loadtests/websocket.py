"""WebSockets measured: what a message costs in a tunnel, framed and batched, what a connection holds, how connections
end.

python -m loadtests.websocket tunnel      CPU for each message beside nginx and HAProxy
python -m loadtests.websocket batch       feeds of several kinds, framed with and without batches: CPU, writes, delay
python -m loadtests.websocket memory      5,000 idle connections
python -m loadtests.websocket slow        one client that stops reading among a hundred
python -m loadtests.websocket drain       SIGTERM with 500 connections, and a reload
python -m loadtests.websocket flood       attackers of every kind, and what twenty others notice of them
"""

import argparse
import asyncio
import functools
import json
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from loadtests.flooding.attacks import SETTINGS
from loadtests.flooding.runs import flood as run_floods
from loadtests.support.cores import pinned, place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.footprint import read_rss_kib
from loadtests.support.ports import LOOPBACK, free_port
from loadtests.support.proc import read_cpu_seconds, read_workers
from loadtests.support.processes import Running, start
from loadtests.websocket_batches import OPT_IN, SCENES, STRATEGIES, Outcome, Scene, compare
from loadtests.websocket_clients import Listening, Tally, connect, percentile

PUSH = "/push?messages={messages}&burst={burst}&pause={pause}&size=100&after={after}&writes={writes}&urgent={urgent}"
SHAPES = {
    "each": "ten writes in a row",
    "apart": "a write each millisecond",
    "once": "one write",
}
"""How the origin writes a burst."""
JOIN = "5ms"
"""`limits.tunnel_join` where it is on."""

NGINX = """\
user root; daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 8192; }}
http {{ access_log off; server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
  proxy_pass http://127.0.0.1:{origin}; proxy_http_version 1.1; proxy_read_timeout 3600s;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr; }} }} }}
"""
HAPROXY = """\
global
  maxconn 9000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend f
  bind 127.0.0.1:{port} backlog 4096
  option forwardfor
  default_backend b
backend b
  server s 127.0.0.1:{origin}
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """A proxy before the origin, both running."""

    port: int
    admin: int
    proxy: Running
    file: Path

    def workers(self) -> list[int]:
        """Pids of the gateway's workers."""
        return read_workers(self.proxy.pid)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.admin}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [line for line in lines if line.partition("{")[0] == name]
        return sum(
            float(line.rpartition(" ")[2])
            for line in wanted
            if all(f'{key}="{value}"' in line for key, value in labels.items())
        )


@contextmanager
def ground(
    peer: str, websocket: Mapping[str, object] | None = None, drain: str = "5s", join: str = "off"
) -> Iterator[Ground]:
    """Start the origin and a proxy: `slipstream`, with these settings of the plugin if any, `nginx` or `haproxy`. They
    and the caller, who plays the clients, have the cores of `place_here` meanwhile."""
    places = place_here()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipstream-websocket-")))
        port, admin, origin = free_port(), free_port(), free_port()
        module = [sys.executable, "-m", "loadtests.websocket_origin", "--port", str(origin)]
        stack.callback(start("origin", module, directory=directory, cores=places.origin).stop)
        file = directory / "proxy.conf"
        file.write_text(_configuration(peer, port, admin, origin, directory, websocket, drain, join))
        proxy = start(peer, _command(peer, file, directory), directory=directory, cores=places.proxy)
        stack.callback(proxy.stop)
        proxy.wait_until_answers(port, "/json/1k")
        stack.enter_context(pinned(places.load))
        yield Ground(port, admin, proxy, file)


def _configuration(
    peer: str,
    port: int,
    admin: int,
    origin: int,
    directory: Path,
    websocket: Mapping[str, object] | None,
    drain: str,
    join: str = "off",
) -> str:
    if peer != "slipstream":
        return (NGINX if peer == "nginx" else HAPROXY).format(port=port, origin=origin, directory=directory)
    settings = {
        "listen": f"{LOOPBACK}:{port}",
        "admin": f"{LOOPBACK}:{admin}",
        "workers": 1,
        "drain": drain,
        "limits": {"connections_per_address": 10_000, "tunnel_join": join},
        "upstreams": {"app": {"servers": [f"http://{LOOPBACK}:{origin}"], "pool": {"connections": 10_000}}},
        "plugins": [] if websocket is None else [{"websocket_batch": dict(websocket)}],
    }
    return json.dumps(settings)


def _command(peer: str, file: Path, directory: Path) -> list[str]:
    if peer == "nginx":
        return ["nginx", "-c", str(file), "-e", str(directory / "error.log")]
    if peer == "haproxy":
        return ["haproxy", "-db", "-f", str(file)]
    return [sys.executable, "-m", "gateway", "run", "-c", str(file)]


@dataclass(slots=True)
class Result:
    """What a push to many clients cost."""

    messages: int
    cpu: float
    reads: int
    tally: Tally
    writes: float = 0.0

    @property
    def microseconds(self) -> float:
        """CPU for each message."""
        return self.cpu / self.messages * 1e6


async def push(
    ground: Ground,
    connections: int,
    messages: int,
    *,
    burst: int = 10,
    pause: int = 500,
    writes: str = "each",
    urgent: float = 0.0,
    more: str = "",
) -> Result:
    """The origin pushes `messages` to each client, in bursts; what the proxy's family used meanwhile."""
    after = 1500 + connections
    target = PUSH.format(messages=messages, burst=burst, pause=pause, after=after, writes=writes, urgent=urgent)
    tally, done = Tally(), asyncio.Event()
    total = connections * messages
    begun = time.monotonic()
    clients = await connect(tally, ground.port, target, connections, more)
    took = time.monotonic() - begun
    if took > after / 1000:
        print(f"connecting took {took:.1f} s: the first bursts came meanwhile", file=sys.stderr)
    before = read_cpu_seconds(ground.proxy.pid)
    tally.changed = lambda: done.set() if tally.messages >= total or tally.lost else None
    async with asyncio.timeout(120):
        await done.wait()
    cpu = read_cpu_seconds(ground.proxy.pid) - before
    if tally.lost:
        raise RuntimeError(f"{tally.lost} connections were lost")
    for client in clients:
        client.transport.abort()
    await asyncio.sleep(0.3)
    return Result(total, cpu, tally.reads, tally)


async def tunnel(options: argparse.Namespace) -> bool:
    """CPU for each message of a tunnel, beside others."""
    peers = [
        ("nginx", "nginx", "off"),
        ("haproxy", "haproxy", "off"),
        ("slipstream", "slipstream", "off"),
        (f"slipstream, {options.join} joined", "slipstream", options.join),
    ]
    found: dict[str, float] = {}
    good = True
    for writes in SHAPES if options.writes is None else (options.writes,):
        bursts = f"bursts of 10 messages of 100 octets every {options.pause} ms, {SHAPES[writes]}"
        print(f"\n{options.connections} connections, {bursts}")
        for name, peer, join in peers:
            rounds = []
            for _ in range(options.rounds):
                with ground(peer, join=join) as here:
                    rounds.append(
                        await push(here, options.connections, options.messages, pause=options.pause, writes=writes)
                    )
            result = min(rounds, key=lambda each: each.cpu)
            found[name] = result.microseconds
            late = percentile(result.tally.seconds, 0.99) * 1000
            per = result.messages / result.reads
            print(
                f"  {name:26} {result.microseconds:6.2f} us a message, p99 {late:6.1f} ms, {per:4.1f} messages a read"
            )
        apart, joined = (found["nginx"] / found[name] for name in (peers[2][0], peers[3][0]))
        print(f"  nginx over ours: {apart:.2f} (at least 0.8), with joining {joined:.2f} (1.5 is the aim)")
        good &= apart >= 0.8
    return good


async def batch(options: argparse.Namespace) -> bool:
    """The same feed with and without batches, for feeds of several kinds."""
    strategies = STRATEGIES if options.strategy == "all" else options.strategy.split(",")
    return await compare(_carry, options.scenes.split(","), strategies, functools.partial(print, flush=True))


async def _carry(scene: Scene, settings: Mapping[str, object], more: str) -> Outcome:
    with ground("slipstream", settings) as here:
        result = await push(
            here,
            scene.connections,
            scene.messages,
            burst=scene.burst,
            pause=scene.pause,
            writes=scene.writes,
            urgent=scene.urgent,
            more=more,
        )
        writes = here.metric("slipstream_websocket_writes_total", direction="down")
    seconds, urgent = result.tally.seconds, result.tally.urgent_seconds
    return Outcome(
        result.microseconds,
        writes / result.messages,
        percentile(seconds, 0.5),
        percentile(seconds, 0.99),
        percentile(urgent, 0.99),
        len(urgent),
    )


async def memory(options: argparse.Namespace) -> bool:
    """What an idle connection holds."""
    good = True
    for name, settings, more, most in (
        ("tunnel", None, "", 20.0),
        ("framed", {}, "", 40.0),
        ("batched and compressed", {}, OPT_IN + "Sec-WebSocket-Extensions: permessage-deflate\r\n", 40.0),
    ):
        with ground("slipstream", settings) as here:
            await connect(Tally(), here.port, "/echo", 200, more)
            (pid,) = here.workers()
            before = read_rss_kib(pid)
            await connect(Tally(), here.port, "/echo", options.idle, more)
            await asyncio.sleep(1.0)
            each = (read_rss_kib(pid) - before) / options.idle
            print(f"{name:24} {each:5.1f} KiB a connection (below {most:.0f}), {options.idle} connections")
            good &= each < most
    return good


async def slow(options: argparse.Namespace) -> bool:
    """A client that stops reading, among others that go on."""
    target = PUSH.format(messages=2000, burst=10, pause=50, after=500, writes="each", urgent=0)
    flood = "/push?messages=1000000&burst=200&pause=10&size=1000&after=500&writes=once&urgent=0"
    figures = {}
    for stopped in (0, 1):
        with ground("slipstream", {"queue": {"slow_after": "60s"}}) as here:
            (pid,) = here.workers()
            await connect(warm := Tally(), here.port, target.replace("2000", "200"), 100, OPT_IN)
            await asyncio.sleep(2.5)
            before, stuck = read_rss_kib(pid), Tally()
            for _ in range(stopped):
                (client,) = await connect(stuck, here.port, flood, 1)
                client.transport.pause_reading()
            await connect(tally := Tally(), here.port, target, 100, OPT_IN)
            await asyncio.sleep(8.0)
            grown = read_rss_kib(pid) - before
            queued = here.metric("slipstream_websocket_queue_bytes", direction="down")
            figures[stopped] = (percentile(tally.seconds, 0.99) * 1000, grown, queued, warm.messages)
    (alone, _, _, _), (beside, grown, queued, _) = figures[0], figures[1]
    print(f"p99 of the others: {alone:.1f} ms without, {beside:.1f} ms beside a client that stopped reading")
    print(f"it holds {queued / 1024:.0f} KiB in its queue (at most 1,024); the worker grew by {grown} KiB")
    return beside < alone * 1.25 + 5 and queued <= 1 << 20


async def drain(options: argparse.Namespace) -> bool:
    """A reload, then SIGTERM, with 500 connections that wait for company for their last messages."""
    with ground("slipstream", {"strategy": "time", "max_delay": "5s", "shim": "/s.js"}, drain="4s") as here:
        tally = Tally()
        target = PUSH.format(messages=20, burst=10, pause=200, after=1500, writes="each", urgent=0)
        await connect(tally, here.port, target, 500, OPT_IN)
        here.file.write_text(here.file.read_text().replace("/s.js", "/t.js"))
        here.proxy.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(3.0)
        kept = tally.lost == 0
        print(f"after a reload {500 - tally.lost} of 500 connections stand; {tally.messages} messages delivered so far")
        gone = asyncio.Event()
        tally.changed = lambda: gone.set() if tally.lost == 500 else None
        begun = time.monotonic()
        here.proxy.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await gone.wait()
        took = time.monotonic() - begun
        print(
            f"SIGTERM: {tally.messages} of 10000 messages, close codes {tally.codes}, all gone after {took:.1f} s of 4"
        )
        return kept and tally.messages == 10_000 and tally.codes == {1012: 500} and took < 4.0


async def flood(options: argparse.Namespace) -> bool:
    """Attackers of every kind among others who go on."""
    with ground("slipstream", {**SETTINGS, "idle": "10s"}) as here:
        (pid,) = here.workers()
        return await run_floods(here.port, pid, options.seconds)


MEASUREMENTS: Mapping[str, Callable[[argparse.Namespace], Awaitable[bool]]] = {
    "tunnel": tunnel,
    "batch": batch,
    "memory": memory,
    "slow": slow,
    "drain": drain,
    "flood": flood,
}


def main() -> int:
    """Run what the command line asks for; 1 when a figure is not what it has to be."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.websocket", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=MEASUREMENTS)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=200, help="messages to each connection (200)")
    parser.add_argument("--writes", choices=("each", "apart", "once"), help="writes of the origin in a burst (each)")
    parser.add_argument("--scenes", default=",".join(SCENES), help="kinds of feeds for `batch` (all)")
    parser.add_argument("--strategy", default="hybrid,time,adaptive", help="of batches, or all (hybrid,time,adaptive)")
    parser.add_argument("--pause", type=int, default=200, help="milliseconds between two bursts (200)")
    parser.add_argument("--join", default=JOIN, help=f"`limits.tunnel_join` where it is on ({JOIN})")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--idle", type=int, default=5000, help="idle connections (5000)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each flood (2)")
    options = parser.parse_args()
    print(f"{place_here().describe()}; {options.what}", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return 0 if runner.run(_measure(options)) else 1


async def _measure(options: argparse.Namespace) -> bool:
    return await MEASUREMENTS[options.what](options)


__all__ = ["OPT_IN", "Listening", "main"]

if __name__ == "__main__":
    sys.exit(exit_code_of(main))
