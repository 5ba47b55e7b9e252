"""What the demonstration's client asks for: a mix of visits, drawn at random. No I/O, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, repeat
from random import Random

import orjson

from gateway.demo import shop

VISITORS = 20
"""How many different people the client pretends to be."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of the client."""

    kind: str
    """Name of the endpoint in the view."""
    target: str
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    conditional: bool = False
    """Whether to show the validator of an earlier answer, where there is one (RFC 9110 §13.1.2)."""
    codings: str = "identity"
    """Its `Accept-Encoding`."""
    direct: bool = False
    """Whether it goes straight to the origin, for comparison."""


WEIGHTS = {
    "product": 560,
    "products": 200,
    "cart": 120,
    "orders": 90,
    "fail": 12,
    "missing": 8,
    "stream": 6,
    "large": 4,
}
"""How many of a thousand visits go where, those of crowds aside."""

DIRECT_SHARE = 0.1
"""Share of the visits that pass the gateway by, so that the view can set both side by side."""

CODINGS = {"br, gzip": 7, "gzip": 2, "identity": 1}
"""What content codings visitors accept, and how many of ten do."""

CROWD = 5
"""Visitors that want the same slow answer at once."""
CROWD_EVERY = 750
"""Visits from one crowd to the next: few enough slow ones that the 99th percentile is that of the others."""


def visits(random: Random) -> Iterator[Visit]:
    """Visits without end, in the proportions of `WEIGHTS`, and a crowd among them now and then."""
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    codings, shares = list(CODINGS), list(CODINGS.values())
    for number in count():
        if number % CROWD_EVERY == CROWD_EVERY // 2:
            yield from repeat(Visit("slow", "/api/slow", codings="br, gzip"), CROWD)
        (kind,) = random.choices(kinds, weights)
        (accepted,) = random.choices(codings, shares)
        yield replace(_visit(kind, random, direct=random.random() < DIRECT_SHARE), codings=accepted)


def _visit(kind: str, random: Random, direct: bool) -> Visit:
    match kind:
        case "product":
            target = f"/api/products/{_popular(random)}"
            return Visit(kind, target, conditional=random.random() < 0.2, direct=direct)
        case "products":
            return Visit(kind, "/api/products", conditional=random.random() < 0.4, direct=direct)
        case "cart":
            fields = (("Cookie", f"visitor=v{random.randrange(VISITORS)}"),)
            return Visit(kind, "/api/cart", fields=fields, direct=direct)
        case "orders":
            order = {"product": _popular(random), "quantity": random.randint(1, 3)}
            fields = (("Content-Type", "application/json"),)
            return Visit(kind, "/api/orders", "POST", fields, orjson.dumps(order), direct=direct)
        case "missing":
            return Visit(kind, "/api/products/999", direct=direct)
        case _:
            return Visit(kind, f"/api/{kind}", direct=direct)


def _popular(random: Random) -> int:
    """A product's id; few products get most of the visits, as in any shop."""
    return min(1 + int(random.expovariate(0.25)), shop.PRODUCTS)


def pause(random: Random, rate: float) -> float:
    """Seconds until the next visit, for `rate` visits a second on average that do not know of each other."""
    return random.expovariate(rate)
