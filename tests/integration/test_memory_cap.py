"""A worker that may not have more memory streams large content on and lets go of what it has stored."""

from __future__ import annotations

import resource
from pathlib import Path

from tests.support.client import request
from tests.support.gateway import before, running
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import content, well_behaved

_MIB = 1 << 20
_ROOM = 192 * _MIB
"""What a worker may have beyond what it starts with: three arenas and stacks of threads, not what passes through it."""
_PAGES = 300
_LARGE = 96 * _MIB


def _address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def test_a_full_store_and_large_bodies_fit_into_a_bounded_memory(tmp_path: Path) -> None:
    page = b"".join(content(_MIB))
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % len(page)

    def store(connection: Connection, received: Received) -> bool:
        return connection.send(head + page)

    plugins = [{"cache": {"memory": "24MiB", "max_entry": "4MiB"}}, {"coalesce": {}}]
    with (
        Origin(well_behaved) as origin,
        running(before(origin.url) | {"plugins": plugins, "workers": 1}, tmp_path) as gateway,
    ):
        for number in range(_PAGES):
            origin.acts[b"page?%d" % number] = store
        (worker,) = gateway.workers()
        most = _address_space(worker) + _ROOM
        resource.prlimit(worker, resource.RLIMIT_AS, (most, most))
        with gateway.client(patience=60) as client:
            for number in range(_PAGES):
                assert client.get(f"/act/page?{number}").status == 200
                if number % 100 == 50:
                    arrived = 0
                    client.send(request("GET", f"/size/{_LARGE}"))

                    def count(piece: bytes) -> None:
                        nonlocal arrived
                        arrived += len(piece)

                    client.answer(sink=count)
                    assert arrived == _LARGE
            assert b"hit" in (client.get(f"/act/page?{_PAGES - 1}").one(b"cache-status") or b"")
        assert gateway.metric("slipstream_cache_bytes") <= 24 * _MIB
        assert gateway.workers() == [worker]
