"""The limits of one route, compiled: what a request has to pay, and what answers say about it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import Fields, Reason, Request, WallTime
from plugins.rate_limit.gcra import Gcra
from plugins.rate_limit.keys import Address, address_reader, key_reader
from plugins.rate_limit.rate import parse_rate
from plugins.rate_limit.said import add_legacy, limit_member, policy_member, tightest
from plugins.rate_limit.settings import LimitSettings, RateLimitSettings, TokenSettings
from plugins.rate_limit.store import Charge, Store, Taken


class RateLimitReason(Reason):
    """What was decided about a request."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    WOULD_REFUSE = "would_refuse"
    EXEMPT = "exempt"


class Limit:
    """One limit, ready to be charged."""

    __slots__ = ("bucket", "cost", "cost_field", "costs", "dry_run", "key_of", "methods", "name", "policy", "quoted")

    def __init__(self, settings: LimitSettings, token: TokenSettings, store: Store, keys: int) -> None:
        quota, window = parse_rate(settings.rate)
        rule = Gcra(quota, float(window), settings.size)
        known_as = f"{settings.name} {' '.join(settings.key)} {settings.rate} {settings.size}"
        self.bucket = store.bucket(known_as, rule, keys)
        self.name = settings.name
        self.quoted = settings.name.encode()
        self.key_of = key_reader(settings, token)
        self.methods = frozenset(settings.methods)
        self.cost = settings.cost
        self.costs = dict(settings.costs)
        self.cost_field = settings.cost_field.lower().encode() if settings.cost_field is not None else None
        self.dry_run = settings.dry_run
        self.policy = policy_member(settings.name, rule)

    def charge(self, request: Request, address: Address, now: WallTime) -> Charge | None:
        """What the request has to pay here; `None` when the limit is not for it."""
        if self.methods and request.method not in self.methods:
            return None
        key = self.key_of(request, address, now)
        if key is None:
            return None
        cost = self.costs.get(request.method, self.cost) if self.costs else self.cost
        return self.bucket, key, cost, self.dry_run


Due = list[tuple[Limit, Charge]]


class Limits:
    """All limits of a route."""

    def __init__(self, settings: RateLimitSettings, store: Store) -> None:
        self.all = [Limit(limit, settings.token, store, settings.keys) for limit in settings.limits]
        self.addresses = address_reader(settings.ipv4_prefix, settings.ipv6_prefix, settings.exempt)
        self._legacy = settings.legacy_fields
        self.measured = any(limit.cost_field is not None for limit in self.all)
        """Whether the upstream is asked what requests really cost."""

    def due(self, request: Request, address: Address, now: WallTime) -> Due:
        """What the request has to pay, limit by limit."""
        due: Due = []
        for limit in self.all:
            charge = limit.charge(request, address, now)
            if charge is not None:
                due.append((limit, charge))
        return due

    def say(self, fields: Fields, due: Due, taken: Taken) -> None:
        """Put on `fields` how the client stands. Dry runs are nobody's business."""
        shown = [
            (limit, standing) for (limit, _), standing in zip(due, taken.standings, strict=True) if not limit.dry_run
        ]
        if not shown:
            return
        fields.add(b"RateLimit-Policy", b", ".join([limit.policy for limit, _ in shown]))
        fields.add(b"RateLimit", b", ".join([limit_member(limit.quoted, standing) for limit, standing in shown]))
        if self._legacy:
            limit, standing = shown[tightest([standing for _, standing in shown])]
            add_legacy(fields, limit.bucket.rule, standing)


def blamed(due: Due, taken: Taken) -> Limit:
    """The limit that a refused request has to wait for longest."""
    waits = [
        (standing.wait, at)
        for at, ((limit, _), standing) in enumerate(zip(due, taken.standings, strict=True))
        if not standing.fits and not limit.dry_run
    ]
    return due[max(waits)[1]][0]


def corrections(due: Due, taken: Taken, fields: Fields) -> Sequence[tuple[Charge, int]]:
    """What to charge or give back after the answer, by what the upstream says in `fields`, from which that goes."""
    found: list[tuple[Charge, int]] = []
    for (limit, charge), standing in zip(due, taken.standings, strict=True):
        said = fields.get(limit.cost_field) if limit.cost_field is not None else None
        if said is None:
            continue
        if standing.fits and said.isdigit() and len(said) <= 9:
            found.append((charge, int(said) - charge[2]))
    for limit, _ in due:
        if limit.cost_field is not None:
            fields.remove(limit.cost_field)
    return found
