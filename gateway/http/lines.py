"""Field lines, checked and split once (RFC 9112 §5).

A line is one octet string between two CRLFs. Whatever a strict reading does not allow (no colon, white space before
it, a fold, a bare CR or LF, a control octet) is refused. Lines of fields that everybody sends and nobody
keeps secret are remembered: most lines of most messages have been seen before, and then a line costs one look-up in a
dictionary. Lines that may hold a secret or are never the same twice are read each time."""

from __future__ import annotations

from gateway.http.fields import Entry, is_field_value, is_token

HOST, LENGTH, CODING, CONNECTION, UPGRADE, TE, HOP, EXPECT, FORWARDING, HOPS_LEFT = (1 << bit for bit in range(10))

MARKS = {
    b"host": HOST,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"te": TE,
    b"keep-alive": HOP,
    b"proxy-connection": HOP,
    b"http2-settings": HOP,
    b"expect": EXPECT,
    b"max-forwards": HOPS_LEFT,
    b"forwarded": FORWARDING,
    b"x-forwarded-for": FORWARDING,
    b"x-forwarded-host": FORWARDING,
    b"x-forwarded-proto": FORWARDING,
    b"x-forwarded-port": FORWARDING,
    b"x-forwarded-prefix": FORWARDING,
    b"x-forwarded-server": FORWARDING,
    b"x-forwarded-scheme": FORWARDING,
    b"x-forwarded-ssl": FORWARDING,
    b"x-real-ip": FORWARDING,
    b"x-original-url": FORWARDING,
    b"x-rewrite-url": FORWARDING,
}
"""Fields a head is looked through for. All others pass as they are."""

REMEMBERED = frozenset(
    {
        b"accept",
        b"accept-charset",
        b"accept-encoding",
        b"accept-language",
        b"accept-ranges",
        b"access-control-allow-credentials",
        b"access-control-allow-headers",
        b"access-control-allow-methods",
        b"access-control-allow-origin",
        b"access-control-expose-headers",
        b"access-control-max-age",
        b"cache-control",
        b"connection",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-type",
        b"date",
        b"dnt",
        b"etag",
        b"expires",
        b"host",
        b"keep-alive",
        b"last-modified",
        b"origin",
        b"permissions-policy",
        b"pragma",
        b"priority",
        b"proxy-connection",
        b"referrer-policy",
        b"sec-ch-ua",
        b"sec-ch-ua-mobile",
        b"sec-ch-ua-platform",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-fetch-user",
        b"server",
        b"strict-transport-security",
        b"te",
        b"transfer-encoding",
        b"upgrade-insecure-requests",
        b"user-agent",
        b"vary",
        b"via",
        b"x-content-type-options",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-frame-options",
        b"x-powered-by",
        b"x-requested-with",
        b"x-xss-protection",
    }
)
"""Fields whose lines are remembered: common, repeated, and no secret. Whether a line is remembered can be seen from
outside by its time, so nothing that identifies or authorises anybody may stand here."""

LONGEST_REMEMBERED = 256
MOST_REMEMBERED = 4096
_NAMES_REMEMBERED = 1024


class LineError(ValueError):
    """The line is no field line."""


class _Names(dict[bytes, tuple[bytes, int, bool]]):
    """Field name as it came → lower-case name, mark, and whether its lines are remembered."""

    def __missing__(self, name: bytes) -> tuple[bytes, int, bool]:
        if not is_token(name):
            raise LineError("a field name is not a token")
        lower = name.lower()
        known = (lower, MARKS.get(lower, 0), lower in REMEMBERED)
        if len(self) < _NAMES_REMEMBERED and len(name) <= 64:
            self[name] = known
        return known


_names = _Names()


class FieldLines(dict[bytes, Entry]):
    """Field line without its CRLF → entry. Raises LineError for a line that is none."""

    def __missing__(self, line: bytes) -> Entry:
        name, colon, value = line.partition(b":")
        if not colon:
            raise LineError("a field line has no colon")
        lower, mark, remember = _names[name]
        if not is_field_value(value):
            raise LineError("a field value has a control octet")
        entry = (lower, name, value.strip(b" \t"), mark, line)
        if remember and len(line) <= LONGEST_REMEMBERED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()  # the common ones are back after a few messages
            self[line] = entry
        return entry


field_lines = FieldLines()


def split_section(section: bytes) -> list[Entry]:
    """The entries of a field section: lines that each end with CRLF, without the empty line. Raises LineError."""
    if not section:
        return []
    return [field_lines[line] for line in section[:-2].split(b"\r\n")]
