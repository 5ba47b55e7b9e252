from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.upstreams import ServerSettings, UpstreamSettings

SERVERS = ["http://127.0.0.1:8000"]


def upstream(**settings: Any) -> UpstreamSettings:
    return UpstreamSettings.model_validate({"servers": SERVERS, **settings})


@pytest.mark.parametrize(
    ("url", "address", "authority", "is_tls"),
    [
        ("http://127.0.0.1:8000", TcpAddress("127.0.0.1", 8000), "127.0.0.1:8000", False),
        ("http://app.example.com", TcpAddress("app.example.com", 80), "app.example.com", False),
        ("https://app.example.com/", TcpAddress("app.example.com", 443), "app.example.com", True),
        ("https://[::1]:8443", TcpAddress("::1", 8443), "[::1]:8443", True),
        ("unix:/run/app.sock", UnixAddress("/run/app.sock"), "localhost", False),
    ],
)
def test_a_server_knows_where_it_is(url: str, address: TcpAddress | UnixAddress, authority: str, is_tls: bool) -> None:
    server = ServerSettings.model_validate(url)
    assert (server.address, server.authority, server.is_tls, server.weight) == (address, authority, is_tls, 1)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000", "must be the address of a server"),
        ("ftp://x", "must be the address of a server"),
        ("HTTP://x", "must be the address of a server"),
        ("http://", "has no host"),
        ("http://:80", "has no host"),
        ("http://x:0", "has no port from 1 to 65535"),
        ("http://x:y", "has no port from 0 to 65535"),
        ("http://x:", "has no port from 0 to 65535"),
        ("http://x:1:2", "has no port from 0 to 65535"),
        ("http://::1", "has no host"),
        ("http://[::1]x", "must be the address of a server"),
        ("http://u:p@x", "must not hold a user name or password"),
        ("http://x/api", "must not have a path"),
        ("http://x//", "must not have a path"),
        ("http://x?q", "must not have a path"),
        ("http://x#f", "must not have a path"),
        ("unix:app.sock", "must name an absolute path after unix:"),
        ("http://a b", "has no valid host"),
    ],
)
def test_what_is_no_server_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServerSettings.model_validate(url)
    assert refused.value.errors()[0]["msg"] == f"Value error, {message}"


@pytest.mark.parametrize(
    ("url", "source", "address", "authority", "is_tls"),
    [
        ("dns+http://app.internal:8000", "dns", TcpAddress("app.internal", 8000), "app.internal:8000", False),
        ("dns+https://app.internal", "dns", TcpAddress("app.internal", 443), "app.internal", True),
        ("srv+http://_http._tcp.app/", "srv", TcpAddress("_http._tcp.app", 80), "_http._tcp.app", False),
        ("srv+https://_web._tcp.app", "srv", TcpAddress("_web._tcp.app", 443), "_web._tcp.app", True),
    ],
)
def test_servers_are_learnt_from_a_name(
    url: str, source: str, address: TcpAddress, authority: str, is_tls: bool
) -> None:
    server = ServerSettings.model_validate(url)
    assert (server.source, server.address, server.authority, server.is_tls) == (source, address, authority, is_tls)


