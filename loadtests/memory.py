"""What idle connections and large bodies cost in memory.

Three measurements, each with a gateway of its own and one worker: idle keep-alive connections, a download through a
slow reader, an upload from a slow writer. Ends with 1 when one is over its bound.
"""

import argparse
import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from loadtests.support.cores import pinned, place_here
from loadtests.support.entry import COULD_NOT_MEASURE, exit_code_of
from loadtests.support.footprint import forget_peak, read_peak_rss_kib, read_pss_kib, read_rss_kib, read_sockets
from loadtests.support.gateway import GatewayOptions
from loadtests.support.ports import LOOPBACK, MeasuringError
from loadtests.support.stage import Stage, stage
from loadtests.support.table import render

MOST_KIB_FOR_EACH_CONNECTION = 12.0
MOST_MIB_FOR_A_BODY = 16.0
_MIB = 1024 * 1024
_HOST = "Host: loadtests.example\r\n"
_WARM_UP_CONNECTIONS = 200
_SETTLE_SECONDS = 1.0
_PIECE = _MIB
_TIMEOUT_SECONDS = 60.0
_SPARE_DESCRIPTORS = 500
_OPTIONS = GatewayOptions(limits={"connections_per_address": 100_000, "connections": 100_000, "body": "off"})


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement with its bound, both in `unit`."""

    what: str
    figure: float
    bound: float
    unit: str

    @property
    def is_within(self) -> bool:
        """Whether the figure is at most the bound."""
        return self.figure <= self.bound


class AnswerError(MeasuringError):
    """The gateway did not answer as it must, so there is nothing to measure."""


def table(results: list[Result]) -> str:
    """One row for each measurement."""
    return render(
        ("measurement", "figure", "bound", "unit", "verdict"),
        [
            (
                result.what,
                f"{result.figure:.1f}",
                f"{result.bound:.0f}",
                result.unit,
                "within" if result.is_within else "OVER",
            )
            for result in results
        ],
    )


def idle_connections(running: Stage, count: int) -> Result:
    """Memory of the worker for each connection that has asked once and now waits.

    Connections opened and closed before the first reading have already paid for what is paid once."""
    (worker,) = running.workers()
    with ExitStack() as stack:
        for _ in range(_WARM_UP_CONNECTIONS):
            stack.enter_context(_asked(running.port))
    time.sleep(_SETTLE_SECONDS)
    before = read_pss_kib(worker)
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(_asked(running.port))
        time.sleep(_SETTLE_SECONDS)
        used = read_pss_kib(worker) - before
        if (held := read_sockets(worker)) < count:
            raise AnswerError(f"only {held:,} of {count:,} connections are still open")
    what = f"{count:,} idle keep-alive connections, each"
    return Result(what, used / count, MOST_KIB_FOR_EACH_CONNECTION, "KiB (PSS)")


def download(running: Stage, size: int, rate: float) -> Result:
    """Growth of the worker while `size` octets are read at `rate` octets a second."""
    with _asked(running.port) as connection:

        def read() -> None:
            connection.sendall(f"GET /large/{size} HTTP/1.1\r\n{_HOST}\r\n".encode())
            _head(connection)
            left = size
            start = time.monotonic()
            while left > 0:
                got = len(connection.recv(min(_PIECE, left)))
                if not got:
                    raise AnswerError(f"download: cut off {left:,} octets before the end")
                left -= got
                _keep_to(rate, size - left, start)

        return _growth_during(running, f"download of {size // _MIB:,} MiB, slow reader", read)


def upload(running: Stage, size: int, rate: float) -> Result:
    """Growth of the worker while `size` octets are sent at `rate` octets a second."""
    with _asked(running.port) as connection:

        def write() -> None:
            connection.sendall(f"POST /sink HTTP/1.1\r\n{_HOST}Content-Length: {size}\r\n\r\n".encode())
            piece = bytes(_PIECE)
            start = time.monotonic()
            for sent in range(0, size, _PIECE):
                connection.sendall(piece[: min(_PIECE, size - sent)])
                _keep_to(rate, sent, start)
            expected = f'{{"received": {size}}}'.encode()
            _head(connection)
            if _exactly(connection, len(expected)) != expected:
                raise AnswerError("upload: the origin did not receive all of it")

        return _growth_during(running, f"upload of {size // _MIB:,} MiB, slow writer", write)


def _growth_during(running: Stage, what: str, transfer: Callable[[], None]) -> Result:
    (worker,) = running.workers()
    before = read_rss_kib(worker)
    forget_peak(worker)
    transfer()
    return Result(what, (read_peak_rss_kib(worker) - before) / 1024, MOST_MIB_FOR_A_BODY, "MiB (peak RSS)")


def _asked(port: int) -> socket.socket:
    """A connection that has had one answer and is idle."""
    connection = socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_SECONDS)
    connection.sendall(f"GET /json/1k HTTP/1.1\r\n{_HOST}\r\n".encode())
    _head(connection)
    _exactly(connection, 1024)
    return connection


def _head(connection: socket.socket) -> bytes:
    """The head of a 200 response, read octet by octet so that nothing of the content is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(connection, 1)
    if not head.startswith(b"HTTP/1.1 200 "):
        raise AnswerError(f"{head!r} instead of 200")
    return head


def _exactly(connection: socket.socket, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        piece = connection.recv(count - len(octets))
        if not piece:
            raise AnswerError(f"closed after {octets!r}")
        octets += piece
    return octets


def _keep_to(rate: float, done: int, start: float) -> None:
    """Sleep until `done` octets are due."""
    ahead = done / rate - (time.monotonic() - start)
    if ahead > 0:
        time.sleep(ahead)


def main() -> int:
    """Measure all three; 0 when all are within their bounds."""
    options = _arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the gateway inherits it
    if options.connections + _SPARE_DESCRIPTORS > most:
        print(f"only {most} file descriptors are allowed (ulimit -Hn)", file=sys.stderr)
        return COULD_NOT_MEASURE
    size, rate = options.mebibytes * _MIB, options.rate * _MIB
    measurements: tuple[Callable[[Stage], Result], ...] = (
        lambda running: idle_connections(running, options.connections),
        lambda running: download(running, size, rate),
        lambda running: upload(running, size, rate),
    )
    placement = place_here()
    results = []
    for measure in measurements:
        with stage("memory", _OPTIONS, placement) as running, pinned(placement.load):
            results.append(measure(running))
    print(table(results))
    return 0 if all(result.is_within for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.memory", description=__doc__)
    parser.add_argument("--connections", type=int, default=5000, help="idle connections (5000)")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of download and upload (1024)")
    parser.add_argument("--rate", type=float, default=100.0, help="MiB a second of the slow reader and writer (100)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
