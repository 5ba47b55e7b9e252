import pytest

from gateway.config.health import HashSettings
from gateway.upstream.keys import key_of
from tests.support.plugins import make_request


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"header": "X-Tenant"}, b"acme"),
        ({"header": "X-Missing"}, None),
        ({"cookie": "session"}, b"abc"),
        ({"cookie": "missing"}, None),
        ({"path": True}, b"/a/b"),
    ],
)
def test_the_key_of_a_request_is_what_the_settings_say(settings: dict[str, object], key: bytes | None) -> None:
    request = make_request(target="/a/b?c=d", fields={"X-Tenant": "acme", "Cookie": "a=1; session=abc"})
    assert key_of(HashSettings.model_validate(settings))(request) == key
