import ssl
from pathlib import Path

from gateway.config.addresses import TcpAddress
from gateway.config.redis import RedisSettings
from gateway.redis.address import (
    Credentials,
    address_of,
    credentials_of,
    database_of,
    greeting,
    tls_of,
    urls_of,
)
from tests.support.certificates import Authority


def settings(**said: object) -> RedisSettings:
    return RedisSettings.model_validate({"url": "redis://127.0.0.1:1", **said})


def test_a_greeting_asks_for_the_third_protocol_and_ends_with_a_ping() -> None:
    commands = greeting(Credentials())
    assert commands[0][:2] == ("HELLO", "3")
    assert "AUTH" not in commands[0]
    assert commands[-1] == ("PING",)


def test_a_password_alone_is_that_of_the_default_user() -> None:
    assert greeting(Credentials(password="p"))[0][2:5] == ("AUTH", "default", "p")
    assert greeting(Credentials("me", "p"))[0][2:5] == ("AUTH", "me", "p")


def test_a_database_is_chosen_where_it_is_not_the_first() -> None:
    assert ("SELECT", "3") in greeting(Credentials(), 3)
    assert database_of(settings(url="redis://h/3")) == 3
    assert all(command[0] != "SELECT" for command in greeting(Credentials()))


def test_sentinels_have_credentials_of_their_own() -> None:
    said = settings(username="u", password="p", sentinel_password="s")
    assert credentials_of(said) == Credentials("u", "p")
    assert credentials_of(said, sentinel=True) == Credentials(None, "s")


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(Credentials("u", "geheim"))


def test_only_rediss_is_encrypted() -> None:
    assert tls_of(settings()) is None
    context = tls_of(settings(url="rediss://127.0.0.1:1"))
    assert context is not None
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_our_own_certificate_is_shown_and_theirs_may_go_unchecked(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("client", "client.example")
    tls = {"certificate": str(own.certificate), "key": str(own.key), "verify": False}
    context = tls_of(settings(url="rediss://127.0.0.1:1", tls=tls))
    assert context is not None
    assert context.verify_mode == ssl.CERT_NONE


def test_addresses_come_with_and_without_brackets() -> None:
    assert address_of("[::1]", 1) == address_of("::1", 1) == TcpAddress("::1", 1)


def test_all_urls_are_places_to_begin_with() -> None:
    said = settings(url=["redis://a:1", "redis://b:2"], kind="cluster")
    assert urls_of(said) == [TcpAddress("a", 1), TcpAddress("b", 2)]
