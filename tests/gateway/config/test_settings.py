from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.addresses import TcpAddress
from gateway.config.settings import GatewaySettings


def gateway(**settings: Any) -> GatewaySettings:
    return GatewaySettings.model_validate({"upstreams": {"app": {"servers": "http://127.0.0.1:8000"}}, **settings})


def test_defaults_are_safe_on_one_machine() -> None:
    settings = gateway()
    assert settings.name == "slipstream"
    assert [listener.address for listener in settings.listen] == [TcpAddress("127.0.0.1", 8080)]
    assert settings.admin is not None
    assert settings.admin.address == TcpAddress("127.0.0.1", 9900)
    assert (settings.workers, settings.access_log, settings.drain) == ("auto", None, 15.0)
    assert settings.trusted_proxies == ()


def test_one_address_needs_no_list() -> None:
    assert gateway(listen=":80") == gateway(listen=[":80"]) == gateway(listen={"address": ":80"})


def test_the_administrator_can_be_off() -> None:
    assert gateway(admin="off").admin is None


@pytest.mark.parametrize(("value", "expected"), [("off", None), ("stdout", "stdout"), ("/var/log/x", "/var/log/x")])
def test_the_access_log_goes_nowhere_or_somewhere(value: str, expected: str | None) -> None:
    assert gateway(access_log=value).access_log == expected


@pytest.mark.parametrize(
    ("workers", "cpus", "expected"), [("auto", 4, 4), ("auto", 0, 1), ("auto", 999, 256), (3, 1, 3)]
)
def test_workers_are_one_for_each_core_or_as_told(workers: object, cpus: int, expected: int) -> None:
    assert gateway(workers=workers).worker_count(cpus) == expected


@pytest.mark.parametrize("text", ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
def test_a_trusted_proxy_is_an_address_or_a_network(text: str) -> None:
    assert gateway(trusted_proxies=text).trusted_proxies == (ip_network(text),)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "two words"}, "must be a token"),
        ({"name": "x" * 65}, "at most 64"),
        ({"listen": []}, "at least 1"),
        ({"listen": [":80", ":80"]}, r"is the same address as listen\[0\]"),
        ({"listen": "127.0.0.1:9900"}, r"is the same address as listen\[0\]"),
        ({"admin": None}, "has no value"),
        ({"workers": 0}, "must be auto or a number from 1 to 256"),
        ({"workers": 257}, "must be auto or a number from 1 to 256"),
        ({"workers": True}, "must be auto or a number from 1 to 256"),
        ({"workers": "two"}, "must be auto or a number from 1 to 256"),
        ({"access_log": None}, "has no value"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "has bits set beyond its prefix"),
        ({"trusted_proxies": ["everybody"]}, "must be a network"),
        ({"trusted_proxies": [10]}, "must be a network"),
        ({"upstreams": {}}, "at least 1"),
        ({"upstreams": {"a b": {"servers": "http://x"}}}, "is not a name for an upstream"),
        ({"plugins": ["paint"]}, "must be a mapping with one key"),
        ({"plugins": [{"a": {}, "b": {}}]}, "must be a mapping with one key"),
        ({"plugins": [{"a": 5}]}, "must be a mapping of settings, or off"),
        ({"plugins": {"a": {}}}, "should be a valid tuple"),
        ({"routes": {}}, "should be a valid tuple"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        gateway(**settings)


def test_ports_that_the_kernel_chooses_never_collide() -> None:
    assert len(gateway(listen=["127.0.0.1:0", "127.0.0.1:0"], admin="127.0.0.1:0").listen) == 2


def test_settings_of_plugins_are_not_printed() -> None:
    assert "hush" not in repr(gateway(plugins=[{"paint": {"supplier_token": "hush"}}]))


def test_a_redis_tier_needs_to_know_where_redis_is() -> None:
    with pytest.raises(ValidationError, match="needs to know where Redis is"):
        gateway(tiers={"redis": "on"})
    settings = gateway(tiers={"redis": "on"}, redis="redis://127.0.0.1:6379")
    assert settings.redis is not None
    assert settings.tiers.redis is not None
    assert gateway(redis="off").redis is None
