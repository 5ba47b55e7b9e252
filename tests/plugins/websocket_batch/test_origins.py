import pytest

from plugins.websocket_batch.origins import AllowedOrigins, check_origin


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://App.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("https://*.example.com", "https://*.example.com"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("same", "same"),
        ("null", "null"),
    ],
)
def test_origins_are_written_as_browsers_do(text: str, normal: str) -> None:
    assert check_origin(text) == normal


@pytest.mark.parametrize(
    "text", ["", "*", "app.example.com", "https://a/", "wss://a.b", "https://*.com", "https://a..b"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an origin"):
        check_origin(text)


def test_pages_of_others_may_not_connect() -> None:
    allowed = AllowedOrigins(["https://app.example.com", "https://*.example.org"])
    judge = {
        b"https://app.example.com": True,
        b"https://APP.example.com": False,
        b"http://app.example.com": False,
        b"https://app.example.com.evil.test": False,
        b"https://a.b.example.org": True,
        b"https://example.org": False,
        b"https://evil.test/.example.org": False,
        b"https://.example.org": False,
        b"null": False,
        b"": False,
    }
    assert {origin: allowed.allows(origin, "https", b"app.example.com") for origin in judge} == judge


def test_the_address_that_was_asked_for_may_be_meant() -> None:
    allowed = AllowedOrigins(["same"])
    assert allowed.allows(b"http://shop.example:8080", "http", b"Shop.example:8080")
    assert allowed.allows(b"https://shop.example", "https", b"shop.example:443")
    assert not allowed.allows(b"http://shop.example", "https", b"shop.example")
    assert not allowed.allows(b"http://other.example", "http", b"shop.example")


def test_programs_and_those_who_were_told_nothing_may() -> None:
    assert AllowedOrigins(["same"]).allows(None, "http", b"shop.example")
    assert AllowedOrigins([]).allows(b"https://evil.test", "http", b"shop.example")
