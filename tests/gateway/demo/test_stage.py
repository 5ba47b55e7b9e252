import socket

import pytest

from gateway.demo import configuration, ports, stage
from gateway.demo.processes import DemoError
from gateway.demo.stage import choose_addresses, staged


def a_free_port() -> int:
    return ports.choose(0)


def test_an_address_asked_for_is_taken() -> None:
    asked = f"127.0.0.1:{a_free_port()}"
    addresses = choose_addresses(asked, origin=4000)
    assert (addresses.data, addresses.origin) == (asked, "127.0.0.1:4000")
    assert addresses.admin != addresses.data


def test_port_nought_means_any_free_port() -> None:
    host, port = ports.split(choose_addresses("127.0.0.1:0", origin=4000).data)
    assert host == "127.0.0.1"
    assert port > 0


def test_without_an_address_both_are_free_ones_on_loopback() -> None:
    addresses = choose_addresses(None, origin=4000)
    for address in (addresses.data, addresses.admin):
        host, port = ports.split(address)
        assert host == ports.LOOPBACK
        assert ports.is_free(host, port)


def test_an_address_asked_for_that_is_taken_is_refused() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as listener:
        taken = f"{ports.LOOPBACK}:{listener.getsockname()[1]}"
        with pytest.raises(DemoError, match=taken):
            choose_addresses(taken, origin=4000)


def test_something_that_is_no_address_is_refused() -> None:
    with pytest.raises(DemoError, match="not an address"):
        choose_addresses("nonsense", origin=4000)


async def test_a_gateway_that_does_not_come_up_is_told_with_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "text", lambda **given: "nonsense: 1\n")
    with pytest.raises(DemoError, match=r"The gateway ended by itself \(exit code 1\)(?s:.*)nonsense"):
        async with staged(None):
            pass


async def test_a_gateway_that_is_never_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "UP_WITHIN", 0.0)
    with pytest.raises(DemoError, match="was not ready after 0 s"):
        async with staged(None):
            pass


async def test_everything_runs_and_everything_is_stopped() -> None:
    async with staged(None) as running:
        children = (running.origin, running.gateway, running.client)
        assert [child.process.returncode for child in children] == [None] * 3
        assert running.client.process.stdout is not None
        assert await running.client.process.stdout.readline()
        host, port = ports.split(running.addresses.data)
        assert not ports.is_free(host, port)
    assert [child.process.returncode for child in children] == [0, 0, 0]
    assert ports.is_free(host, port)


async def test_a_process_that_ends_is_told_by_name() -> None:
    async with staged(None) as running:
        running.origin.process.kill()
        assert str(await running.failure()).startswith("The origin ended by itself (killed by SIGKILL)")
