from typing import Any

import orjson
import pytest

from gateway.api import WallTime
from plugins.cache.desk import Desk, DeskError, shown
from plugins.cache.key import Keyer
from plugins.cache.policy import Policy
from plugins.cache.reasons import NotStoredReason
from plugins.cache.settings import CacheSettings
from plugins.cache.shared import Shared
from plugins.cache.stored import StoredResponse
from plugins.cache.uncacheable import Uncacheable
from tests.support.plugins import ManualClock, make_request
from tests.support.stored_responses import stored_response

NOW = WallTime(30.0)
SITE = b"http://shop.example"


class Office:
    """A desk over a store with a few responses."""

    def __init__(self, *keys: bytes, **settings: Any) -> None:
        checked = CacheSettings.model_validate(settings)
        self.shared = Shared(checked, ManualClock(0.0, 0.0))
        self.keyer = Keyer(checked.key)
        self.shared.join(self, checked, self.keyer)
        self.uncacheable = Uncacheable(10.0)
        self.desk = Desk(self.shared, self.keyer, Policy(checked), self.uncacheable)
        for number, key in enumerate(keys):
            self.put(stored_response(SITE + key, at=float(number), tags=[key[-1:]], route=f"route{number % 2}"))

    def put(self, stored: StoredResponse) -> StoredResponse:
        self.shared.store.put(stored)
        return stored

    def purge(self, **message: Any) -> tuple[int, list[bytes]]:
        """How many a purge found, and what is left."""
        purges = self.desk.purge(message)
        while purges.step():
            pass
        return purges.count, sorted(stored.key.removeprefix(SITE) for stored in self.shared.store)

    def rows(self, **message: Any) -> list[bytes]:
        """The keys of a list."""
        listing = self.desk.listing(message)
        while listing.step():
            pass
        return [row.key.removeprefix(SITE) for row in listing.page()]


KEYS = (b"/a", b"/a?x=1", b"/b", b"/a\nx-kind: 1")


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ({"url": "http://shop.example/a"}, [b"/a?x=1", b"/b"]),
        ({"url": "HTTP://Shop.Example:80/a#there"}, [b"/a?x=1", b"/b"]),
        ({"url": "http://shop.example/a?x=1"}, [b"/a", b"/a\nx-kind: 1", b"/b"]),
        ({"url": "https://shop.example/a"}, sorted(KEYS)),
        ({"prefix": "http://shop.example/a"}, [b"/b"]),
        ({"prefix": "http://shop.example"}, []),
        ({"tag": "b"}, [b"/a", b"/a\nx-kind: 1", b"/a?x=1"]),
        ({"route": "route0"}, [b"/a\nx-kind: 1", b"/a?x=1"]),
        ({"all": True}, []),
    ],
)
def test_a_purge_removes_what_it_names(message: dict[str, Any], left: list[bytes]) -> None:
    assert Office(*KEYS).purge(**message) == (len(KEYS) - len(left), left)


def test_an_empty_query_is_not_the_same_as_none() -> None:
    office = Office(b"/a", b"/a?", b"/")
    assert office.purge(url="http://shop.example/a?", dry_run=True)[0] == 1
    assert office.purge(url="http://shop.example/a?") == (1, [b"/", b"/a"])
    assert office.purge(url="http://shop.example?") == (0, [b"/", b"/a"])
    assert office.purge(url="http://shop.example") == (1, [b"/a"])


def test_a_dry_run_and_a_soft_purge_leave_everything_in_its_place() -> None:
    office = Office(*KEYS)
    assert office.purge(all=True, dry_run=True) == (4, sorted(KEYS))
    assert not any(stored.soft_purged for stored in office.shared.store)
    assert office.purge(all=True, soft=True) == (4, sorted(KEYS))
    assert all(stored.soft_purged for stored in office.shared.store)


