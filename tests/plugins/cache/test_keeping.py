from dataclasses import replace

import pytest

from gateway.api import Request, Response, WallTime
from gateway.figures.registry import Figures
from plugins.cache.figures import CacheFigures
from plugins.cache.keeping import Fetched, Keeper
from plugins.cache.key import Keyer
from plugins.cache.policy import Policy
from plugins.cache.reasons import BypassReason, MissReason, NotStoredReason
from plugins.cache.settings import CacheSettings
from plugins.cache.shared import Shared
from plugins.cache.status import CacheStatus
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan, may_store
from plugins.cache.uncacheable import Uncacheable
from tests.support.cached import FRESH, TAGGED
from tests.support.caching import START, date, times, wall
from tests.support.plugins import FieldsLike, ManualClock, make_request, make_response

KEY = b"http://shop.example/"


class Keeping:
    """A keeper over an empty store."""

    def __init__(self, **settings: object) -> None:
        checked = CacheSettings.model_validate(settings)
        self.shared = Shared(checked, ManualClock(0.0, START))
        self.store = self.shared.store
        self.policy = Policy(checked)
        self.figures = Figures.in_memory()
        self.uncacheable = Uncacheable(10.0)
        self.keeper = Keeper(
            self.shared,
            Keyer(checked.key),
            self.policy,
            CacheStatus("slipstream"),
            CacheFigures(self.figures, "shop"),
            self.uncacheable,
            "shop",
        )

    def planned(self, response: Response, request: Request | None = None, at: float = 0.0) -> StorePlan:
        planned = may_store(request or make_request(), response, times(at), self.policy)
        assert isinstance(planned, StorePlan)
        return planned

    def put(
        self, fields: FieldsLike = FRESH, body: bytes = b"content", *, at: float = 0.0, since: int | None = None
    ) -> StoredResponse | NotStoredReason:
        planned = self.planned(make_response(200, {"Date": date(at), **dict(fields)}), at=at)
        return self.keeper.put(make_request(), planned, KEY, body, self.fetched(at, since))

    def put_part(self, start: int, body: bytes, *, at: float = 0.0, fields: FieldsLike = ()) -> StoredResponse:
        request = make_request(fields={"Range": "bytes=0-"})
        part = {"Content-Range": f"bytes {start}-{start + len(body) - 1}/10", **TAGGED, **dict(fields)}
        planned = self.planned(make_response(206, {"Date": date(at), **part}), request, at)
        put = self.keeper.put(request, planned, KEY, body, self.fetched(at))
        assert isinstance(put, StoredResponse)
        return put

    def fetched(self, at: float = 0.0, since: int | None = None, *, whole: bool = False) -> Fetched:
        epoch = self.store.epoch if since is None else since
        return Fetched(KEY, epoch, times(at, took=0.5), MissReason.URI_MISS, whole)


def test_what_is_stored_knows_its_route_and_the_time_it_took() -> None:
    keeping = Keeping()
    stored = keeping.put()
    assert isinstance(stored, StoredResponse)
    assert (stored.route, stored.origin_seconds, stored.is_stored) == ("shop", 0.5, True)


def test_storing_ends_the_memory_that_it_could_not_be() -> None:
    keeping = Keeping()
    keeping.keeper.not_stored(keeping.fetched(), NotStoredReason.NO_STORE)
    assert keeping.uncacheable.recall(KEY, wall(1)) is NotStoredReason.NO_STORE
    keeping.put()
    assert keeping.uncacheable.recall(KEY, wall(1)) is None


@pytest.mark.parametrize("reason", list(NotStoredReason))
def test_only_what_will_be_so_again_is_remembered(reason: NotStoredReason) -> None:
    again = {"no_store", "must_understand", "private", "set_cookie", "vary_star", "vary_too_wide", "no_freshness"}
    keeping = Keeping()
    keeping.keeper.not_stored(keeping.fetched(), reason)
    assert (keeping.uncacheable.recall(KEY, wall(1)) is not None) == (reason.value in again | {"no_use", "too_large"})
    assert keeping.figures.value("cache_not_stored_seconds_total", route="shop", reason=reason.value) == 0.5


def test_what_was_invalidated_meanwhile_is_not_stored() -> None:
    keeping = Keeping()
    since = keeping.store.epoch
    keeping.store.invalidate(KEY)
    assert keeping.put(since=since) is NotStoredReason.INVALIDATED
    assert len(keeping.store) == 0


