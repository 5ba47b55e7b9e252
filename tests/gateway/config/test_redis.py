import pytest
from pydantic import ValidationError

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.redis import RedisSettings, RedisUrl, parse_redis_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("redis://h", RedisUrl(TcpAddress("h", 6379))),
        ("rediss://h:1/2", RedisUrl(TcpAddress("h", 1), tls=True, database=2)),
        ("redis://[::1]:7", RedisUrl(TcpAddress("::1", 7))),
        ("unix:/run/redis.sock", RedisUrl(UnixAddress("/run/redis.sock"))),
    ],
)
def test_urls_say_where_it_is(text: str, url: RedisUrl) -> None:
    assert parse_redis_url(text) == url
    assert parse_redis_url(str(url)) == url


@pytest.mark.parametrize(
    "text", ["", "h:1", "http://h", "redis://", "redis://h/x", "redis://h?a=b", "redis://u:p@h", "redis://h:x", 7]
)
def test_other_urls_are_refused(text: object) -> None:
    with pytest.raises(ValueError):
        parse_redis_url(text)


def test_a_url_is_enough() -> None:
    settings = RedisSettings.model_validate("redis://h")
    assert (settings.kind, settings.timeout, settings.prefix) == ("single", 0.02, "slipstream:")
    assert not settings.uses_tls


def test_secrets_are_not_shown() -> None:
    settings = RedisSettings.model_validate({"url": "redis://h", "username": "u", "password": "geheim"})
    assert "geheim" not in repr(settings) + str(settings.model_dump(mode="json"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": []},
        {"url": ["redis://a", "redis://b"]},
        {"url": "redis://a", "kind": "sentinel"},
        {"url": "redis://a", "master": "m"},
        {"url": "redis://a/1", "kind": "cluster"},
        {"url": "redis://a", "username": "u"},
        {"url": "redis://a", "timeout": "11s"},
        {"url": "redis://a", "timeout": 0},
        {"url": "redis://a", "prefix": "a{b"},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RedisSettings.model_validate(wrong)
