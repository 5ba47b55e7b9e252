"""What the demonstration's origin sells and says: its answers as values. No I/O, no clock."""

import enum
import hashlib
from typing import Any

import orjson

REVISION_SECONDS = 30
"""How long a state of the catalogue lasts; afterwards prices differ, and so does its ETag."""
LARGE_BYTES = 5_000_000
"""Octets of the large download."""

_NAMES = (
    "anvil",
    "birdseed",
    "bucket",
    "candle",
    "crate",
    "drill",
    "glue",
    "jetpack",
    "ladder",
    "magnet",
    "net",
    "rope",
)
_COLOURS = ("red", "blue")

PRODUCTS = len(_NAMES) * len(_COLOURS)
"""How many products there are; their ids run from 1."""


class Mishap(enum.Enum):
    """What goes wrong with a request to the failing endpoint."""

    NONE = "none"
    INTERNAL_ERROR = "500"
    UNAVAILABLE = "503"
    RESET = "reset"


_SPELL = (Mishap.INTERNAL_ERROR, Mishap.UNAVAILABLE, Mishap.RESET) * 2
WELL = 12
"""Visits in a row that go well between two bad spells."""


def mishap(visit: int) -> Mishap:
    """What happens to visit number `visit` (from 0): a bad spell with each kind in turn, then `WELL` that go well."""
    position = visit % (len(_SPELL) + WELL)
    return _SPELL[position] if position < len(_SPELL) else Mishap.NONE


def revision(now: float) -> int:
    """Which state of the catalogue is on sale at `now` (wall time, seconds)."""
    return int(now // REVISION_SECONDS)


def product(number: int, revision: int) -> dict[str, Any] | None:
    """The product with that id, `None` where there is none."""
    if not 1 <= number <= PRODUCTS:
        return None
    name, colour = _NAMES[(number - 1) // len(_COLOURS)], _COLOURS[(number - 1) % len(_COLOURS)]
    cents = 500 + number * 137 + (revision * 31 + number * 7) % 100
    return {
        "id": number,
        "name": f"{colour} {name}",
        "price": f"{cents / 100:.2f}",
        "currency": "EUR",
        "stock": (revision * 17 + number * 29) % 200,
        "tags": [colour, "sale" if cents % 2 else "regular"],
    }


def catalogue(revision: int) -> bytes:
    """All products as JSON."""
    return orjson.dumps({"products": [product(number, revision) for number in range(1, PRODUCTS + 1)]})


def etag(content: bytes) -> str:
    """A strong validator of `content` (RFC 9110 §8.8.3)."""
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def is_current(if_none_match: str | None, current: str) -> bool:
    """Whether the client already has the content of that validator (RFC 9110 §13.1.2, weak comparison)."""
    if if_none_match is None:
        return False
    known = {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}
    return "*" in known or current in known


SYMBOLS = tuple(name[:4].upper() for name in _NAMES)
"""What the price ticker tells about."""


def price_of(symbol: int, number: int, at: float) -> dict[str, Any]:
    """Message `number` (from 0) about a symbol, born `at` (milliseconds since 1970)."""
    drift = (number * 7919 + symbol * 104729) % 41 - 20
    return {"symbol": SYMBOLS[symbol], "price": f"{100 + 10 * symbol + drift / 10:.2f}", "at": at}


def price_tick(number: int) -> dict[str, Any]:
    """Message `number` (from 0) of the ticker: a price that wanders around 100."""
    drift = (number * 7919) % 41 - 20
    return {"tick": number, "symbol": "ANVL", "price": f"{100 + drift / 10:.2f}"}
