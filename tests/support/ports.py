"""Ports of the loopback interface that nobody uses."""

from __future__ import annotations

import random
import socket

_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, below the range of outgoing connections so that none of those can take it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
