"""The origin as a measurement starts it."""

import sys
from pathlib import Path

from loadtests.support.processes import Running, start


def start_origin(port: int, *, directory: Path, cores: frozenset[int] = frozenset()) -> Running:
    """Start `loadtests.origin` on `port` and return once it answers. Raises `NotReadyError`."""
    running = start(
        "origin", [sys.executable, "-m", "loadtests.origin", "--port", str(port)], directory=directory, cores=cores
    )
    try:
        running.wait_until_answers(port, "/json/1k")
    except BaseException:
        running.stop()
        raise
    return running
