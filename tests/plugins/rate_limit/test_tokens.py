import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import WallTime
from plugins.rate_limit.tokens import bare_token, claim_in, unverified_claims, verifier

SECRET = b"a secret of some length"
NOW = WallTime(1_700_000_000.0)
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def encoded(value: Any) -> bytes:
    return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=")


def a_token(claims: Any, algorithm: str = "HS256", secret: bytes = SECRET) -> bytes:
    signed = encoded({"alg": algorithm, "typ": "JWT"}) + b"." + encoded(claims)
    digest = DIGESTS.get(algorithm, hashlib.sha256)
    return signed + b"." + urlsafe_b64encode(hmac.digest(secret, signed, digest)).rstrip(b"=")


@pytest.mark.parametrize(
    ("value", "token"),
    [(b"Bearer abc", b"abc"), (b"bearer  abc", b"abc"), (b"abc", b"abc"), (b"Basic abc", b"Basic abc")],
)
def test_the_scheme_is_no_part_of_the_token(value: bytes, token: bytes) -> None:
    assert bare_token(value) == token


def test_claims_are_read_without_asking_who_wrote_them() -> None:
    assert unverified_claims(a_token({"sub": "u1"}, secret=b"anything"), NOW) == {"sub": "u1"}


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_right_signature_is_believed(algorithm: str) -> None:
    assert verifier(SECRET)(a_token({"sub": "u1"}, algorithm), NOW) == {"sub": "u1"}


def test_a_wrong_one_is_not() -> None:
    read = verifier(SECRET)
    right = a_token({"sub": "u1"})
    head, claims, signature = right.split(b".")
    wrong = [
        a_token({"sub": "u1"}, secret=b"another secret of length"),
        b".".join([head, encoded({"sub": "admin"}), signature]),
        b".".join([encoded({"alg": "none"}), claims, b""]),
        b".".join([encoded({"alg": "RS256"}), claims, signature]),
        b".".join([encoded({"alg": ["HS256"]}), claims, signature]),
        b".".join([encoded({"alg": "HS512"}), claims, signature]),
        b".".join([head, claims]),
        right + b".",
        right[:-2] + "é".encode("latin-1"),
        b"",
    ]
    assert [read(token, NOW) for token in wrong] == [None] * len(wrong)


@pytest.mark.parametrize(
    ("claims", "is_in_force"),
    [
        ({"exp": NOW + 1}, True),
        ({"exp": NOW - 30}, True),
        ({"exp": NOW - 61}, False),
        ({"exp": "never"}, False),
        ({"nbf": NOW + 30}, True),
        ({"nbf": NOW + 61}, False),
        ({"nbf": None, "exp": None}, True),
    ],
)
def test_a_signed_token_counts_only_while_it_is_in_force(claims: dict[str, Any], is_in_force: bool) -> None:
    assert (verifier(SECRET)(a_token(claims), NOW) is not None) == is_in_force


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("sub",), b"u1"),
        (("org", "id"), b"7"),
        (("org",), b'{"id":7,"z":1}'),
        (("org", "id", "x"), None),
        (("none",), None),
        (("missing",), None),
        (("roles",), b'["a"]'),
    ],
)
def test_a_claim_may_be_nested_and_of_any_type(path: tuple[str, ...], found: bytes | None) -> None:
    claims = {"sub": "u1", "org": {"z": 1, "id": 7}, "none": None, "roles": ["a"]}
    assert claim_in(claims, path) == found


@given(st.binary(max_size=200) | st.lists(st.binary(max_size=30), max_size=4).map(b".".join))
def test_whatever_comes_it_is_a_token_or_none(octets: bytes) -> None:
    assert verifier(SECRET)(octets, NOW) is None
    claims = unverified_claims(octets, NOW)
    assert claims is None or isinstance(claims, dict)


def test_a_token_without_end_is_not_looked_at() -> None:
    assert unverified_claims(a_token({"sub": "x" * 10_000}), NOW) is None
