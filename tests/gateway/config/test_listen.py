import pytest
from pydantic import ValidationError

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.listen import AdminSettings, ListenSettings

TOKEN = "0123456789abcdef"


def test_a_listener_has_plain_defaults() -> None:
    listener = ListenSettings.model_validate(":8080")
    assert listener.address == TcpAddress("", 8080)
    assert (listener.tls, listener.proxy_protocol, listener.mode) == (None, False, None)


def test_a_listener_may_speak_tls() -> None:
    listener = ListenSettings.model_validate({"address": ":443", "tls": {"certificate": "c.pem", "key": "k.pem"}})
    assert listener.tls is not None
    assert (str(listener.tls.certificate), str(listener.tls.key)) == ("c.pem", "k.pem")


@pytest.mark.parametrize(("text", "mode"), [("0660", 0o660), ("600", 0o600)])
def test_the_mode_of_a_unix_socket_is_octal(text: str, mode: int) -> None:
    listener = ListenSettings.model_validate({"address": "unix:/run/x", "mode": text})
    assert listener.address == UnixAddress("/run/x")
    assert listener.mode == mode


@pytest.mark.parametrize("mode", [660, "0888", "rw", "07777"])
def test_a_mode_that_could_be_misread_is_refused(mode: object) -> None:
    with pytest.raises(ValidationError, match="three octal digits in quotes"):
        ListenSettings.model_validate({"address": "unix:/run/x", "mode": mode})


def test_a_mode_is_for_unix_sockets_only() -> None:
    with pytest.raises(ValidationError, match="only for Unix sockets"):
        ListenSettings.model_validate({"address": ":1", "mode": "0660"})


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValidationError, match="key"):
        ListenSettings.model_validate({"address": ":1", "tls": {"certificate": "c.pem"}})


def test_the_administrator_is_local_unless_told_otherwise() -> None:
    assert AdminSettings().address == TcpAddress("127.0.0.1", 9900)


@pytest.mark.parametrize("address", ["0.0.0.0:9900", ":9900", "[::]:9900", "10.0.0.1:9900"])
def test_beyond_loopback_the_administrator_needs_a_token(address: str) -> None:
    with pytest.raises(ValidationError, match="a token is required when the admin address is not loopback"):
        AdminSettings.model_validate(address)
    assert AdminSettings.model_validate({"address": address, "token": TOKEN}).token is not None


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/run/admin.sock"])
def test_a_local_administrator_needs_no_token(address: str) -> None:
    assert AdminSettings.model_validate(address).token is None


def test_a_short_token_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        AdminSettings.model_validate({"token": "short-secret"})
    assert refused.value.errors()[0]["loc"] == ("token",)


@pytest.mark.parametrize("origin", ["https://ops.example.com", "http://localhost:3000", "https://[::1]:8"])
def test_an_origin_is_kept_in_small_letters(origin: str) -> None:
    assert AdminSettings.model_validate({"cors_origins": [origin]}).cors_origins == (origin,)
    assert AdminSettings.model_validate({"cors_origins": [origin.replace("o", "O")]}).cors_origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*",
        "https://a/",
        "https://a/x",
        "ftp://a",
        "a",
        "null",
        "https://u@a",
        "https://a:x",
        "https://a b",
        "http://[z",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="must be an origin"):
        AdminSettings.model_validate({"cors_origins": [origin]})
