"""What the demonstration's client asks for: a mix of visits, drawn at random. No I/O, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass
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
    direct: bool = False
    """Whether it goes straight to the origin, for comparison."""


WEIGHTS = {
    "product": 554,
    "products": 200,
    "cart": 120,
    "orders": 90,
    "slow": 6,
    "fail": 12,
    "missing": 8,
    "stream": 6,
    "large": 4,
}
"""How many of a thousand visits go where."""

DIRECT_SHARE = 0.1
"""Share of the visits that pass the gateway by, so that the view can set both side by side."""


def visits(random: Random) -> Iterator[Visit]:
    """Visits without end, in the proportions of `WEIGHTS`."""
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    while True:
        (kind,) = random.choices(kinds, weights)
        yield _visit(kind, random, direct=random.random() < DIRECT_SHARE)


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
