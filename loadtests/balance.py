"""How well each way to balance does: four servers of which one is five times slower, and a ring that loses a server.

A simulation of the true rules: no socket and no clock, so it shows the same figures on every machine. Requests come at
random times, servers work on eight at a time and let the others wait, and two workers choose without knowing of each
other's requests, as in a real gateway."""

import argparse
import heapq
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from gateway.upstream.balancer import Balancer, ByKey, LeastLatency, LeastPending, Turns
from gateway.upstream.group import Group, GroupRules
from gateway.upstream.member import Member
from gateway.upstream.ring import Ring
from loadtests.support.entry import exit_code_of
from loadtests.support.table import render

FAST_SECONDS = 0.010
SLOW_FACTOR = 5.0
SLOTS = 8
WORKERS = 2
RATE = 1000.0
"""Requests a second: the four servers could do 2,560 together, the slow one 160 of them."""
KEYS = 2000
MOST_MOVED = 1.2
"""Times 1/n: the share of the keys that may move when one of n servers leaves."""

Make = Callable[[Random], Balancer]
ALGORITHMS: tuple[tuple[str, Make], ...] = (
    ("round_robin", lambda random: Turns()),
    ("least_pending", LeastPending),
    ("ewma", LeastLatency),
    ("hash, load 1.25", lambda random: ByKey(1.25, random)),
)


@dataclass(slots=True)
class Server:
    """A server as it really is, whatever workers think of it."""

    mean: float
    free: int = SLOTS
    waiting: deque["Exchange"] = field(default_factory=deque)


@dataclass(slots=True)
class Exchange:
    """A request and who works on it."""

    begun: float
    worker: int
    server: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    shares: tuple[float, ...]
    """Of the requests, server by server; the last one is the slow one."""
    mean: float
    p50: float
    p99: float
    """Seconds from the request to the end of its answer."""


def simulate(make: Make, count: int, seed: int, *, slow_factor: float = SLOW_FACTOR, servers: int = 4) -> Outcome:
    """Let `count` requests come, and see how long each one took."""
    random = Random(seed)
    real = [Server(FAST_SECONDS) for _ in range(servers - 1)] + [Server(FAST_SECONDS * slow_factor)]
    groups = [_group(make(Random(seed + worker)), servers) for worker in range(WORKERS)]
    ends: list[tuple[float, int, Exchange]] = []
    taken: Counter[int] = Counter()
    times: list[float] = []
    now, number = 0.0, 0
    while number < count or ends:
        arrival = now + random.expovariate(RATE) if number < count else float("inf")
        while ends and ends[0][0] <= arrival:
            now, _, ended = heapq.heappop(ends)
            times.append(now - ended.begun)
            member = groups[ended.worker].members[ended.server]
            member.pending -= 1
            member.memory.average.observe(now - ended.begun, now)
            _next_one(real[ended.server], ended.server, now, ends, random)
        if number >= count:
            continue
        now, number = arrival, number + 1
        worker = random.randrange(WORKERS)
        key = b"%d" % int(KEYS * random.random() ** 2)  # some keys are asked for much more often than others
        chosen = groups[worker].choose(now, key)
        assert chosen is not None
        chosen.pending += 1
        index = groups[worker].members.index(chosen)
        taken[index] += 1
        _begin(real[index], Exchange(now, worker, index), now, ends, random)
    times.sort()
    shares = tuple(taken[index] / count for index in range(servers))
    return Outcome(shares, sum(times) / count, times[count // 2], times[int(count * 0.99)])


def _group(balancer: Balancer, servers: int) -> Group:
    group = Group(balancer, GroupRules())
    group.have([Member(f"http://10.0.0.{number}:80") for number in range(1, servers + 1)], 0.0)
    return group


def _begin(
    server: Server, exchange: Exchange, now: float, ends: list[tuple[float, int, Exchange]], random: Random
) -> None:
    if server.free:
        server.free -= 1
        heapq.heappush(ends, (now + random.expovariate(1 / server.mean), id(exchange), exchange))
    else:
        server.waiting.append(exchange)


def _next_one(server: Server, index: int, now: float, ends: list[tuple[float, int, Exchange]], random: Random) -> None:
    server.free += 1
    if server.waiting:
        _begin(server, server.waiting.popleft(), now, ends, random)


@dataclass(frozen=True, slots=True)
class Moves:
    """What happens to the keys of a ring when each of its servers leaves in turn."""

    servers: int
    least: float
    most: float
    """The smallest and the largest share of the keys that moved."""
    strangers: int
    """Keys of servers that stayed and that moved all the same."""

    @property
    def is_good(self) -> bool:
        """Whether no more moved than may."""
        return self.most <= MOST_MOVED / self.servers and not self.strangers


def moves(servers: int, keys: int = 20_000) -> Moves:
    """Let each of so many servers leave once."""
    members = [Member(f"http://10.0.0.{number}:80") for number in range(1, servers + 1)]
    before = _homes(members, keys)
    shares, strangers = [], 0
    for gone in members:
        after = _homes([member for member in members if member is not gone], keys)
        moved = [old for old, new in zip(before, after, strict=True) if old != new]
        shares.append(len(moved) / keys)
        strangers += sum(old != gone.url for old in moved)
    return Moves(servers, min(shares), max(shares), strangers)


def _homes(members: Sequence[Member], keys: int) -> list[str]:
    ring = Ring(members)
    return [next(ring.walk(b"key-%d" % key)).url for key in range(keys)]


def balance_rows(count: int, seed: int) -> Iterator[tuple[str, ...]]:
    """A row for each way to balance, with one slow server and with none."""
    for name, make in ALGORITHMS:
        slow, even = simulate(make, count, seed), simulate(make, count, seed, slow_factor=1.0)
        yield (
            name,
            *(f"{share:.1%}" for share in slow.shares),
            f"{slow.mean * 1000:.1f}",
            f"{slow.p50 * 1000:.1f}",
            f"{slow.p99 * 1000:.0f}",
            f"{max(even.shares) / min(even.shares) - 1:.1%}",
            f"{even.p99 * 1000:.0f}",
        )


def main() -> int:
    """Print both tables; 1 when a ring moves more keys than it may."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.balance", description=__doc__)
    parser.add_argument("--requests", type=int, default=40_000, help="of each run (40000)")
    parser.add_argument("--seed", type=int, default=1, help="another one gives another run (1)")
    options = parser.parse_args()
    header = ("balance", "fast 1", "fast 2", "fast 3", "5 × slower", "mean ms", "p50 ms", "p99 ms")
    even = ("all alike: spread", "p99 ms")
    print(render((*header, *even), balance_rows(options.requests, options.seed)), end="\n\n", flush=True)
    found = [moves(servers) for servers in (2, 3, 5, 10, 20)]
    rows = [
        (
            str(each.servers),
            f"{1 / each.servers:.1%}",
            f"{each.least:.1%}",
            f"{each.most:.1%}",
            f"{each.most * each.servers:.2f} / n",
            str(each.strangers),
        )
        for each in found
    ]
    print(render(("servers n", "1/n", "fewest moved", "most moved", "that is", "keys of others moved"), rows))
    return 0 if all(each.is_good for each in found) else 1


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
