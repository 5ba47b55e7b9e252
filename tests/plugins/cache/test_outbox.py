import orjson
import pytest

from gateway.sharing.sharing import message_of
from plugins.cache.invalidation import Invalidation
from plugins.cache.outbox import MOST_NAMES, MOST_OCTETS, Outbox, selectors_of
from plugins.cache.selection import EVERYTHING, ByPrefix, ByRoute, ByTag, ByUrl, Selector
from plugins.cache.tiered import order_of

URL, OTHER, TAG = b"http://shop.example/", b"http://shop.example/\xe4", b"group http://shop.example g"


def test_the_first_news_wants_a_sender_and_what_comes_meanwhile_does_not() -> None:
    outbox = Outbox()
    assert outbox.add(Invalidation((URL,), ()))
    assert not outbox.add(Invalidation((OTHER,), ()))
    assert outbox.take() is not None
    assert not outbox.add(Invalidation((URL,), ()))
    assert outbox.take() is not None
    assert outbox.take() is None
    assert outbox.add(Invalidation((URL,), ()))


def test_what_gathers_goes_together_each_once_and_comes_out_as_it_went_in() -> None:
    outbox = Outbox()
    for found in (Invalidation((URL, OTHER), ()), Invalidation((URL,), (TAG,)), Invalidation((), (TAG,))):
        outbox.add(found)
    news = orjson.loads(orjson.dumps(outbox.take()))
    selectors = selectors_of(news)
    assert len(selectors) == 3
    assert set(selectors) == {ByUrl(URL), ByUrl(OTHER), ByTag(TAG)}


@pytest.mark.parametrize(
    "found",
    [
        Invalidation(tuple(b"%d" % number for number in range(MOST_NAMES + 1)), ()),
        Invalidation((), tuple(b"%d" % number for number in range(MOST_NAMES + 1))),
        Invalidation((bytes(MOST_OCTETS + 1),), ()),
    ],
    ids=["urls", "groups", "octets"],
)
def test_too_much_at_once_means_everything_and_takes_no_room(found: Invalidation) -> None:
    outbox = Outbox()
    outbox.add(found)
    outbox.add(Invalidation((URL,), (TAG,)))
    news = outbox.take()
    assert news == {"all": True}
    assert selectors_of(news) == [EVERYTHING]
    outbox.add(Invalidation((URL,), ()))
    assert outbox.take() == {"urls": [URL.decode()]}


def test_as_much_as_fits_is_named() -> None:
    outbox = Outbox()
    outbox.add(Invalidation(tuple(b"%d" % number for number in range(MOST_NAMES)), ()))
    news = outbox.take()
    assert news is not None
    assert len(selectors_of(news)) == MOST_NAMES


def test_when_a_sender_stops_the_next_news_finds_another_and_takes_along_what_is_left() -> None:
    outbox = Outbox()
    outbox.add(Invalidation((URL,), ()))
    outbox.stop()
    assert outbox.add(Invalidation((OTHER,), ()))
    news = outbox.take()
    assert news is not None
    assert set(selectors_of(news)) == {ByUrl(URL), ByUrl(OTHER)}


@pytest.mark.parametrize(
    "selector", [ByUrl(OTHER), ByTag(TAG), ByRoute("caf\u00e9"), ByPrefix(b"http://shop.example/\xff"), EVERYTHING]
)
def test_what_another_gateway_purges_is_what_was_meant(selector: Selector) -> None:
    assert selectors_of(message_of(order_of([selector]))["news"]) == [selector]


def test_a_label_that_is_not_known_here_means_everything() -> None:
    assert selectors_of({"labels": ["colour red"], "prefixes": []}) == [EVERYTHING]
