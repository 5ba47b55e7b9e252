import pytest

from gateway.http.redaction import redact, redact_target, redact_value


@pytest.mark.parametrize("name", ["Authorization", "cookie", "SET-COOKIE", "Proxy-Authorization", "X-Api-Key"])
def test_a_field_that_is_a_credential_is_masked_whatever_its_case(name: str) -> None:
    assert redact([(name.encode(), b"Basic c2VjcmV0")]) == {name.lower(): "***"}


def test_other_fields_stay_and_repeated_ones_are_joined() -> None:
    assert redact([(b"Accept", b"a/b"), (b"User-Agent", b"x\xe9"), (b"accept", b"c/d")]) == {
        "accept": "a/b, c/d",
        "user-agent": "x\u00e9",
    }


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/plain", "/plain"),
        ("/list?page=2&sort=name", "/list?page=2&sort=name"),
        ("/a?token=abc", "/a?token=***"),
        ("/a?x=1&access_token=abc&y=2", "/a?x=1&access_token=***&y=2"),
        ("/a?API_KEY=abc#part", "/a?API_KEY=***#part"),
        ("/a?password=a=b", "/a?password=***"),
        ("/a?X-Amz-Signature=abc;sig=d", "/a?X-Amz-Signature=***;sig=***"),
        ("/a?token=", "/a?token=***"),
        ("http://user:pass@host/a", "http://***@host/a"),
        ("/token=abc", "/token=abc"),
    ],
)
def test_a_target_shows_everything_but_credentials(target: str, shown: str) -> None:
    assert redact_target(target) == shown


def test_targets_inside_fields_are_redacted_too() -> None:
    assert redact_value("Referer", "https://shop/a?token=abc") == "https://shop/a?token=***"
    assert redact_value("Location", "https://u:p@shop/") == "https://***@shop/"
