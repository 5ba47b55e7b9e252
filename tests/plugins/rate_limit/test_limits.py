from typing import Any

from gateway.api import Fields, Monotonic, WallTime
from plugins.rate_limit.limits import Limits, blamed, corrections
from plugins.rate_limit.settings import RateLimitSettings
from plugins.rate_limit.store import MemoryStore
from tests.support.plugins import fields_of, make_request, pairs

NOW, WALL = Monotonic(500), WallTime(0)


def compiled(*limits: dict[str, Any], store: MemoryStore | None = None, **settings: Any) -> Limits:
    return Limits(RateLimitSettings.model_validate({"limits": list(limits), **settings}), store or MemoryStore())


def due_of(limits: Limits, method: str = "GET", **fields: str) -> Any:
    return limits.due(make_request(method, fields=fields), limits.addresses["192.0.2.1"], WALL)


def test_a_limit_for_some_methods_is_for_no_others() -> None:
    limits = compiled({"name": "all", "rate": "9/s"}, {"name": "writes", "rate": "1/s", "methods": ["POST", "PUT"]})
    assert [limit.name for limit, _ in due_of(limits)] == ["all"]
    assert [limit.name for limit, _ in due_of(limits, "POST")] == ["all", "writes"]


def test_a_method_may_cost_more() -> None:
    limits = compiled({"rate": "9/s", "cost": 2, "costs": {"POST": 5}})
    assert [charge[2] for method in ("GET", "POST") for _, charge in due_of(limits, method)] == [2, 5]


def test_routes_with_the_same_limit_count_together_and_others_apart() -> None:
    store = MemoryStore()
    here = compiled({"rate": "9/s"}, store=store)
    same = compiled({"rate": "9/s", "dry_run": True}, store=store)
    renamed = compiled({"name": "x", "rate": "9/s"}, store=store)
    slower = compiled({"rate": "8/s"}, store=store)
    by_field = compiled({"rate": "9/s", "key": "header:X-A"}, store=store)
    buckets = [limits.all[0].bucket for limits in (here, same, renamed, slower, by_field)]
    assert buckets[0] is buckets[1]
    assert len(set(map(id, buckets))) == 4


def test_every_limit_is_shown_but_dry_runs() -> None:
    store = MemoryStore()
    limits = compiled(
        {"name": "a", "rate": "60/m"},
        {"name": "b", "rate": "5/s", "dry_run": True},
        {"name": "c", "rate": "9/h"},
        store=store,
        legacy_fields=True,
    )
    due = due_of(limits)
    fields = Fields()
    limits.say(fields, due, store.take([charge for _, charge in due], NOW))
    assert pairs(fields) == [
        ("RateLimit-Policy", '"a";q=60;w=60, "c";q=9;w=3600'),
        ("RateLimit", '"a";r=59;t=1, "c";r=8;t=400'),
        ("X-RateLimit-Limit", "9"),
        ("X-RateLimit-Remaining", "8"),
        ("X-RateLimit-Reset", "400"),
    ]


def test_nothing_is_shown_where_all_are_dry_runs() -> None:
    store = MemoryStore()
    limits = compiled({"rate": "60/m", "dry_run": True}, store=store)
    due, fields = due_of(limits), Fields()
    limits.say(fields, due, store.peek([charge for _, charge in due], NOW))
    assert len(fields) == 0


def test_the_limit_with_the_longest_wait_is_blamed() -> None:
    store = MemoryStore()
    limits = compiled(
        {"name": "fast", "rate": "1/s"},
        {"name": "dry", "rate": "1/d", "dry_run": True},
        {"name": "slow", "rate": "1/m"},
        store=store,
    )
    due = due_of(limits)
    charges = [charge for _, charge in due]
    store.take(charges, NOW)
    assert blamed(due, store.take(charges, NOW)).name == "slow"


def corrected(said: str) -> tuple[list[int], Fields]:
    store = MemoryStore()
    limits = compiled({"rate": "100/m", "cost": 10, "cost_field": "X-Cost"}, store=store)
    due = due_of(limits)
    fields = fields_of({"X-Cost": said, "ETag": '"1"'})
    taken = store.take([charge for _, charge in due], NOW)
    return [cost for _, cost in corrections(due, taken, fields)], fields


def test_the_upstream_may_say_what_it_really_cost() -> None:
    assert corrected("25")[0] == [15]
    assert corrected("4")[0] == [-6]


def test_what_it_says_goes_no_further_and_nonsense_changes_nothing() -> None:
    for said in ("25", "much", "-5", "1e9", "9" * 12):
        costs, fields = corrected(said)
        assert costs == ([15] if said == "25" else [])
        assert pairs(fields) == [("ETag", '"1"')]
