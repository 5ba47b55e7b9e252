"""Routes that share a store, reloads that keep it warm, and the administrator's questions."""

from typing import Any

from gateway.api import Request, Response
from plugins.cache.shared import Shared
from tests.support.cached import FRESH, TAGGED, Cached, page
from tests.support.plugins import make_request

LARGE = b"x" * 400_000


def store_of(cache: Cached) -> Any:
    shared: Shared = cache.plugin._shared
    return shared.store


async def test_a_reload_keeps_the_store_warm() -> None:
    old = Cached(page(FRESH))
    await old.plugin.open()
    await old.ask()
    new = Cached(page(FRESH, b"new"), beside=old, default_freshness="5s")
    await new.plugin.open()
    await old.plugin.close()
    assert (await new.ask()).body == b"content"
    await new.calls(0)


async def test_a_smaller_limit_applies_once_the_old_chain_is_gone_and_keeps_what_fits() -> None:
    old = Cached(page(FRESH, LARGE), memory="16MiB")
    await old.plugin.open()
    for number in range(20):
        await old.ask(f"/{number}")
    store = store_of(old)
    new = Cached(page(FRESH, LARGE), beside=old, memory="4MiB")
    await new.plugin.open()
    await new.settle()
    assert store.limit == 16 * 2**20
    await old.plugin.close()
    await new.settle()
    assert store_of(new) is store
    assert store.limit == 4 * 2**20
    assert 5 <= len(store) <= 10
    assert store.used <= store.limit
    assert old.shown("cache_bytes") == store.used


async def test_a_larger_limit_applies_at_once_and_loses_nothing() -> None:
    old = Cached(page(FRESH, LARGE), memory="4MiB")
    await old.plugin.open()
    for number in range(5):
        await old.ask(f"/{number}")
    before = len(store_of(old))
    new = Cached(beside=old, memory="16MiB")
    await new.plugin.open()
    await new.settle()
    assert (store_of(new).limit, len(store_of(new))) == (16 * 2**20, before)


async def test_a_configuration_that_is_given_up_changes_nothing() -> None:
    used = Cached(page(FRESH), memory="16MiB")
    await used.plugin.open()
    await used.ask()
    refused = Cached(beside=used, memory="64MiB", max_entry="32MiB", variants=99)
    await refused.plugin.open()
    await refused.plugin.close()
    await used.settle()
    store = store_of(used)
    assert (store.limit, store.most_variants) == (16 * 2**20, 16)
    assert (await used.control.ask("purge", all=True))["count"] == 1


async def test_closing_what_never_opened_changes_nothing() -> None:
    used = Cached(page(FRESH))
    await used.plugin.open()
    failed = Cached(beside=used)
    await failed.plugin.close()
    assert (await used.control.ask("purge", all=True)) == {"count": 0, "octets": 0}


async def test_routes_with_smaller_limits_do_not_lower_those_of_others() -> None:
    wide = Cached(page(FRESH, LARGE), route="wide", max_entry="1MiB", memory="16MiB")
    narrow = Cached(page(FRESH, LARGE), beside=wide, route="narrow", max_entry="1KiB", memory="1MiB", variants=1)
    await wide.plugin.open()
    await narrow.plugin.open()
    await wide.settle()
    await wide.ask("/wide")
    await wide.ask("/wide")
    await wide.calls(1)
    await narrow.ask("/narrow")
    await narrow.ask("/narrow")
    await narrow.calls(2)
    assert narrow.not_stored("too_large") == 2


async def test_routes_to_different_origins_never_answer_for_each_other() -> None:
    one = Cached(page(FRESH, b"one"), route="one", upstream="one")
    two = Cached(page(FRESH, b"two"), beside=one, route="two", upstream="two")
    for _ in range(2):
        assert (await one.ask("/a")).body == b"one"
        assert (await two.ask("/a")).body == b"two"
    await one.calls(1)
    await two.calls(1)


async def test_routes_to_the_same_origin_share_what_they_store() -> None:
    one = Cached(page(FRESH), route="one")
    two = Cached(page(FRESH), beside=one, route="two")
    await one.ask()
    await two.ask()
    await two.calls(0)
    assert two.counted("fresh") == 1


