"""What batching saves: merged upstream calls with 1,000 clients, and client batches of 50 items.

An origin of its own works on so many requests at a time, like a service in front of a database, and counts its calls.
The same clients ask through a gateway with `merge` and through one without. Every answer is checked. Ends with 1 when
upstream calls were not cut by 90 %, p95 was not lower, an answer was wrong, or a batch took longer than 1.3 times its
slowest item.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from loadtests.support.cores import place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.gateway import GatewayOptions, configuration
from loadtests.support.ports import LOOPBACK, MeasuringError, free_port
from loadtests.support.processes import start
from loadtests.support.table import render

LEAST_CUT = 0.9
MOST_BATCH_RATIO = 1.3
AT_ONCE = 64
"""Requests the origin works on at a time; the others wait there."""
CALL_SECONDS = 0.02
ID_SECONDS = 0.0001
"""What each further id of a bulk call costs the origin."""
EVERY_MISSING = 17
"""Ids divisible by this do not exist."""
EVERY_BROKEN = 4
"""Of the bulk calls with `broken` in their query, each so-many-th fails."""

RULE = {"match": "/users/{id}", "bulk": "/users?ids={ids}", "items": "/data"}


# --- the origin ------------------------------------------------------------------------------


class Origin:
    """Users singly and in bulk, and `/slow/MS`."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)
        self._calls: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection until it ends."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                status, document = await self._answer(head.split(b" ", 2)[1].decode())
                content = json.dumps(document).encode()
                writer.write(
                    b"HTTP/1.1 %d .\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, len(content), content)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, target: str) -> tuple[int, object]:
        path, _, query = target.partition("?")
        if path == "/calls":
            calls, self._calls = self._calls, Counter()
            return 200, calls
        if path.startswith("/slow/"):
            await asyncio.sleep(int(path[6:]) / 1000)
            return 200, {"slept": int(path[6:])}
        ids = (
            [int(text) for text in unquote(query[4:].partition("&")[0]).split(",")] if query.startswith("ids=") else []
        )
        self._calls["bulk" if ids else "single"] += 1
        broken = bool(ids) and "broken" in query and self._calls["bulk"] % EVERY_BROKEN == 0
        async with self._room:
            await asyncio.sleep(CALL_SECONDS + ID_SECONDS * len(ids))
        if broken:
            return 500, {}
        if ids:
            return 200, {"data": [{"id": number} for number in reversed(ids) if exists(number)]}
        number = int(path.rpartition("/")[2] or 0)
        return (200, {"id": number}) if exists(number) else (404, {})


def exists(number: int) -> bool:
    """Whether the origin knows a user of that number."""
    return number % EVERY_MISSING != 0


async def serve_origin(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Origin().serve, LOOPBACK, port, backlog=2048)
    async with server:
        await server.serve_forever()


# --- clients ---------------------------------------------------------------------------------


class Client:
    """One connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        """A new connection."""
        return cls(*await asyncio.open_connection(LOOPBACK, port, limit=2**20))

    async def ask(self, target: str, body: bytes = b"") -> tuple[int, bytes, float]:
        """Status and content of an answer, and the seconds it took. With a body it is a POST of JSON."""
        begun = time.perf_counter()
        framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        method = "POST" if body else "GET"
        self._writer.write(f"{method} {target} HTTP/1.1\r\nHost: load.test\r\n{framing}\r\n".encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        content = await self._reader.readexactly(length)
        return int(head[9:12]), content, time.perf_counter() - begun

    def close(self) -> None:
        """Leave."""
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a crowd of clients met."""

    what: str
    seconds: Sequence[float]
    calls: int
    """Calls that reached the origin."""
    bulk: int
    """How many of them were bulk calls."""
    wrong: int
    """Answers that were not those of the origin."""
    missing: int
    """Answers that said, rightly, that there is nothing."""

    def percentile(self, percent: int) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.seconds, n=100)[percent - 1] * 1000


def is_right(number: int, status: int, content: bytes) -> bool:
    """Whether that is what the origin would have said about a user."""
    if not exists(number):
        return status == 404
    return status == 200 and json.loads(content) == {"id": number}


async def crowd(what: str, port: int, origin_port: int, clients: int, ids: int, rounds: int, query: str) -> Outcome:
    """Let so many clients ask for one id each, all at the same time, several rounds long."""
    origin = await Client.connect(origin_port)
    opened = [await Client.connect(port) for _ in range(clients)]
    seconds: list[float] = []
    wrong = missing = 0
    try:
        await origin.ask("/calls")
        for turn in range(rounds):
            numbers = [(place * 7 + turn) % ids + 1 for place in range(clients)]
            asked = (client.ask(f"/users/{number}{query}") for client, number in zip(opened, numbers, strict=True))
            for number, (status, content, took) in zip(numbers, await asyncio.gather(*asked), strict=True):
                seconds.append(took)
                wrong += not is_right(number, status, content)
                missing += status == 404
        calls = json.loads((await origin.ask("/calls"))[1])
    finally:
        for client in (*opened, origin):
            client.close()
    return Outcome(what, seconds, sum(calls.values()), calls.get("bulk", 0), wrong, missing)


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """One batch beside its slowest item."""

    items: int
    alone: float
    """Seconds that the slowest item takes alone."""
    together: float
    one_by_one: float
    right: bool

    @property
    def ratio(self) -> float:
        """The batch beside its slowest item."""
        return self.together / self.alone


