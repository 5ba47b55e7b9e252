"""Answers that somebody else asked for: a purge in between counts as for whoever asked."""

from typing import Any

import pytest

from gateway.api import Request, Response
from plugins.cache.plugin import MOST_ROUNDS
from tests.support.cached import FRESH, Cached, page

PRIVATE = {"Cache-Control": "no-store"}


class Sharing:
    """An origin behind whatever lets requests share answers: the first so many of those that come after the first
    request are answered with what was asked for when that one came."""

    def __init__(self, *fields: dict[str, str], shared: float = 1) -> None:
        """`fields` are those of the answers, the last for all that follow."""
        self.epochs: list[Any] = []
        self.outdated: list[Any] = []
        self._shared = shared
        self._fields = fields or (FRESH,)

    def __call__(self, request: Request) -> Response:
        self.epochs.append(request.epoch)
        self.outdated.append(request.outdated)
        number = len(self.epochs)
        response = page(self._fields[min(number, len(self._fields)) - 1], b"answer %d" % number)(request)
        if 1 < number <= 1 + self._shared:
            response.epoch = self.epochs[0]
        return response


async def begun(cache: Cached, **purge: Any) -> None:
    """Somebody asks, and there is a purge."""
    await cache.plugin.open()
    await cache.ask("/before")
    await cache.control.ask("purge", **purge)


@pytest.mark.parametrize(
    "purge", [{"url": "http://shop.example/page"}, {"prefix": "http://shop.example/"}, {"all": True}]
)
async def test_what_was_purged_since_it_was_asked_for_is_asked_for_again(purge: dict[str, Any]) -> None:
    cache = Cached(Sharing())
    await begun(cache, **purge)
    assert (await cache.ask("/page")).body == b"answer 3"
    assert (await cache.ask("/page")).body == b"answer 3"
    await cache.calls(3)


@pytest.mark.parametrize("tag", ["shop", "blog"])
async def test_of_tags_the_answer_itself_knows(tag: str) -> None:
    cache = Cached(Sharing({**FRESH, "Cache-Tag": "shop"}))
    await begun(cache, tag=tag)
    await cache.ask("/page")
    await cache.calls(3 if tag == "shop" else 2)


async def test_whoever_asks_again_says_which_answer_was_in_vain() -> None:
    cache = Cached(origin := Sharing(shared=2))
    await begun(cache, all=True)
    assert (await cache.ask("/page")).body == b"answer 4"
    assert origin.outdated == [None, None, origin.epochs[0], origin.epochs[0]]


async def test_of_a_head_too() -> None:
    cache = Cached(Sharing())
    await begun(cache, all=True)
    await cache.ask("/page", method="HEAD")
    await cache.calls(3)


async def test_a_purge_of_something_else_makes_no_difference() -> None:
    cache = Cached(Sharing())
    await begun(cache, url="http://shop.example/other")
    assert (await cache.ask("/page")).body == b"answer 2"
    assert (await cache.ask("/page")).body == b"answer 2"
    await cache.calls(2)


async def test_what_was_purged_softly_answers_and_is_stale() -> None:
    cache = Cached(Sharing())
    await begun(cache, all=True, soft=True)
    assert (await cache.ask("/page")).body == b"answer 2"
    assert "soft_purged" in (await cache.ask("/page")).why
    await cache.calls(3)


async def test_somebody_who_gets_nothing_else_gets_that_and_it_is_not_stored() -> None:
    cache = Cached(Sharing(shared=float("inf")))
    await begun(cache, all=True)
    assert (await cache.ask("/page")).body == b"answer %d" % (2 + MOST_ROUNDS)
    await cache.calls(2 + MOST_ROUNDS)
    assert cache.not_stored("invalidated") == 1


async def test_what_is_not_stored_is_handed_on() -> None:
    cache = Cached(Sharing(PRIVATE))
    await begun(cache, all=True)
    assert (await cache.ask("/page")).body == b"answer 2"
    await cache.calls(2)


async def test_what_could_not_be_stored_before_is_not_stored_when_it_was_purged_on_its_way() -> None:
    cache = Cached(Sharing(PRIVATE, PRIVATE, FRESH, shared=2))
    await begun(cache, all=True)
    await cache.ask("/page")  # from here on its key is known for answers that cannot be stored
    assert (await cache.ask("/page")).body == b"answer 3"
    assert cache.not_stored("invalidated") == 1
    assert (await cache.ask("/page")).body == b"answer 4"