async def test_what_changes_one_route_removes_what_another_stored() -> None:
    reads = Cached(page(FRESH), route="reads", upstream="one")
    writes = Cached(page(), beside=reads, route="writes", upstream="two")
    await reads.ask("/a")
    await writes.ask("/a", method="PUT")
    await reads.ask("/a")
    await reads.calls(2)


async def test_a_purge_by_url_finds_the_form_of_every_route() -> None:
    plain = Cached(page(FRESH), route="plain")
    sorting = Cached(page(FRESH), beside=plain, route="sorting", upstream="b", key={"query": "sort", "drop": ["utm_*"]})
    await plain.plugin.open()
    await sorting.plugin.open()
    for cache in (plain, sorting):
        await cache.ask("/a?y=1&x=2&utm_source=z")
    url = "HTTP://SHOP.example:80/a?y=1&x=2&utm_source=z"
    assert (await plain.control.ask("purge", url=url, dry_run=True))["count"] == 2
    assert (await plain.control.ask("purge", url=url))["count"] == 2
    for cache in (plain, sorting):
        await cache.ask("/a?y=1&x=2&utm_source=z")
        assert cache.trail == ["uri_miss"]


async def test_a_soft_purge_answers_once_more_while_it_refreshes() -> None:
    cache = Cached(page({**TAGGED, "Cache-Tag": "x"}), page({**TAGGED, "Cache-Tag": "x"}, b"new"))
    await cache.plugin.open()
    await cache.ask()
    assert (await cache.control.ask("purge", tag="x", soft=True))["count"] == 1
    assert (await cache.ask()).why == "hit; ttl=60; detail=soft_purged"
    await cache.settle()
    assert (await cache.ask()).body == b"new"


async def test_what_is_stored_can_be_listed() -> None:
    cache = Cached(page({**FRESH, "Surrogate-Key": "k1 k2"}))
    await cache.plugin.open()
    for target in ("/a", "/b", "/a"):
        await cache.ask(target)
    told = await cache.control.ask("entries", order="uses")
    assert [(row["key"], row["uses"], row["tags"]) for row in told["entries"]] == [
        ("http://shop.example/a", 1, ["k1", "k2"]),
        ("http://shop.example/b", 0, ["k1", "k2"]),
    ]
    assert (await cache.control.ask("entries", url="http://shop.example/b"))["count"] == 1


async def test_when_no_route_has_a_cache_any_more_the_store_is_gone() -> None:
    cache = Cached(page(FRESH))
    await cache.plugin.open()
    await cache.ask()
    assert cache.shown("cache_entries") == 1
    await cache.plugin.close()
    assert cache.shown("cache_entries") == cache.shown("cache_bytes") == 0
    assert cache.sweeps == []
    lasting = cache.lasting
    cache.control.handlers.clear()  # as when another configuration takes the place of this one
    del cache
    assert len(lasting._things) == 0


async def test_what_would_happen_is_explained_without_the_origin() -> None:
    cache = Cached(page(TAGGED), page({"Cache-Control": "private"}))
    assert cache.plugin.explain(make_request())["decision"] == "miss"
    await cache.ask(at=0)
    told = cache.plugin.explain(make_request())
    assert (told["decision"], told["reason"], told["stored"]["ttl_seconds"]) == ("hit", "fresh", 60)
    cache.to(70)
    assert cache.plugin.explain(make_request())["decision"] == "revalidate"
    assert cache.plugin.explain(make_request("PUT"))["decision"] == "bypass"
    await cache.ask("/private")
    assert cache.plugin.explain(make_request(target="/private"))["last_answer"]["reason"] == "private"
    await cache.calls(2)
    assert cache.counted("fresh") == 0


async def test_what_the_plugins_behind_leave_for_others_reaches_those_in_front() -> None:
    def leaving(request: Request) -> Response:
        request.attributes = {"word": 1}
        return page(FRESH)(request)

    cache = Cached(leaving)
    request = make_request()
    await cache.handle(request)
    assert request.attributes == {"word": 1}
