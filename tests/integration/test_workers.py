"""The life of processes: a worker that dies is replaced, and whoever stops the gateway gets a clean end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Client, refuses, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.load import Load
from tests.support.origin import Origin
from tests.support.replies import well_behaved
from tests.support.wire import TruncatedError


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture
def gateway(origin: Origin, tmp_path: Path) -> Iterator[Gateway]:
    with running(before(origin.url) | {"workers": 2, "drain": "10s"}, tmp_path) as gateway:
        yield gateway


def _serving(gateway: Gateway, clients: list[Client], worker: int) -> list[Client]:
    """The clients whose connections a worker holds."""
    inodes = {os.readlink(link) for link in Path(f"/proc/{worker}/fd").iterdir() if link.is_symlink()}
    held = {line.split()[9]: line.split()[2] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    ports = {int(peer.split(":")[1], 16) for inode, peer in held.items() if f"socket:[{inode}]" in inodes}
    return [client for client in clients if client.sock.getsockname()[1] in ports]


def test_a_killed_worker_is_replaced_and_the_other_s_connections_go_on(gateway: Gateway) -> None:
    victim, other = gateway.workers()
    clients = [gateway.client() for _ in range(32)]
    try:
        assert all(client.get("/").status == 200 for client in clients)
        unharmed = _serving(gateway, clients, other)
        assert len(unharmed) + len(_serving(gateway, clients, victim)) == 32
        os.kill(victim, signal.SIGKILL)
        assert all(client.get("/").status == 200 for client in unharmed)
        assert gateway.get("/").status == 200
        wait_until(lambda: len(gateway.workers()) == 2 and victim not in gateway.workers(), "there is a new worker")
        wait_until(lambda: gateway.metric("slipstream_worker_restarts_total") == 1, "the restart is counted")
        assert other in gateway.workers()
    finally:
        for client in clients:
            client.close()


def test_no_connection_is_refused_while_workers_die(gateway: Gateway) -> None:
    """Only requests in flight in a killed worker may fail: at most one for each client and death."""
    deaths = 0
    with Load(gateway) as load:
        for _ in range(3):
            time.sleep(0.3)
            os.kill(gateway.workers()[0], signal.SIGKILL)
            deaths += 1
            wait_until(lambda: len(gateway.workers()) == 2, "there is a new worker")
    assert not [failure for failure in load.failures if "Refused" in failure]
    assert len(load.failures) <= deaths * 4
    assert set(load.statuses) == {200}


def test_counters_do_not_go_back_when_a_worker_dies(gateway: Gateway) -> None:
    for _ in range(20):
        gateway.get("/")
    wait_until(lambda: gateway.metric("slipstream_http_requests_total") == 20, "all are counted")
    os.kill(gateway.workers()[0], signal.SIGKILL)
    wait_until(lambda: gateway.metric("slipstream_worker_restarts_total") == 1, "the restart is counted")
    assert gateway.metric("slipstream_http_requests_total") == 20


def test_a_worker_that_hangs_is_found_out(gateway: Gateway) -> None:
    victim = gateway.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        wait_until(lambda: victim not in gateway.workers(), "the worker that hangs is replaced", 30)
        wait_until(lambda: len(gateway.workers()) == 2, "there is a new worker")
    finally:
        if victim in gateway.workers():
            os.kill(victim, signal.SIGCONT)
    assert gateway.get("/").status == 200


def test_workers_do_not_outlive_their_supervisor(origin: Origin, tmp_path: Path) -> None:
    gateway = Gateway(before(origin.url) | {"workers": 2}, tmp_path)
    try:
        gateway.wait_until_ready()
        workers = gateway.workers()
        gateway.send_signal(signal.SIGKILL)
        gateway.process.wait(10)
        wait_until(lambda: not any(_is_alive(pid) for pid in workers), "the workers have ended")
        wait_until(lambda: refuses(gateway.address), "the port is free")
    finally:
        gateway.kill()


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_drain_finishes_what_is_under_way(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as busy, gateway.client() as streaming, gateway.client() as idle:
        idle.get("/")
        busy.send(request("GET", "/hold"))
        streaming.send(request("GET", "/events"))
        streaming.wire.line()
        assert origin.wait_for(lambda: len(origin.requests) == 3)
        gateway.send_signal(signal.SIGTERM)
        wait_until(lambda: not gateway.is_ready(), "readiness is withdrawn")
        assert idle.closed()
        origin.release.set()
        got = busy.answer()
        assert (got.status, got.body, got.closes) == (200, b"held", True)
        streaming.wire.fields()
        assert b"".join(streaming.wire.chunks([])) == b"data: first\n\ndata: second\n\n"
        assert busy.closed()
    assert gateway.wait() == 0


def test_a_drain_accepts_no_further_connections(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as busy:
        busy.send(request("GET", "/hold"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        gateway.send_signal(signal.SIGTERM)
        wait_until(lambda: _is_not_served(gateway), "new connections are turned away")
        origin.release.set()
        assert busy.answer().body == b"held"
    assert gateway.wait() == 0


def _is_not_served(gateway: Gateway) -> bool:
    """Whether a new connection is refused, ended or left waiting: a sibling may still take it for a moment."""
    try:
        with gateway.client(patience=0.3) as client:
            client.send(request("GET", "/"))
            return client.answer().status == 503
    except (OSError, TruncatedError):
        return True


def test_a_drain_does_not_wait_for_ever(origin: Origin, tmp_path: Path) -> None:
    with running(before(origin.url) | {"drain": "500ms"}, tmp_path) as gateway, gateway.client() as busy:
        busy.send(request("GET", "/hold"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(10) == 0
        with pytest.raises((TruncatedError, AssertionError)):
            assert busy.answer().status >= 500


def test_a_second_signal_ends_it_at_once(origin: Origin, tmp_path: Path) -> None:
    gateway = Gateway(before(origin.url) | {"drain": "60s"}, tmp_path)
    try:
        gateway.wait_until_ready()
        with gateway.client() as busy:
            busy.send(request("GET", "/hold"))
            assert origin.wait_for(lambda: len(origin.requests) == 1)
            gateway.send_signal(signal.SIGTERM)
            wait_until(lambda: not gateway.is_ready(), "the drain has begun")
            gateway.send_signal(signal.SIGTERM)
            gateway.wait(10)
        assert "Traceback" not in gateway.output()
        wait_until(lambda: refuses(gateway.address), "the port is free")
    finally:
        gateway.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_gateway_ends_cleanly(origin: Origin, tmp_path: Path, number: signal.Signals) -> None:
    with running(before(origin.url) | {"workers": 2}, tmp_path) as gateway, gateway.client() as idle:
        idle.get("/")
        gateway.send_signal(number)
        assert gateway.wait() == 0


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.3, 0.4, 0.6])
def test_a_signal_during_the_start_leaves_nothing_behind(origin: Origin, tmp_path: Path, delay: float) -> None:
    gateway = Gateway(before(origin.url) | {"workers": 2}, tmp_path)
    try:
        time.sleep(delay)
        gateway.send_signal(signal.SIGTERM)
        code = gateway.wait()
        assert code in (0, -signal.SIGTERM), gateway.output()  # before Python runs any of ours, the system's rule holds
        assert "Traceback" not in gateway.output(), gateway.output()
        wait_until(lambda: not _group(gateway.process.pid), "nothing of it runs any more")
    finally:
        gateway.kill()


def _group(leader: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, group, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(group) == leader and state != "Z":
                found.append(int(entry.name))
    return found


def test_an_address_in_use_is_told_plainly(gateway: Gateway, origin: Origin, tmp_path: Path) -> None:
    directory = tmp_path / "second"
    directory.mkdir()
    second = Gateway(before(origin.url) | {"listen": f"127.0.0.1:{gateway.port}"}, directory)
    try:
        assert second.wait() == 1
        assert str(gateway.port) in second.output()
        assert "Traceback" not in second.output()
    finally:
        second.kill()
    assert gateway.get("/").status == 200


def test_a_bad_file_at_the_start_is_told_plainly(tmp_path: Path) -> None:
    gateway = Gateway({"upstreams": {"app": {"servers": []}}, "colour": "red"}, tmp_path)
    try:
        assert gateway.wait() == 1
        assert "colour" in gateway.output()
        assert "Traceback" not in gateway.output()
    finally:
        gateway.kill()
