"""Start the origin and every peer, then measure them in turns."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.peers import Ground, Peer
from loadtests.bench.samples import Sample, rotated
from loadtests.bench.scenarios import STORED, Need, Scenario
from loadtests.bench.scratch import scratch_root
from loadtests.bench.verify import WrongAnswerError, origin_calls, verify
from loadtests.support import wrk
from loadtests.support.cores import Placement
from loadtests.support.origin import start_origin
from loadtests.support.ports import LOOPBACK, NotReadyError, free_port, wait_until_connected
from loadtests.support.proc import read_cpu_seconds
from loadtests.support.processes import Running, start

_WARM_UP_SECONDS = 1.0
_MOST_FILLING_RUNS = 10
_SETTLE_SECONDS = 0.05  # connections of the last run are still being closed

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """A peer that runs and answers."""

    peer: Peer
    running: Running
    port: int


@dataclass(frozen=True, slots=True)
class Bench:
    """An origin with peers in front of it, all configured for one need."""

    directory: Path
    placement: Placement
    origin_port: int
    standing: Sequence[Standing]
    say: Say

    def measure(self, scenario: Scenario, rounds: int, seconds: float, *, warm_up: bool) -> Iterator[Sample]:
        """All samples of a scenario, as they are taken. A peer that answers wrongly takes no part, and we say so."""
        load_file = self._content_file(scenario)
        peers = [standing for standing in self.standing if self._is_right(standing, scenario)]
        for standing in peers if scenario.spread else ():
            self._fill(scenario, standing)
        for standing in peers if warm_up else ():
            self._run(scenario, standing, load_file, _WARM_UP_SECONDS)
        for number in range(rounds):
            for standing in rotated(peers, number):
                yield self._sample(scenario, standing, load_file, seconds, number)

    def _fill(self, scenario: Scenario, standing: Standing) -> None:
        """Let it store all there is: until a run asks the origin for nothing."""
        for _ in range(_MOST_FILLING_RUNS):
            calls = self._origin_calls(scenario)
            self._run(scenario, standing, None, _WARM_UP_SECONDS)
            if self._origin_calls(scenario) == calls:
                return
        self.say(f"{standing.peer.name} does not keep all {scenario.spread} answers of {scenario.name}")

    def _sample(
        self, scenario: Scenario, standing: Standing, content_file: Path | None, seconds: float, number: int
    ) -> Sample:
        calls = self._origin_calls(scenario)
        before = read_cpu_seconds(standing.running.pid)
        figures = self._run(scenario, standing, content_file, seconds)
        time.sleep(_SETTLE_SECONDS)
        used = read_cpu_seconds(standing.running.pid) - before
        misses = self._origin_calls(scenario) - calls
        if misses:
            self.say(f"{standing.peer.name} asked the origin {misses} times during {scenario.name}")
        return Sample(scenario.name, standing.peer.name, number, used, figures, misses)

    def _origin_calls(self, scenario: Scenario) -> int:
        return origin_calls(self.origin_port) if scenario.need in STORED else 0

    def _is_right(self, standing: Standing, scenario: Scenario) -> bool:
        if not standing.peer.takes_part(scenario):
            return False
        try:
            verify(scenario, standing.port, self.origin_port)
        except (OSError, WrongAnswerError) as error:
            self.say(f"{standing.peer.name} is left out of {scenario.name}: {error}")
            return False
        return True

    def _run(self, scenario: Scenario, standing: Standing, content_file: Path | None, seconds: float) -> wrk.Figures:
        load = wrk.Load(
            url=f"http://{LOOPBACK}:{standing.port}{scenario.target}",
            connections=scenario.connections,
            fields=scenario.request_fields,
            method=scenario.method,
            content_file=content_file,
            unique=scenario.unique,
            spread=scenario.spread,
        )
        return wrk.run(load, seconds, directory=self.directory, cores=self.placement.load)

    def _content_file(self, scenario: Scenario) -> Path | None:
        if not scenario.content:
            return None
        path = self.directory / f"{scenario.name}.content"
        path.write_bytes(scenario.content)
        return path


@contextmanager
def bench(need: Need, peers: Sequence[Peer], placement: Placement, say: Say) -> Iterator[Bench]:
    """Everything started and answering for the block, and stopped after it. A peer that does not start is left out."""
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="slipstream-bench-", dir=scratch_root()))
        )
        origin_port = free_port()
        stack.callback(start_origin(origin_port, directory=directory, cores=placement.origin).stop)
        redis_port = 0
        if any(peer.needs_redis for peer in peers):
            redis_port = free_port()
            stack.callback(_start_redis(redis_port, directory, placement).stop)
        standing = []
        for peer in peers:
            ground = Ground(free_port(), origin_port, directory / peer.name, redis_port)
            ground.directory.mkdir()
            running = start(peer.name, peer.recipes[need](ground), directory=ground.directory, cores=placement.proxy)
            stack.callback(running.stop)
            try:
                running.wait_until_answers(ground.port, "/json/1k")
            except NotReadyError as error:
                say(f"{peer.name} is left out: {error}")
                continue
            standing.append(Standing(peer, running, ground.port))
        yield Bench(directory, placement, origin_port, standing, say)


def _start_redis(port: int, directory: Path, placement: Placement) -> Running:
    """A Redis that keeps everything in memory."""
    argv = ["redis-server", "--port", str(port), "--bind", LOOPBACK, "--save", "", "--dir", str(directory)]
    running = start("redis", argv, directory=directory, cores=placement.origin)
    wait_until_connected(port, still_running=running.ended)
    return running
