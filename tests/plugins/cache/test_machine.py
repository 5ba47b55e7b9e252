"""The cache under arbitrary traffic: nothing is served that RFC 9111 forbids, and nothing personal to anybody else.

What is allowed is judged by another reading of the RFC, which shares no code with the cache (`model_origin.py`)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.api import BodyStream, RefusedError, Request, Response, UpstreamError
from tests.support.cached import Cached
from tests.support.model_origin import Asked, Directives, Manner, ModelOrigin, Removal, why_not, written
from tests.support.plugins import make_request
from tests.support.streams import RecordingSink

TARGETS = st.sampled_from(["/a", "/b"])
LIFETIMES = st.sampled_from([0, 5, 60])


def _directives(*without: str, **numbers: st.SearchStrategy[int | None]) -> st.SearchStrategy[Directives]:
    """Up to three of these directives."""
    each = [st.tuples(st.just(name), st.none()) for name in without]
    each += [st.tuples(st.just(name.replace("_", "-")), value) for name, value in numbers.items()]
    return st.lists(st.one_of(each), max_size=3).map(dict)


SHARED = st.builds(
    lambda lifetime, more: {"max-age": lifetime, **more},
    st.sampled_from([5, 60, 60, 1000]),
    _directives(
        "public", stale_while_revalidate=st.sampled_from([30, 1000]), stale_if_error=st.sampled_from([30, 1000])
    ),
)
CONTROLS = st.one_of(
    SHARED,
    SHARED,
    st.builds(
        lambda shared, more: {**shared, more: 60 if more == "s-maxage" else None},
        SHARED,
        st.sampled_from(["no-store", "private", "no-cache", "must-revalidate", "proxy-revalidate", "s-maxage"]),
    ),
    _directives(
        "no-store",
        "private",
        "no-cache",
        "public",
        "must-revalidate",
        "proxy-revalidate",
        max_age=LIFETIMES,
        s_maxage=LIFETIMES,
        stale_while_revalidate=st.sampled_from([0, 30, 1000]),
        stale_if_error=st.sampled_from([0, 30, 1000]),
    ),
)
WANTS: st.SearchStrategy[Directives] = st.one_of(
    st.just({}),
    st.just({}),
    _directives(
        "no-cache",
        "no-store",
        "only-if-cached",
        max_age=st.sampled_from([0, 5, 100]),
        min_fresh=st.sampled_from([1, 20]),
        max_stale=st.sampled_from([None, 10, 100]),
        stale_if_error=st.sampled_from([30, 1000]),
    ),
)
SAID = Manner(control={"max-age": 60})
MANNERS = st.builds(
    Manner,
    control=CONTROLS,
    targeted=st.integers(0, 3).map(lambda draw: draw == 0),
    status=st.sampled_from([200] * 12 + [0, 404, 500, 503]),
    vary=st.sampled_from([(), (), ("Accept-Language",), ("Accept-Language", "Authorization"), ("*",)]),
    set_cookie=st.integers(0, 3).map(lambda draw: draw == 0),
    age=st.sampled_from([0, 0, 0, 3, 50]),
    expires_in=st.sampled_from([None, None, -5, 40]),
    modified_ago=st.sampled_from([None, 100, 5000]),
    has_tag=st.booleans(),
    streams=st.booleans(),
    breaks_off=st.integers(0, 4).map(lambda draw: draw == 0),
    pauses=st.integers(0, 3),
)
USERS = st.sampled_from([None, None, "Basic one", "Basic two"])
REQUESTS = st.fixed_dictionaries(
    {"target": TARGETS, "wants": WANTS, "method": st.sampled_from(["GET"] * 6 + ["HEAD"])},
    optional={
        "language": st.sampled_from(["de", "en"]),
        "user": st.sampled_from(["Basic one", "Basic two"]),
        "part": st.sampled_from(["0-9", "10-19", "0-29"]),
        "has": st.sampled_from(["latest", "*"]),
    },
)


class CacheMachine(RuleBasedStateMachine):
    """Clients, a cache, and an origin that judges what they get."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.cache: Cached | None = None

    @initialize(whole=st.sampled_from(["0", "1MiB"]), remembered=st.sampled_from(["0s", "10s"]))
    def begin(self, whole: str, remembered: str) -> None:
        self.origin = ModelOrigin(lambda: self.now)
        self.origin.manner = SAID
        self.cache = Cached(origin=self.origin, range_fetch_whole_up_to=whole, hit_for_miss=remembered)
        self.latest: dict[str, str] = {}
        self.loop.run_until_complete(self.cache.plugin.open())

    @property
    def now(self) -> float:
        assert self.cache is not None
        return self.cache.clock.monotonic()

    @rule(manner=MANNERS)
    def the_origin_answers_otherwise(self, manner: Manner) -> None:
        self.origin.manner = manner

    @rule(path=TARGETS)
    def a_resource_changes(self, path: str) -> None:
        self.origin.change(path.encode())

    @rule(seconds=st.sampled_from([0.5, 1, 4, 30, 61, 500, 5000]))
    def time_passes(self, seconds: float) -> None:
        assert self.cache is not None
        self.cache.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-3600, 3600]))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        assert self.cache is not None
        self.cache.clock._wall += seconds

    @rule(path=TARGETS, method=st.sampled_from(["PUT", "DELETE", "POST"]))
    def something_is_changed_through_the_cache(self, path: str, method: str) -> None:
        self._run(self._ask_quietly(make_request(method, path)))

    @rule(path=st.one_of(st.none(), TARGETS), soft=st.booleans())
    def something_is_purged(self, path: str | None, soft: bool) -> None:
        assert self.cache is not None
        message: dict[str, Any] = {"url": f"http://shop.example{path}"} if path else {"all": True}
        self._run(self.cache.control.ask("purge", soft=soft, **message))
        self.origin.removals.append(Removal(self.origin.event(), path.encode() if path else None, soft))

    @rule(wanted=st.lists(REQUESTS, min_size=1, max_size=3))
    def clients_ask(self, wanted: list[dict[str, Any]]) -> None:
        async def together() -> None:
            await asyncio.gather(*(self._ask(**each) for each in wanted))

        self._run(together())

    @rule(first=MANNERS, then=MANNERS, wanted=REQUESTS, seconds=st.sampled_from([0.5, 4, 70]), user=USERS)
    def another_client_asks_for_the_same(
        self, first: Manner, then: Manner, wanted: dict[str, Any], seconds: float, user: str | None
    ) -> None:
        self.origin.manner = first
        self._run(self._ask(**wanted))
        self.time_passes(seconds)
        self.origin.manner = then
        self._run(self._ask(**{**wanted, "user": user}))

    async def _ask(
        self,
        target: str,
        wants: Directives,
        method: str,
        language: str | None = None,
        user: str | None = None,
        part: str | None = None,
        has: str | None = None,
    ) -> None:
        named = {
            "Cache-Control": written(wants),
            "Accept-Language": language,
            "Authorization": user,
            "Range": f"bytes={part}" if part else None,
            "If-None-Match": self.latest.get(target) if has == "latest" else has,
        }
        request = make_request(method, target, {name: value for name, value in named.items() if value})
        asked = Asked(request.fields.copy(), request.target, wants, self.now, self.origin.event(), request.trail)
        response = await self._ask_quietly(request)
        own = [said for said in self.origin.said if said.trail is request.trail]
        if "only-if-cached" in wants:
            assert not own, "the client did not want the origin asked"
        if response is None:
            assert "only-if-cached" in wants or any(said.status == 0 or said.manner.breaks_off for said in own)
        elif response.status not in (412, 416):
            self._check(asked, method, response)

    async def _ask_quietly(self, request: Request) -> Response | None:
        assert self.cache is not None
        try:
            return await self.cache.handle(request)
        except (UpstreamError, RefusedError):
            return None

    def _check(self, asked: Asked, method: str, response: Response) -> None:
        number = int(response.fields.get(b"x-id") or b"-1")
        assert number >= 0, "what the origin never said"
        said = self.origin.said[number]
        reason = why_not(self.origin, asked, number, response)
        assert reason is None, f"{reason}: {said} to {asked}"
        age = response.fields.get(b"age")
        if age is not None:
            assert int(age) >= said.manner.age + asked.at - said.at, "it looks younger than it is"
        if response.status == 304:
            has = asked.fields.get(b"if-none-match")
            assert has == b"*" or has == response.fields.get(b"etag"), "the client does not have it"
        body, complete = _content(response)
        if method == "GET" and response.status in (200, 206) and complete:
            where = (response.fields.get(b"content-range") or b"bytes 0-999/").partition(b" ")[2].partition(b"/")[0]
            start, end = (int(number) for number in where.split(b"-"))
            assert body == said.content[start : end + 1], "the content is another's"
            self.latest[asked.target.decode()] = (response.fields.get(b"etag") or b"").decode()

    def _run(self, work: Any) -> None:
        assert self.cache is not None

        async def until_settled() -> None:
            await work
            assert self.cache is not None
            await self.cache.settle()

        self.loop.run_until_complete(until_settled())

    @invariant()
    def nothing_is_left_under_way(self) -> None:
        if self.cache is not None:
            shared = self.cache.plugin._shared
            refreshes, filling = shared.refreshes, shared.filling
            assert not filling._marks
            assert filling.octets == 0
            assert all(until < float("inf") for until in refreshes._until.values())

    def teardown(self) -> None:
        self.loop.close()


