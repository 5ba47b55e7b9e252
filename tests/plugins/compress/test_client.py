import pytest

from plugins.compress.client import Client, Clients
from plugins.compress.forms import Form
from plugins.compress.settings import Coding, OriginSees

ALL = (Coding.ZSTD, Coding.BR, Coding.GZIP)
BROWSER = b"gzip, deflate, br, zstd"


def client(value: bytes | None, offered: tuple[Coding, ...] = ALL, sees: OriginSees = OriginSees.ACCEPTED) -> Client:
    return Clients(offered, sees).of(value)


def test_our_order_decides_among_what_a_client_likes_equally_well() -> None:
    assert client(BROWSER).codings == ALL
    assert client(BROWSER, (Coding.GZIP, Coding.BR)).codings == (Coding.GZIP, Coding.BR)
    assert client(b"gzip, br;q=0.5").forms == (Form.GZIP, Form.BR)


def test_a_client_that_says_nothing_gets_nothing_coded() -> None:
    silent = client(None)
    assert (silent.codings, silent.inward) == ((), None)


@pytest.mark.parametrize(
    ("value", "inward"),
    [
        (BROWSER, b"zstd, br, gzip"),
        (b"gzip;q=0.5, br", b"br, gzip"),
        (b"br, gzip", None),
        (b"gzip", None),
        (b"x-gzip", b"gzip"),
        (b"deflate", b"identity"),
        (b"identity", None),
        (b"", b"identity"),
        (b"gzip;q=0", b"identity"),
        (b"*", b"zstd, br, gzip"),
        (b"gzip, dcz, dcb", b"gzip, dcb, dcz"),
        (b"gzip;q=0.2, identity;q=0.8", b"identity"),
    ],
)
def test_the_origin_sees_one_way_of_writing_for_all_that_comes_to_the_same(value: bytes, inward: bytes | None) -> None:
    assert client(value).inward == inward


def test_the_origin_may_be_kept_from_compressing() -> None:
    assert client(BROWSER, sees=OriginSees.IDENTITY).inward == b"identity"
    assert client(b"identity", sees=OriginSees.IDENTITY).inward is None
    assert client(None, sees=OriginSees.IDENTITY).inward is None


def test_all_the_ways_of_browsers_leave_few_variants_inside() -> None:
    clients = Clients(ALL, OriginSees.ACCEPTED)
    ways = [b"gzip, deflate, br, zstd", b"br;q=1.0, gzip;q=0.8, zstd;q=0.1", b"*", b"zstd,br,gzip", b"GZIP, BR, ZSTD"]
    assert {clients.of(way).inward for way in ways} == {b"zstd, br, gzip"}


def test_one_value_is_read_once() -> None:
    clients = Clients(ALL, OriginSees.ACCEPTED)
    assert clients.of(BROWSER) is clients.of(bytes(bytearray(BROWSER)))


def test_what_a_client_can_read_and_what_it_refuses() -> None:
    assert client(b"gzip;q=0.1").can_read(b"gzip")
    assert not client(b"gzip;q=0").can_read(b"gzip")
    assert client(b"*").can_read(b"anything")
    assert not client(None).can_read(b"gzip")
    assert client(b"gzip, identity;q=0").refuses_identity
    assert client(b"gzip, *;q=0").refuses_identity
    assert not client(b"gzip").refuses_identity
    assert not client(b"identity;q=0").refuses_identity  # there is nothing else for it
