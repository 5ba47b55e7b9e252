"""The configuration of HAProxy."""

from loadtests.bench.haproxy import configuration


def test_it_has_one_thread_reuses_connections_and_writes_no_log() -> None:
    lines = [line.strip() for line in configuration(18080, 18000).splitlines()]
    assert "nbthread 1" in lines
    assert "http-reuse always" in lines
    assert "bind 127.0.0.1:18080 backlog 4096" in lines
    assert [line for line in lines if line.startswith(("log ", "daemon"))] == []
