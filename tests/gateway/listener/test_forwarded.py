import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.listener.forwarded import client_of, scheme_of
from tests.support.plugins import fields_of

PEER = "10.0.0.9"
TRUSTED = {PEER, "10.0.0.1", "10.0.0.2", "2001:db8::1"}


def client(*lines: tuple[str, str], peer: str = PEER) -> str:
    return client_of(fields_of(lines), peer, TRUSTED.__contains__)


@pytest.mark.parametrize(
    ("reported", "found"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("198.51.100.1, 10.0.0.1", "198.51.100.1"),
        ("203.0.113.66, 198.51.100.1, 10.0.0.1,10.0.0.2", "198.51.100.1"),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("2001:DB8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("198.51.100.1, 2001:db8::1", "198.51.100.1"),
        (" ,, 198.51.100.1 ,", "198.51.100.1"),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_proxy_of_ours(reported: str, found: str) -> None:
    assert client(("X-Forwarded-For", reported)) == found


@pytest.mark.parametrize(
    "reported", ["", " , ", "unknown", "198.51.100.1, unknown", "1.2.3", "<script>", "fe80::1%eth0", "a:b"]
)
def test_where_a_report_makes_no_sense_the_one_who_made_it_is_the_client(reported: str) -> None:
    assert client(("X-Forwarded-For", reported)) == PEER
    assert client(("X-Forwarded-For", f"198.51.100.1, {reported}, 10.0.0.1")) in ("10.0.0.1", "198.51.100.1")


def test_nothing_beyond_a_hop_that_makes_no_sense_is_believed() -> None:
    assert client(("X-Forwarded-For", "198.51.100.1, garbage, 10.0.0.1")) == "10.0.0.1"
    assert client(("Forwarded", "for=198.51.100.1, for=_hidden, for=10.0.0.1")) == "10.0.0.1"
    assert client(("Forwarded", "for=198.51.100.1, proto=https")) == PEER


@pytest.mark.parametrize(
    ("reported", "found"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("FOR=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ("proto=http; for=198.51.100.1", "198.51.100.1"),
        ('for="198.51.100.1:4711"', "198.51.100.1"),
        ('for="[2001:db8:0::7]:4711"', "2001:db8::7"),
        ('for="[2001:db8::7]"', "2001:db8::7"),
        ("for=203.0.113.66, for=198.51.100.1, for=10.0.0.1", "198.51.100.1"),
        ("for=unknown", PEER),
        ("for=_SEVKISEK", PEER),
        ("xfor=198.51.100.1", PEER),
        ('host="for=198.51.100.1"', PEER),
        ('by="a;for=198.51.100.1;b"', PEER),
        ('host="a,for=198.51.100.1;b";for=10.0.0.1', PEER),
        ('host="a,for=198.51.100.1;b=";by="c";for=10.0.0.1', PEER),
        ('host="a\\"";for=198.51.100.1', "198.51.100.1"),
        ("for=198.51.100.1;for=198.51.100.2", PEER),
        ("for=198.51.100.1 for=198.51.100.2", PEER),
        ("for=198.51.100.1;secret", PEER),
        ("for=198.51.100.1.evil", PEER),
        ('for="198.51.100.1', PEER),
    ],
)
def test_forwarded_is_read_as_rfc_7239_has_it(reported: str, found: str) -> None:
    assert client(("Forwarded", reported)) == found


def test_forwarded_has_the_word_where_both_are_there() -> None:
    assert client(("X-Forwarded-For", "203.0.113.66"), ("Forwarded", "for=198.51.100.1")) == "198.51.100.1"


def test_several_lines_are_one_list() -> None:
    assert client(("X-Forwarded-For", "203.0.113.66, 198.51.100.1"), ("X-Forwarded-For", "10.0.0.2")) == "198.51.100.1"


def test_only_so_many_hops_are_looked_at() -> None:
    assert client(("X-Forwarded-For", "198.51.100.1" + ", 10.0.0.1" * 1_000)) == "10.0.0.1"


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [
        ([], "own"),
        ([("X-Forwarded-Proto", "https")], "https"),
        ([("X-Forwarded-Proto", "HTTP")], "http"),
        ([("X-Forwarded-Proto", "http, https")], "https"),
        ([("X-Forwarded-Proto", "wss")], "own"),
        ([("X-Forwarded-Proto", "")], "own"),
        ([("Forwarded", "for=1.2.3.4;proto=https")], "https"),
        ([("Forwarded", 'proto="http"')], "http"),
        ([("Forwarded", "proto=http, for=1.2.3.4;Proto=HTTPS")], "https"),
        ([("Forwarded", "proto=https, for=1.2.3.4")], "own"),
        ([("Forwarded", "proto=httpsx")], "own"),
        ([("Forwarded", "xproto=https")], "own"),
        ([("Forwarded", "for=1.2.3.4"), ("X-Forwarded-Proto", "https")], "own"),
    ],
)
def test_the_scheme_is_the_one_the_nearest_proxy_reports(lines: list[tuple[str, str]], scheme: str) -> None:
    assert scheme_of(fields_of(lines), "own") == scheme


HOPS = st.sampled_from(
    ["10.0.0.1", "198.51.100.1", "unknown", "", "for=10.0.0.2", 'for="[2001:db8::1]:1"', 'for="', ";", "\t"]
)
ADDRESSES = {PEER, "198.51.100.1", "10.0.0.1", "10.0.0.2", "2001:db8::1"}


@given(
    st.sampled_from(["Forwarded", "X-Forwarded-For"]),
    st.lists(HOPS, max_size=5),
    st.text('for="[]:;,.1a \t', max_size=20),
)
def test_any_report_gives_an_address_and_what_a_client_adds_in_front_changes_nothing(
    name: str, hops: list[str], lie: str
) -> None:
    honest = [*hops, "for=198.51.100.7" if name == "Forwarded" else "198.51.100.7"]
    assert client((name, ",".join([lie, *honest]))) == "198.51.100.7"
    assert client((name, ",".join(hops))) in ADDRESSES
    assert scheme_of(fields_of([(name, lie)]), "http") in ("http", "https")