def _content(response: Response) -> tuple[bytes, bool]:
    """The content that a client gets, and whether it is whole."""
    if not isinstance(response.body, BodyStream):
        return response.body, True
    client = RecordingSink()
    response.body.attach(client)
    return client.data, client.ends == ["finish"]


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=150, stateful_step_count=40)


# The reference itself has to notice, or the machine proves nothing.


def judged(manner: Manner, at: float, *, wants: Directives | None = None, language: str = "de") -> str | None:
    """What the reference says of an answer of the start that a client without origin gets `at` seconds later."""
    now = 0.0
    origin = ModelOrigin(lambda: now)
    origin.manner = replace(manner, pauses=0)
    first = make_request(target="/a", fields={"Accept-Language": "de"})
    asyncio.run(_answered(origin, first))
    second = make_request(target="/a", fields={"Accept-Language": language})
    asked = Asked(second.fields, second.target, wants or {}, at, origin.event(), second.trail)
    return why_not(origin, asked, 0, Response(200, second.fields))


async def _answered(origin: ModelOrigin, request: Request) -> None:
    await origin(request)


@pytest.mark.parametrize(
    ("manner", "at", "wants", "allowed"),
    [
        (SAID, 59, {}, True),
        (SAID, 60, {}, False),
        (SAID, 30, {"no-cache": None}, False),
        (SAID, 30, {"max-age": 20}, False),
        (SAID, 30, {"min-fresh": 40}, False),
        (SAID, 90, {"max-stale": 30}, True),
        (SAID, 91, {"max-stale": 30}, False),
        (replace(SAID, age=50), 10, {}, False),
        (replace(SAID, set_cookie=True), 1, {}, False),
        (replace(SAID, streams=True, breaks_off=True), 1, {}, False),
        (replace(SAID, vary=("*",)), 1, {}, False),
        (Manner(control={"max-age": 60, "stale-while-revalidate": 30}), 90, {}, True),
        (Manner(control={"max-age": 60, "stale-while-revalidate": 30, "must-revalidate": None}), 61, {}, False),
        (Manner(control={"max-age": 60, "private": None}), 1, {}, False),
        (Manner(modified_ago=100), 9, {}, True),
        (Manner(modified_ago=100), 110, {}, False),
        (Manner(expires_in=40), 39, {}, True),
        (Manner(expires_in=40), 40, {}, False),
    ],
)
def test_the_reference_allows_and_forbids(manner: Manner, at: float, wants: Directives, allowed: bool) -> None:
    assert (judged(manner, at, wants=wants) is None) == allowed


def test_the_reference_tells_variants_apart() -> None:
    varying = replace(SAID, vary=("Accept-Language",))
    assert judged(varying, 1) is None
    assert judged(varying, 1, language="en") == "it was for another Accept-Language"
