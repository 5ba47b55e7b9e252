import socket

import pytest

from gateway.demo import ports


def test_the_usual_port_is_taken_when_it_is_free() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    assert ports.choose(port) == port


def test_another_port_is_taken_when_somebody_listens_on_the_usual_one() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as listener:
        taken = listener.getsockname()[1]
        assert not ports.is_free(ports.LOOPBACK, taken)
        other = ports.choose(taken)
        assert other != taken
        assert ports.is_free(ports.LOOPBACK, other)


def test_an_address_that_is_not_ours_is_not_free() -> None:
    assert not ports.is_free("192.0.2.1", 8080)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:80", ("::1", 80)),
        (":9000", ("127.0.0.1", 9000)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses_are_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert ports.split(address) == parts


@pytest.mark.parametrize("address", ["", "8080", "host:", "host:port", "host:70000", "host:-1", "host:٣"])
def test_anything_else_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:8080"):
        ports.split(address)


def test_addresses_are_joined_as_people_type_them() -> None:
    assert ports.join("::1", 80) == "[::1]:80"
    assert ports.join("127.0.0.1", 80) == "127.0.0.1:80"


def test_every_address_is_reached_over_loopback() -> None:
    assert ports.reachable("0.0.0.0", 80) == "127.0.0.1:80"
    assert ports.reachable("::", 80) == "[::1]:80"
    assert ports.reachable("10.0.0.1", 80) == "10.0.0.1:80"