def test_octets_are_counted() -> None:
    office = Office(*KEYS)
    octets = sum(stored.size for stored in office.shared.store)
    purges = office.desk.purge({"all": True, "dry_run": True})
    while purges.step():
        pass
    assert purges.octets == octets


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"url": ""},
        {"url": "http://shop.example/a", "tag": "a"},
        {"url": "/a"},
        {"url": "shop.example/a"},
        {"url": "ftp://shop.example/a"},
        {"url": "http:///a"},
        {"url": "http://shop.example/ä"},
        {"url": "http://shop.example/a\nx-kind: 1"},
        {"prefix": "nothing"},
    ],
)
def test_what_makes_no_sense_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(DeskError):
        Office().desk.purge(message)


def test_a_list_is_narrowed_down_and_ordered() -> None:
    office = Office(*KEYS)
    assert office.rows(order="stored_at") == [b"/a\nx-kind: 1", b"/b", b"/a?x=1", b"/a"]
    assert office.rows(order="stored_at", descending=False, offset=1, most=2) == [b"/a?x=1", b"/b"]
    assert office.rows(order="key", descending=False, prefix="http://shop.example/a?") == [b"/a?x=1"]
    assert office.rows(tag="b") == [b"/b"]
    assert office.rows(text="x=1") == [b"/a?x=1"]
    assert office.rows(status=404) == []


def test_a_list_by_url_finds_the_form_that_is_stored() -> None:
    office = Office(b"/a?x=1", key={"drop": ["utm_*"]})
    assert office.rows(url="http://shop.example/a?utm_source=y&x=1") == [b"/a?x=1"]
    assert office.rows(url="http://shop.example/none") == []


@pytest.mark.parametrize("message", [{"order": "beauty"}, {"offset": "x"}, {"status": "ok"}, {"url": "x"}])
def test_a_list_that_makes_no_sense_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(DeskError):
        Office().desk.listing(message)


def test_a_row_is_json() -> None:
    office = Office()
    office.put(stored_response(SITE + b"/\xff", tags=[b"\xff", b"a"], variant=b"\x00part\x00", at=5.0))
    listing = office.desk.listing({})
    while listing.step():
        pass
    row = orjson.loads(orjson.dumps(shown(listing.page()[0])))
    assert (row["key"], row["tags"], row["stored_at"]) == ("http://shop.example/ÿ", ["a", "ÿ"], 5.0)


def test_a_request_is_explained_by_what_would_happen_to_it() -> None:
    office = Office(b"/fresh", b"/stale", b"/soft")
    stale, soft = office.shared.store.get(SITE + b"/stale"), office.shared.store.get(SITE + b"/soft")
    assert stale
    assert soft
    stale[0].lifetime = 5.0
    soft[0].soft_purged = True

    def explained(target: str, **how: Any) -> tuple[str, str]:
        told = office.desk.explain(make_request(target=target, **how), NOW)
        return told["decision"], told["reason"]

    assert explained("/fresh") == ("hit", "fresh")
    assert explained("/stale") == ("miss", "stale")
    assert explained("/soft") == ("stale", "soft_purged")
    assert explained("/none") == ("miss", "uri_miss")
    assert explained("/none", fields={"Cache-Control": "only-if-cached"}) == ("refuse", "only_if_cached")
    assert explained("/fresh", method="DELETE") == ("bypass", "method")


def test_what_is_stored_and_what_was_not_is_part_of_it() -> None:
    office = Office(b"/fresh")
    told = office.desk.explain(make_request(target="/fresh"), NOW)
    assert (told["key"], told["stored"]["ttl_seconds"], told["stored"]["tags"]) == (
        "http://shop.example/fresh",
        30,
        ["h"],
    )
    office.uncacheable.remember(SITE + b"/none", NotStoredReason.SET_COOKIE, NOW)
    told = office.desk.explain(make_request(target="/none"), NOW)
    assert (told["decision"], told["reason"]) == ("bypass", "uncacheable")
    assert told["last_answer"] == {"reason": "set_cookie", "why": "The answer sets a cookie."}
