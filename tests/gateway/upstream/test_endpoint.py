from dataclasses import replace

import orjson
import pytest

from gateway.config.addresses import TcpAddress
from gateway.config.settings import ServerSettings
from gateway.upstream.endpoint import Endpoint, endpoint_at, endpoint_of


def server(url: str, weight: int = 1) -> ServerSettings:
    return ServerSettings(url=url, weight=weight)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://a:81", Endpoint("http://a:81", 2, "a:81", "a", 81, "a")),
        ("https://a", Endpoint("https://a", 2, "a", "a", 443, "a")),
        ("unix:/run/x", Endpoint("unix:/run/x", 2, "localhost", "/run/x", 0)),
    ],
)
def test_a_server_that_is_named_outright_is_where_its_url_says(url: str, endpoint: Endpoint) -> None:
    assert endpoint_of(server(url, 2)) == endpoint
    assert (endpoint.is_tls, endpoint.is_unix) == (url.startswith("https"), url.startswith("unix"))


def test_an_address_of_a_name_is_a_server_with_that_name() -> None:
    found = endpoint_at(server("dns+https://app.internal:8443", 3), TcpAddress("10.0.0.1", 8443), 3)
    assert found == Endpoint("https://10.0.0.1:8443", 3, "app.internal:8443", "10.0.0.1", 8443, "app.internal")


def test_an_address_of_a_service_has_the_name_of_the_records_target() -> None:
    found = endpoint_at(server("srv+http://_http._tcp.app"), TcpAddress("::1", 81), 7, name="one.app")
    assert found == Endpoint("http://[::1]:81", 7, "one.app:81", "::1", 81, "one.app")


def test_a_server_and_how_it_stands_survive_the_control_channel() -> None:
    endpoint = replace(endpoint_of(server("http://a")), is_healthy=False, is_draining=True, is_lagging=True)
    assert Endpoint.from_message(orjson.loads(orjson.dumps(endpoint.to_message()))) == endpoint


def test_a_place_is_the_same_however_the_server_stands() -> None:
    endpoint = endpoint_of(server("http://a", 1))
    assert replace(endpoint, weight=9, is_healthy=False, is_draining=True).place() == endpoint.place()
