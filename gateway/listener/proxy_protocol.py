"""The PROXY protocol, versions 1 and 2: a load balancer tells whose connection it hands on.

Rules only: octets in, address out. The reader looks at the first octets of a connection before anything else
does, TLS included."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

SIGNATURE_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST = 4096
"""Octets of a version 2 header with its extensions that we are willing to look at."""
_LONGEST_V1 = 107
_V1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5}))\r\n"
)


class ProxyProtocolError(Exception):
    """What came is not a PROXY protocol header."""


@dataclass(frozen=True, slots=True)
class Preamble:
    """A complete header."""

    octets: int
    """How long it was."""
    source: str | None
    """The client's address; `None` when the balancer speaks for itself (health checks)."""


def read_preamble(data: bytes) -> Preamble | None:
    """The header at the beginning of `data`, `None` when more octets are needed. Raises ProxyProtocolError."""
    if data[:12] == SIGNATURE_V2[: len(data[:12])]:
        return _read_v2(data)
    if data[:6] == b"PROXY "[: len(data[:6])]:
        return _read_v1(data)
    raise ProxyProtocolError("the connection does not begin with a PROXY protocol header")


def _read_v1(data: bytes) -> Preamble | None:
    end = data.find(b"\r\n", 0, _LONGEST_V1)
    if end < 0:
        if len(data) >= _LONGEST_V1:
            raise ProxyProtocolError("the PROXY line does not end")
        return None
    match = _V1.fullmatch(data[: end + 2])
    if match is None:
        raise ProxyProtocolError("the PROXY line is malformed")
    if match.group(1) is None:
        return Preamble(end + 2, None)
    family, source, destination, *ports = (group.decode() for group in match.groups())
    if any(int(port) > 65535 for port in ports):
        raise ProxyProtocolError("the PROXY line names an impossible port")
    _address(family, destination)
    return Preamble(end + 2, _address(family, source))


def _read_v2(data: bytes) -> Preamble | None:
    if len(data) < 16:
        return None
    version_command, family_protocol, length = struct.unpack("!BBH", data[12:16])
    if version_command >> 4 != 2 or version_command & 15 > 1:
        raise ProxyProtocolError("the PROXY header has an unknown version or command")
    total = 16 + length
    if total > LONGEST:
        raise ProxyProtocolError("the PROXY header is too long")
    if len(data) < total:
        return None
    if version_command & 15 == 0:  # LOCAL
        return Preamble(total, None)
    family = family_protocol >> 4
    if family == 1 and length >= 12:
        return Preamble(total, str(IPv4Address(data[16:20])))
    if family == 2 and length >= 36:
        return Preamble(total, str(IPv6Address(data[16:32])))
    if family in (0, 3):
        return Preamble(total, None)
    raise ProxyProtocolError("the PROXY header is malformed")


def _address(family: str, text: str) -> str:
    try:
        return str(IPv6Address(text) if family == "6" else IPv4Address(text))
    except ValueError:
        raise ProxyProtocolError("the PROXY header names no address") from None