def test_a_time_that_ran_backwards_was_no_time() -> None:
    fetched = Keeping().fetched()
    backwards = replace(fetched, times=replace(fetched.times, request_time=WallTime(fetched.times.response_time + 5)))
    assert backwards.seconds == 0.0


def test_parts_that_touch_are_joined_and_the_last_one_makes_the_whole() -> None:
    keeping = Keeping()
    keeping.put_part(0, b"01234")
    joined = keeping.put_part(5, b"567")
    assert (joined.status, joined.body, joined.fields.get(b"content-range")) == (206, b"01234567", b"bytes 0-7/10")
    whole = keeping.put_part(7, b"789")
    assert (whole.status, whole.body, whole.fields.get(b"content-range")) == (200, b"0123456789", None)
    assert len(keeping.store) == 1


def test_parts_that_do_not_fit_stay_apart() -> None:
    keeping = Keeping()
    keeping.put_part(0, b"012")
    assert keeping.put_part(5, b"567").body == b"567"
    assert keeping.put_part(8, b"89", fields={"ETag": '"b"'}).body == b"89"


def test_a_joined_part_is_as_old_as_the_last_one_was_when_it_came() -> None:
    keeping = Keeping()
    keeping.put_part(0, b"01234")
    joined = keeping.put_part(5, b"567", fields={"Age": "40"})
    assert joined.corrected_initial_age == 40


@pytest.mark.parametrize("reason", list(NotStoredReason))
def test_what_everybody_gets_from_now_on_supersedes_what_is_stored(reason: NotStoredReason) -> None:
    lasting = {"no_store", "must_understand", "vary_star", "vary_too_wide", "no_freshness", "no_use", "too_large"}
    keeping = Keeping()
    stored = keeping.put()
    assert isinstance(stored, StoredResponse)
    keeping.keeper.supersede(stored, make_response(200), reason)
    assert stored.is_stored == (reason.value not in lasting)


@pytest.mark.parametrize(
    ("status", "stays"),
    [(200, False), (204, False), (301, False), (404, False), (410, False)]
    + [(status, True) for status in (206, 304, 400, 401, 403, 412, 416, 429, 500, 503)],
)
def test_an_error_of_the_moment_supersedes_nothing(status: int, stays: bool) -> None:
    keeping = Keeping()
    stored = keeping.put()
    assert isinstance(stored, StoredResponse)
    keeping.keeper.supersede(stored, make_response(status), NotStoredReason.NO_STORE)
    assert stored.is_stored == stays
    keeping.keeper.supersede(None, make_response(status), NotStoredReason.NO_STORE)


def test_what_is_told_says_why_it_was_fetched_and_not_stored() -> None:
    keeping = Keeping()
    tell = keeping.keeper.tell
    fetched = keeping.fetched()
    told = [
        tell(make_response(), fetched, 200, stored=True),
        tell(make_response(), fetched, 404, stored=False, detail=NotStoredReason.NO_FRESHNESS),
        tell(make_response(), replace(fetched, reason=BypassReason.COOKIE), 200, stored=False),
    ]
    assert [response.fields.get(b"cache-status") for response in told] == [
        b"slipstream; fwd=uri-miss; fwd-status=200; stored; detail=uri_miss",
        b"slipstream; fwd=uri-miss; fwd-status=404; detail=no_freshness",
        b"slipstream; fwd=bypass; fwd-status=200; detail=cookie",
    ]


def test_a_part_of_a_whole_that_came_from_another_cache_is_as_old_as_the_whole() -> None:
    keeping = Keeping()
    request = make_request(fields={"Range": "bytes=0-1"})
    response = make_response(200, {"Date": date(), **TAGGED, "Age": "7"}, b"content")
    stored = keeping.keeper.put(request, keeping.planned(response), KEY, b"content", keeping.fetched())
    part = keeping.keeper.hand_on(request, response, keeping.fetched(whole=True), stored)
    assert (part.status, part.body, part.fields.get(b"age")) == (206, b"co", b"7")


def test_what_was_a_long_time_on_its_way_does_not_take_the_place_of_a_later_answer() -> None:
    keeping = Keeping()
    later = keeping.put(body=b"later", at=5.0)
    assert keeping.put(body=b"earlier", at=4.0) is NotStoredReason.OVERTAKEN
    assert keeping.store.get(KEY) == (later,)
    assert isinstance(keeping.put(body=b"latest", at=5.0), StoredResponse)
