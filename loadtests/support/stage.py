"""An origin with the gateway in front of it, started for a block and stopped after it."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.support.cores import Placement
from loadtests.support.gateway import GatewayOptions, start_gateway
from loadtests.support.origin import start_origin
from loadtests.support.ports import free_port
from loadtests.support.proc import read_workers
from loadtests.support.processes import Running


@dataclass(frozen=True, slots=True)
class Stage:
    """A gateway that answers."""

    port: int
    gateway: Running
    directory: Path
    """For files of the measurement; gone after the block."""

    def workers(self) -> list[int]:
        """Pids of the workers now."""
        return read_workers(self.gateway.pid)


@contextmanager
def stage(name: str, options: GatewayOptions, placement: Placement) -> Iterator[Stage]:
    """Start both on free ports. Raises `NotReadyError` when one of them does not answer."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"slipstream-{name}-")))
        port, origin_port = free_port(), free_port()
        stack.callback(start_origin(origin_port, directory=directory, cores=placement.origin).stop)
        gateway = start_gateway(port, origin_port, options, directory=directory, cores=placement.proxy)
        stack.callback(gateway.stop)
        gateway.wait_until_answers(port, "/json/1k")
        yield Stage(port, gateway, directory)
