import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.listener.proxy_protocol import LONGEST, SIGNATURE_V2, Preamble, ProxyProtocolError, read_preamble
from tests.support.heads import mutated

IPV4 = ip_address("198.51.100.1").packed + ip_address("10.0.0.1").packed + struct.pack("!HH", 4711, 443)
IPV6 = ip_address("2001:db8::1").packed + ip_address("2001:db8::2").packed + struct.pack("!HH", 4711, 443)


def v2(command: int = 0x21, family: int = 0x11, addresses: bytes = IPV4) -> bytes:
    return SIGNATURE_V2 + struct.pack("!BBH", command, family, len(addresses)) + addresses


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 443\r\n", "198.51.100.1"),
        (b"PROXY TCP6 2001:DB8::1 2001:db8::2 4711 443\r\n", "2001:db8::1"),
        (b"PROXY TCP6 ::ffff:198.51.100.1 ::1 0 65535\r\n", "::ffff:198.51.100.1"),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff:f::1 ::1 65535 65535\r\n", None),
    ],
)
def test_version_1_names_the_client_in_a_line(line: bytes, source: str | None) -> None:
    preamble = read_preamble(line + b"GET / HTTP/1.1\r\n")
    assert preamble is not None
    assert preamble.octets == len(line)
    if source is None or preamble.source is None:
        assert preamble.source is source
    else:
        assert ip_address(preamble.source) == ip_address(source)


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (v2(), "198.51.100.1"),
        (v2(family=0x12), "198.51.100.1"),
        (v2(family=0x21, addresses=IPV6), "2001:db8::1"),
        (v2(addresses=IPV4 + b"\x04\x00\x03abc"), "198.51.100.1"),
        (v2(command=0x20), None),
        (v2(command=0x20, family=0, addresses=b""), None),
        (v2(family=0, addresses=b""), None),
        (v2(family=0x31, addresses=bytes(216)), None),
    ],
)
def test_version_2_names_the_client_in_octets(header: bytes, source: str | None) -> None:
    assert read_preamble(header) == Preamble(len(header), source)
    assert read_preamble(header + b"\x16\x03\x01") == Preamble(len(header), source)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"PROXYTCP4",
        b"proxy TCP4 ",
        b" PROXY",
        b"\r\n\r\n\r",
        b"PROXY TCP4 198.51.100.1 10.0.0.1 4711\r\n",
        b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 443 \r\n",
        b"PROXY TCP4  198.51.100.1 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 65536\r\n",
        b"PROXY TCP4 198.51.100.1 10.0.0.1 -1 443\r\n",
        b"PROXY TCP4 198.51.100.256 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 198.51.100.1 10.0.0 4711 443\r\n",
        b"PROXY TCP4 198.51.100.01 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 ::1 ::2 4711 443\r\n",
        b"PROXY TCP6 198.51.100.1 10.0.0.1 4711 443\r\n",
        b"PROXY TCP6 ::1::2 ::1 4711 443\r\n",
        b"PROXY UDP4 198.51.100.1 10.0.0.1 4711 443\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY TCP4 198.51.100.1\n10.0.0.1 4711 443\r\n",
        b"PROXY " + b"x" * 101,
        v2(command=0x11),
        v2(command=0x31),
        v2(command=0x22),
        v2(family=0x41),
        v2(family=0xF1),
        v2(addresses=IPV4[:-1]),
        v2(family=0x21, addresses=IPV4),
        SIGNATURE_V2 + struct.pack("!BBH", 0x21, 0x11, LONGEST - 15),
    ],
)
def test_what_is_no_header_is_refused(octets: bytes) -> None:
    with pytest.raises(ProxyProtocolError):
        read_preamble(octets)


def test_a_version_1_line_has_107_octets_at_most() -> None:
    longest = b"PROXY UNKNOWN ".ljust(105, b"x") + b"\r\n"
    assert read_preamble(longest) == Preamble(107, None)
    assert read_preamble(longest[:106]) is None
    with pytest.raises(ProxyProtocolError):
        read_preamble(b"x".join([longest[:-2], b"\r\n"]))


HEADERS = mutated(
    [
        b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 443\r\n",
        b"PROXY TCP6 2001:db8::1 ::2 4711 443\r\n",
        b"PROXY UNKNOWN\r\n",
        v2(),
        v2(family=0x21, addresses=IPV6),
        v2(command=0x20, family=0, addresses=b""),
    ]
)


@given(st.binary(max_size=60) | HEADERS, st.binary(max_size=20))
def test_any_octets_are_a_header_or_the_beginning_of_one_or_refused(octets: bytes, more: bytes) -> None:
    try:
        preamble = read_preamble(octets)
    except ProxyProtocolError:
        with pytest.raises(ProxyProtocolError):
            read_preamble(octets + more)
        return
    if preamble is None:
        return
    assert 0 < preamble.octets <= len(octets)
    if preamble.source is not None:
        ip_address(preamble.source)
    assert read_preamble(octets[: preamble.octets] + more) == preamble
    for size in range(preamble.octets):
        assert read_preamble(octets[:size]) is None
