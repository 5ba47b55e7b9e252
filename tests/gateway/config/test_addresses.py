import pytest

from gateway.config.addresses import TcpAddress, UnixAddress, leads_to, parse_address, parse_host, parse_port
from gateway.config.base import SettingError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", TcpAddress("127.0.0.1", 8080)),
        ("[::1]:8080", TcpAddress("::1", 8080)),
        ("[2001:DB8::0]:1", TcpAddress("2001:db8::", 1)),
        (":8080", TcpAddress("", 8080)),
        ("localhost:0", TcpAddress("localhost", 0)),
        ("app_1.example.com.:65535", TcpAddress("app_1.example.com.", 65535)),
        ("unix:/run/x.sock", UnixAddress("/run/x.sock")),
    ],
)
def test_an_address_is_read(text: str, expected: TcpAddress | UnixAddress) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:8080", ":8080", "unix:/run/x.sock"])
def test_an_address_is_shown_as_it_is_written(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (8080, "must be an address and not a number alone"),
        (True, "must be an address"),
        (None, "must be an address"),
        ("127.0.0.1", "has no port"),
        ("127.0.0.1:", "has no port from 0 to 65535"),
        ("127.0.0.1:65536", "has no port from 0 to 65535"),
        ("127.0.0.1:http", "has no port from 0 to 65535"),
        ("127.0.0.1:-1", "has no port from 0 to 65535"),
        ("::1:8080", "has an IPv6 address without brackets"),
        ("[::1:8080", "has an IPv6 address without brackets"),
        ("[zz]:80", "has no valid IPv6 address"),
        ("[127.0.0.1]:80", "has no valid IPv6 address"),
        ("256.0.0.1:80", "has no valid IPv4 address"),
        ("a b:80", "has no valid host"),
        ("http://x:80", "has an IPv6 address without brackets"),
        ("-x:80", "has no valid host"),
        ("unix:run/x.sock", "must name an absolute path after unix:"),
        ("unix:/a\0b", "must name an absolute path after unix:"),
        ("unix:/" + "x" * 107, "is too long for a Unix socket: at most 107 octets"),
    ],
)
def test_what_is_no_address_is_refused(value: object, message: str) -> None:
    with pytest.raises(SettingError) as refused:
        parse_address(value)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("[::ffff:127.0.0.1]:1", True),
        ("localhost:1", True),
        ("LOCALHOST.:1", True),
        ("unix:/x", True),
        (":1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("localhost.example.com:1", False),
        ("[::ffff:10.0.0.1]:1", False),
    ],
)
def test_only_loopback_and_unix_sockets_are_local(text: str, is_local: bool) -> None:
    assert parse_address(text).is_local is is_local


def test_an_address_that_was_read_is_taken_as_it_is() -> None:
    address = TcpAddress("h", 1)
    assert parse_address(address) is address


def test_hosts_and_ports_are_read_alone() -> None:
    assert parse_host("[::1]") == "::1"
    assert parse_host("") == ""
    assert parse_port("080") == 80


@pytest.mark.parametrize(
    ("target", "listening", "expected"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("localhost:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", ":80", True),
        ("[::1]:80", "[::]:80", True),
        ("127.0.0.1:80", "0.0.0.0:80", True),
        ("localhost:80", "0.0.0.0:80", True),
        ("[::ffff:127.0.0.1]:80", "0.0.0.0:80", True),
        ("[::1]:80", ":80", True),
        ("[::1]:80", "0.0.0.0:80", False),
        ("127.0.0.1:80", "[::]:80", False),
        ("[::1]:80", "127.0.0.1:80", False),
        ("shop.example:80", "Shop.Example:80", True),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.2:80", "127.0.0.1:80", False),
        ("shop.example:80", ":80", False),
        ("127.0.0.1:80", "10.0.0.1:80", False),
        ("unix:/a", "unix:/a", True),
        ("unix:/a", ":80", False),
    ],
)
def test_what_leads_to_an_address_is_known_where_it_is_certain(target: str, listening: str, expected: bool) -> None:
    assert leads_to(parse_address(target), parse_address(listening)) is expected
