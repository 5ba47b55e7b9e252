"""The gateway as fault runs start it, and what its admin application says about servers."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtests.support.cores import Placement
from loadtests.support.ports import LOOPBACK, free_port
from loadtests.support.processes import start

Plugins = Sequence[Mapping[str, Any]]
CHECKS = {"path": "/healthz", "every": "500ms", "recheck": "150ms", "timeout": "300ms", "fall": 2, "rise": 2}
UPSTREAM: Mapping[str, Any] = {
    "balance": "least_pending",
    "health": CHECKS,
    "ejection": {"time": "1s", "failures": 3},
    "timeouts": {"connect": "300ms", "first_byte": "1s", "total": "2s"},
}
"""Shorter times than the defaults, so that a run takes seconds and not minutes."""


class Front:
    """A gateway that answers."""

    def __init__(self, port: int, admin_port: int) -> None:
        self.port = port
        self._admin_port = admin_port

    def servers(self) -> dict[str, dict[str, Any]]:
        """How each server of the upstream stands, by URL."""
        connection = http.client.HTTPConnection(LOOPBACK, self._admin_port, timeout=10)
        try:
            connection.request("GET", "/api/upstreams")
            found = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return {each["url"]: each for each in found["app"]["servers"]}

    def is_left_out(self, url: str) -> bool:
        """Whether checks found a server bad, or a worker leaves it out."""
        shown = self.servers().get(url)
        return shown is None or shown["healthy"] is False or shown["ejected_by"] > 0


@contextmanager
def fronting(placement: Placement, servers: Sequence[str], plugins: Plugins, **upstream: Any) -> Iterator[Front]:
    """A gateway with one worker before these servers. Raises `NotReadyError`."""
    port, admin_port = free_port(), free_port()
    settings = {
        "listen": f"{LOOPBACK}:{port}",
        "admin": f"{LOOPBACK}:{admin_port}",
        "workers": 1,
        "upstreams": {"app": {"servers": list(servers), **UPSTREAM, **upstream}},
        "limits": {"connections_per_address": 10_000},
        "plugins": list(plugins),
    }
    with TemporaryDirectory(prefix="slipstream-faults-") as name:
        file = Path(name) / "gateway.yaml"
        file.write_text(json.dumps(settings, indent=2) + "\n")
        argv = [sys.executable, "-m", "gateway", "run", "-c", str(file)]
        running = start("slipstream", argv, directory=Path(name), cores=placement.proxy)
        try:
            running.wait_until_answers(port, "/")
            yield Front(port, admin_port)
        finally:
            running.stop()