def test_servers_are_learnt_from_a_file() -> None:
    server = ServerSettings.model_validate("file:/etc/servers.yaml")
    assert (server.source, server.address, server.is_tls) == ("file", UnixAddress("/etc/servers.yaml"), False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("dns+http://127.0.0.1:80", "must have a name to look up"),
        ("dns+http://[::1]:80", "must have a name to look up"),
        ("dns+unix:/run/x", "must be the address of a server"),
        ("srv+http://_http._tcp.app:80", "must not have a port"),
        ("srv+http://", "has no host"),
        ("file:", "must name a file"),
        ("file:/", "must name a file"),
    ],
)
def test_a_source_of_servers_must_make_sense(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServerSettings.model_validate(url)
    assert refused.value.errors()[0]["msg"] == f"Value error, {message}"


def test_name_servers_have_port_53_unless_told_otherwise() -> None:
    servers = upstream(dns_servers=["10.0.0.2", "127.0.0.1:5353", "[::1]", "ns.example"]).dns_servers
    assert [str(server) for server in servers] == ["10.0.0.2:53", "127.0.0.1:5353", "[::1]:53", "ns.example:53"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"balance": "hash"}, "needs a key"),
        ({"hash": {"path": True}}, "has no use with balance: least_pending"),
        ({"sticky": {}}, "exactly one of cookie, header and address"),
        ({"sticky": {"cookie": "a", "address": True}}, "exactly one of cookie, header and address"),
        ({"sticky": {"address": True, "key": "0123456789abcdef"}}, "has no use without cookie"),
        ({"lag": {"header": "X-Lag"}}, "has no use without replicas"),
        ({"read_your_writes": {}}, "has no use without replicas"),
        ({"replicas": SERVERS}, "is named twice"),
        ({"dns_servers": 53}, "must be the address of a name server"),
        ({"dns_servers": "unix:/x"}, "must be the address of a name server"),
    ],
)
def test_settings_that_need_each_other_are_checked_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        upstream(**settings)
    assert message in str(refused.value)


def test_an_upstream_has_its_documented_defaults() -> None:
    assert upstream().model_dump(mode="json") == {
        "servers": [{"url": "http://127.0.0.1:8000", "weight": 1}],
        "replicas": [],
        "balance": "least_pending",
        "hash": None,
        "sticky": "off",
        "health": "off",
        "ejection": {
            "failures": 5,
            "errors": 10,
            "deviation": 1.9,
            "interval": "10s",
            "requests": 50,
            "time": "10s",
            "max_time": "5m",
            "max_share": 0.5,
        },
        "slow_start": "off",
        "panic": 0.3,
        "read_your_writes": "off",
        "lag": None,
        "host": "keep",
        "timeouts": {"connect": "2s", "first_byte": "30s", "idle": "30s", "total": "1m"},
        "pool": {"connections": 100, "wait": "1s", "waiting": 1000, "idle": "50s"},
        "tls": {"ca": None, "certificate": None, "key": None, "server_name": None, "verify": True},
        "dns_refresh": "30s",
        "dns_servers": [],
        "retry": True,
    }


def test_one_server_needs_no_list() -> None:
    assert upstream(servers="http://a") == upstream(servers=["http://a"])


def test_servers_may_have_weights() -> None:
    assert upstream(servers=["http://a", {"url": "http://b", "weight": 3}]).servers[1].weight == 3


@pytest.mark.parametrize("host", ["keep", "upstream", "app.example.com", "app.example.com:8080", "[::1]:80"])
def test_the_host_is_kept_or_the_upstreams_or_given(host: str) -> None:
    assert upstream(host=host).host == host


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a:x", "a:0", "a\r\nb", ":80", "a:", "[", "[::1"])
def test_a_host_that_could_break_a_request_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        upstream(host=host)


@pytest.mark.parametrize(
    "settings",
    [
        {"servers": []},
        {"servers": ["http://a", "http://a/"]},
        {"servers": [{"url": "http://a", "weight": 0}]},
        {"balance": "random"},
        {"timeouts": {"connect": "0s"}},
        {"timeouts": {"total": "off"}},
        {"pool": {"connections": 0}},
        {"pool": {"waiting": -1}},
        {"pool": {"idle": 0}},
        {"dns_refresh": 0},
        {"retry": "yes"},
        {"tls": {"certificate": "c.pem"}},
        {"tls": {"key": "k.pem"}},
        {"tls": {"server_name": ""}},
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        upstream(**settings)


def test_a_pool_may_refuse_to_let_anybody_wait() -> None:
    pool = upstream(pool={"wait": 0, "waiting": 0}).pool
    assert (pool.wait, pool.waiting) == (0.0, 0)


def test_a_client_certificate_comes_with_its_key() -> None:
    tls = upstream(tls={"certificate": "c.pem", "key": "k.pem", "verify": False}).tls
    assert (str(tls.certificate), str(tls.key), tls.verify) == ("c.pem", "k.pem", False)
