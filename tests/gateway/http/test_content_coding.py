import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.content_coding import (
    FULL,
    MOST_MEMBERS,
    NOTHING_SAID,
    Accepted,
    add_vary,
    content_codings,
    parse_accept_encoding,
    ranked,
)
from gateway.http.fields import Fields

OURS = (b"zstd", b"br", b"gzip")


def chosen(value: bytes | None) -> bytes | None:
    found = ranked(parse_accept_encoding(value), OURS)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("value", "coding"),
    [
        (None, None),
        (b"", None),
        (b"identity", None),
        (b"gzip", b"gzip"),
        (b"x-gzip", b"gzip"),
        (b"GZip", b"gzip"),
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip;q=1.0, br;q=0.5", b"gzip"),
        (b"gzip;q=0.5, br;q=0.5", b"br"),
        (b"gzip ; q = 0.5 , br;Q=0.6", b"br"),
        (b"gzip;q=0.001", b"gzip"),
        (b"gzip;q=0", None),
        (b"gzip;q=0.000, br;q=0", None),
        (b"*", b"zstd"),
        (b"*;q=0", None),
        (b"zstd;q=0, *", b"br"),
        (b"*;q=0, gzip", b"gzip"),
        (b"identity;q=0", None),
        (b"identity;q=0, *", b"zstd"),
        (b"gzip;q=0.5, identity;q=0.8", None),
        (b"gzip;q=0.5, identity;q=0.5", b"gzip"),
        (b"identity;q=1, *;q=0", None),
        (b"gzip;q=0.5, *;q=0.8", b"zstd"),
        (b"gzip;q=2", None),
        (b"gzip;q=-1", None),
        (b"gzip;q=0.1234", None),
        (b"gzip;q=", None),
        (b"gzip;level=9", None),
        (b"gzip br", None),
        (b", ,gzip,,", b"gzip"),
        (b"gzip, gzip;q=0", None),
        (b"gzip;q=0, gzip", None),
        (b"\xff, gzip", b"gzip"),
    ],
)
def test_the_coding_that_a_client_gets(value: bytes | None, coding: bytes | None) -> None:
    assert chosen(value) == coding


def test_all_that_would_do_are_ranked() -> None:
    accepted = parse_accept_encoding(b"gzip;q=0.8, br;q=0.9, zstd;q=0.8, identity;q=0.1")
    assert ranked(accepted, OURS) == [b"br", b"zstd", b"gzip"]


@pytest.mark.parametrize(
    ("value", "weight"),
    [
        (b"gzip", 1),
        (b"identity", FULL),
        (b"identity;q=0.25", 250),
        (b"identity;q=0", 0),
        (b"*;q=0", 0),
        (b"*;q=0.5", 500),
        (b"*;q=0, identity;q=0.1", 100),
    ],
)
def test_how_much_content_as_it_is_weighs(value: bytes, weight: int) -> None:
    assert parse_accept_encoding(value).identity == weight


def test_a_request_that_says_nothing_gets_nothing_coded_though_it_might() -> None:
    assert parse_accept_encoding(None) is NOTHING_SAID
    assert (NOTHING_SAID.weight(b"gzip"), NOTHING_SAID.identity) == (0, 1)


def test_no_more_members_are_read_than_anybody_needs() -> None:
    junk = b",".join(b"x%d;q=0.5" % number for number in range(MOST_MEMBERS))
    assert chosen(junk + b",gzip") is None
    assert len(parse_accept_encoding(junk + b",gzip").weights) == MOST_MEMBERS
    assert chosen(b",".join(junk.split(b",")[:-1]) + b",gzip") == b"gzip"


# --- beside a naive reading ------------------------------------------------------------------------


def naive(value: str, offered: list[str]) -> str | None:
    """The same by RFC 9110 §12.5.3, word for word and without a thought for speed. `None`: as it is."""
    said: dict[str, float] = {}
    for member in value.lower().split(",")[:MOST_MEMBERS]:
        parts = [part.strip(" \t") for part in member.split(";")]
        if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9a-z]+", parts[0]) or len(parts) > 2:
            continue
        weight = 1.0
        if len(parts) == 2:
            name, equals, digits = (text.strip(" \t") for text in parts[1].partition("="))
            if (name, equals) != ("q", "=") or not re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", digits, re.ASCII):
                continue
            weight = float(digits)
        name = "gzip" if parts[0] == "x-gzip" else parts[0]
        said[name] = min(weight, said.get(name, 1.0))

    def acceptable(coding: str) -> float:
        return said.get(coding, said.get("*", 0.0))

    identity = said.get("identity", said.get("*", 0.0005))
    best: str | None = None
    for coding in offered:
        if (
            acceptable(coding) > 0
            and acceptable(coding) >= identity
            and (best is None or acceptable(coding) > acceptable(best))
        ):
            best = coding
    return best


names = st.sampled_from(["gzip", "x-gzip", "br", "zstd", "identity", "*", "deflate", "GZIP", "b r", "", "é"])
weights = st.sampled_from(
    ["", ";q=0", ";q=1", ";q=0.5", "; q=0.25", ";q=0.001", " ;Q=0.9", ";q=1.001", ";q=x", ";q=0.", ";v=1", ";q=0;q=1"]
)
members = st.builds(
    lambda name, weight, space: f"{space}{name}{weight}{space}", names, weights, st.sampled_from(["", " "])
)
values = st.lists(members, max_size=40).map(",".join)


@given(values, st.permutations(["zstd", "br", "gzip"]), st.integers(0, 3))
def test_a_choice_is_the_one_of_the_naive_reading(value: str, order: list[str], count: int) -> None:
    offered = order[:count]
    found = ranked(parse_accept_encoding(value.encode()), [name.encode() for name in offered])
    wanted = naive(value, offered)
    assert (found[0].decode() if found else None) == wanted


@given(st.binary(max_size=300))
def test_any_octets_are_read_as_something(value: bytes) -> None:
    accepted = parse_accept_encoding(value)
    assert isinstance(accepted, Accepted)
    assert set(ranked(accepted, OURS)) <= set(OURS)
    assert all(0 <= weight <= FULL for weight in accepted.weights.values())


# --- of content ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "codings"),
    [
        ([], ()),
        ([b"gzip"], (b"gzip",)),
        ([b"X-GZIP"], (b"gzip",)),
        ([b"identity"], ()),
        ([b"br, gzip"], (b"br", b"gzip")),
        ([b"br", b"gzip"], (b"br", b"gzip")),
        ([b" , "], ()),
    ],
)
def test_the_codings_of_content_in_their_order(lines: list[bytes], codings: tuple[bytes, ...]) -> None:
    assert content_codings(Fields((b"Content-Encoding", line) for line in lines)) == codings


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ([], b"Accept-Encoding", True),
        ([b""], b"Accept-Encoding", True),
        ([b"Origin"], b"Origin, Accept-Encoding", True),
        ([b"Origin", b"Accept"], b"Origin, Accept, Accept-Encoding", True),
        ([b"accept-encoding"], b"accept-encoding", False),
        ([b"*"], b"*", False),
    ],
)
def test_vary_names_a_field_once(before: list[bytes], after: bytes, changed: bool) -> None:
    fields = Fields((b"Vary", line) for line in before)
    assert add_vary(fields, b"Accept-Encoding") is changed
    assert fields.get(b"vary") == after