async def batch(port: int, items: int) -> BatchOutcome:
    """Ask for slow things together, the slowest alone, and all of them one after the other."""
    client = await Client.connect(port)
    try:
        times = [20 + place * 80 // (items - 1) for place in range(items)]
        document = json.dumps([{"id": place, "path": f"/slow/{each}"} for place, each in enumerate(times)]).encode()
        await client.ask("/batch", document)  # connections to the origin are made once
        alone = statistics.median([(await client.ask(f"/slow/{max(times)}"))[2] for _ in range(5)])
        measured = [await client.ask("/batch", document) for _ in range(9)]
        one_by_one = sum([(await client.ask(f"/slow/{each}"))[2] for each in times])
    finally:
        client.close()
    wanted = [(place, 200, {"slept": each}) for place, each in enumerate(times)]
    right = all(
        status == 200 and [(entry["id"], entry["status"], entry["body"]) for entry in json.loads(content)] == wanted
        for status, content, _ in measured
    )
    return BatchOutcome(items, alone, statistics.median([took for _, _, took in measured]), one_by_one, right)


# --- the run -----------------------------------------------------------------------------------


@contextmanager
def gateway(origin_port: int, plugins: Sequence[object], directory: Path, cores: frozenset[int]) -> Iterator[int]:
    """A gateway with these plugins before the origin; its port."""
    port = free_port()
    options = GatewayOptions(pool={"connections": 1024})
    settings = configuration(port, origin_port, options) | {"plugins": list(plugins)}
    path = directory / f"gateway-{port}.json"
    path.write_text(json.dumps(settings))
    running = start(
        "slipstream", [sys.executable, "-m", "gateway", "run", "-c", str(path)], directory=directory, cores=cores
    )
    try:
        running.wait_until_answers(port, "/users/1")
        yield port
    finally:
        running.stop()


def faults(plain: Outcome, merged: Outcome, broken: Outcome, batched: BatchOutcome) -> list[str]:
    """What is wrong, in words."""
    wrong = [f"{each.what}: {each.wrong} wrong answers" for each in (plain, merged, broken) if each.wrong]
    cut = 1 - merged.calls / plain.calls
    if cut < LEAST_CUT:
        wrong.append(f"upstream calls were cut by {cut:.1%} only")
    if merged.percentile(95) >= plain.percentile(95):
        wrong.append("p95 is not lower with merging")
    if not (merged.missing and broken.missing):
        wrong.append("no id was missing, so nothing was shown about those that are")
    if batched.ratio > MOST_BATCH_RATIO:
        wrong.append(f"a batch took {batched.ratio:.2f} times its slowest item")
    if not batched.right:
        wrong.append("a batch was answered wrongly")
    return wrong


def table(outcomes: Sequence[Outcome]) -> str:
    """One row for each crowd."""
    header = ("gateway", "requests", "upstream calls", "of them bulk", "cut", "p50 ms", "p95 ms", "404", "wrong")
    return render(
        header,
        [
            (
                each.what,
                f"{len(each.seconds):,}",
                f"{each.calls:,}",
                f"{each.bulk:,}",
                f"{1 - each.calls / len(each.seconds):.1%}",
                f"{each.percentile(50):.0f}",
                f"{each.percentile(95):.0f}",
                str(each.missing),
                str(each.wrong),
            )
            for each in outcomes
        ],
    )


def batch_table(batched: BatchOutcome) -> str:
    """The batch in a row."""
    header = ("batch of", "slowest item ms", "batch ms", "ratio", "one by one ms", "all right")
    cells = [f"{seconds * 1000:.0f}" for seconds in (batched.alone, batched.together, batched.one_by_one)]
    right = "yes" if batched.right else "no"
    return render(header, [(f"{batched.items} items", *cells[:2], f"{batched.ratio:.2f}", cells[2], right)])


def run(options: argparse.Namespace) -> int:
    """Measure and print; 0 when all is as it should be."""
    placement = place_here()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipstream-batch-")))
        origin_port = free_port()
        command = [sys.executable, "-m", "loadtests.batch", "--serve", str(origin_port)]
        origin = start("origin", command, directory=directory, cores=placement.origin)
        stack.callback(origin.stop)
        origin.wait_until_answers(origin_port, "/users/1")

        def ask(what: str, port: int, query: str = "") -> Outcome:
            print(f"{options.clients} clients, {options.rounds} rounds: {what}", file=sys.stderr, flush=True)
            crowded = crowd(what, port, origin_port, options.clients, options.ids, options.rounds, query)
            return asyncio.run(asyncio.wait_for(crowded, 120))

        with gateway(origin_port, [], directory, placement.proxy) as port:
            plain = ask("without merging", port)
        with gateway(origin_port, [{"batch": {"merge": RULE, "client": {}}}], directory, placement.proxy) as port:
            merged = ask("with merging", port)
            broken = ask(f"every {EVERY_BROKEN}th bulk call fails", port, "?broken")
            batched = asyncio.run(asyncio.wait_for(batch(port, options.items), 120))
    print(table([plain, merged, broken]))
    print()
    print(batch_table(batched))
    wrong = faults(plain, merged, broken, batched)
    print("\n".join(wrong) or "everything is as it should be")
    return 1 if wrong else 0


def main() -> int:
    """Measure, or serve the origin."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.batch", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000, help="clients that ask at the same time (1000)")
    parser.add_argument("--ids", type=int, default=500, help="different things they ask for (500)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each asks (5)")
    parser.add_argument("--items", type=int, default=50, help="items of the client batch (50)")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve_origin(options.serve))
        return 0
    try:
        return run(options)
    except TimeoutError as error:
        raise MeasuringError("nobody was answered within two minutes") from error


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
