"""The rules against an origin of many moods: whatever is asked when, nobody gets what RFC 9111 forbids.

The model knows nothing of how the cache decides. It remembers every answer that the origin ever gave, by its content,
and checks of each answer a client gets whether that client may have it now."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gateway.api import Request, Response
from gateway.http.cache_control import CacheControl, parse_cache_control
from tests.support.caching import Outcome, RuleCache, date
from tests.support.plugins import make_request, make_response

PATHS = ["/a", "/b"]
LANGUAGES = ["de", "fr"]
RESPONSE_DIRECTIVES = [
    "max-age=10",
    "max-age=100",
    "s-maxage=20",
    "max-age=0",
    "no-cache",
    "no-store",
    "private",
    "public",
    "must-revalidate",
    "stale-while-revalidate=15",
    "stale-if-error=30",
]
REQUEST_DIRECTIVES = ["no-cache", "no-store", "max-age=5", "max-stale=10", "max-stale", "min-fresh=5", "only-if-cached"]


@dataclass
class Given:
    """One answer of the origin."""

    path: str
    version: int
    control: CacheControl
    language: str | None
    """The value of the field it depends on, `None` when on none."""
    has_cookie: bool
    had_credentials: bool
    said: float
    """When the origin said last that it is good."""
    age: float
    """The age it had then."""


class Origin:
    """Answers as it was told last, and remembers."""

    def __init__(self) -> None:
        self.versions = dict.fromkeys(PATHS, 0)
        self.given: dict[bytes, Given] = {}
        self.now = 0.0
        self.control = "max-age=10"
        self.fields: dict[str, str] = {}
        self.varies = False
        self.status = 200
        self.is_up = True
        self.confirmed: str | None = None

    def __call__(self, request: Request) -> Response | None:
        if not self.is_up:
            return None
        if self.status >= 500:
            return make_response(self.status, {"Date": date(self.now)}, b"error")
        path = request.path.decode()
        if request.method == "POST":
            self.versions[path] += 1
            return make_response(200, {}, b"done")
        language = (request.fields.get(b"accept-language") or b"").decode() if self.varies else None
        tag = f'"{path}-{self.versions[path]}-{language}"'
        fields = {"Date": date(self.now), "Cache-Control": self.control, "ETag": tag, **self.fields}
        if self.varies:
            fields["Vary"] = "Accept-Language"
        known = (request.fields.get(b"if-none-match") or b"").decode()
        if known == tag:
            self.confirmed = tag
            return make_response(304, fields)
        content = f"{len(self.given)} {tag}".encode()
        self.given[content] = Given(
            path,
            self.versions[path],
            parse_cache_control(self.control.encode()),
            language,
            "Set-Cookie" in self.fields,
            b"authorization" in request.fields,
            self.now,
            float(self.fields.get("Age", 0)),
        )
        return make_response(200, fields, content)


class ManyMoods(RuleBasedStateMachine):
    """Clients, an origin, and time that passes between them."""

    def __init__(self) -> None:
        super().__init__()
        self.origin = Origin()
        self.cache = RuleCache()
        self.changed_at = dict.fromkeys(PATHS, -1.0)

    @initialize(cookies=st.sampled_from(["never", "strip"]), honours=st.booleans())
    def route(self, cookies: str, honours: bool) -> None:
        self.honours = honours
        self.cache = RuleCache(set_cookie=cookies, honour_request_directives=honours, serve_stale_on_disconnect="50s")

    @rule(
        control=st.lists(st.sampled_from(RESPONSE_DIRECTIVES), max_size=3).map(", ".join),
        age=st.sampled_from([None, "5", "50"]),
        cookie=st.booleans(),
        varies=st.booleans(),
    )
    def the_origin_says_something_else(self, control: str, age: str | None, cookie: bool, varies: bool) -> None:
        self.origin.control, self.origin.varies = control, varies
        self.origin.fields = {"Set-Cookie": "id=1"} if cookie else {}
        if age is not None:
            self.origin.fields["Age"] = age

    @rule(status=st.sampled_from([200, 200, 503]), is_up=st.sampled_from([True, True, False]))
    def the_origin_feels(self, status: int, is_up: bool) -> None:
        self.origin.status, self.origin.is_up = status, is_up

    @rule(seconds=st.floats(0.1, 40))
    def time_passes(self, seconds: float) -> None:
        self.origin.now += seconds

    @rule(off_by=st.sampled_from([0.0, 3600.0, -3600.0]))
    def the_wall_clock_jumps(self, off_by: float) -> None:
        self.cache.wall_is_off_by = off_by

    @rule(path=st.sampled_from(PATHS))
    def the_resource_changes_unseen(self, path: str) -> None:
        self.origin.versions[path] += 1

    @rule(path=st.sampled_from(PATHS))
    def a_client_changes_it(self, path: str) -> None:
        outcome = self.cache.ask(make_request("POST", path, body=b"x"), self.origin, self.origin.now)
        if outcome.status == 200:
            self.changed_at[path] = self.origin.now

    @rule(
        path=st.sampled_from(PATHS),
        language=st.sampled_from([*LANGUAGES, None]),
        control=st.none() | st.lists(st.sampled_from(REQUEST_DIRECTIVES), min_size=1, max_size=2).map(", ".join),
        credentials=st.booleans(),
    )
    def a_client_asks(self, path: str, language: str | None, control: str | None, credentials: bool) -> None:
        origin = self.origin
        fields: dict[str, Any] = {}
        if language is not None:
            fields["Accept-Language"] = language
        if control is not None:
            fields["Cache-Control"] = control
        if credentials:
            fields["Authorization"] = "Basic x"
        before = set(origin.given)
        origin.confirmed = None
        outcome = self.cache.ask(make_request(target=path, fields=fields), origin, origin.now)
        if outcome.body in before:
            self._check(outcome, origin.given[outcome.body], path, language or "", control if self.honours else None)
        elif control is not None and self.honours and "only-if-cached" in control:
            assert outcome.status == 504
            assert not outcome.sent

    def _check(self, outcome: Outcome, given: Given, path: str, language: str, control: str | None) -> None:
        """A client got an answer that the origin had given to somebody before."""
        asked = parse_cache_control(control.encode() if control is not None else None)
        said = given.control
        assert given.path == path
        assert given.language is None or given.language == language
        assert not said.private
        assert not said.no_store
        assert not given.had_credentials or said.public or said.must_revalidate or said.s_maxage is not None
        assert outcome["Set-Cookie"] is None or outcome.sent
        if self.origin.confirmed is not None:
            given.said, given.age = self.origin.now, float(self.origin.fields.get("Age", 0))
            given.control = parse_cache_control(self.origin.control.encode())
            return
        assert given.said >= self.changed_at[path]
        assert not said.no_cache
        assert not asked.no_cache
        age = given.age + self.origin.now - given.said
        lifetime = said.s_maxage if said.s_maxage is not None else said.max_age or 0
        assert float(outcome["Age"] or -1) >= age
        self._check_staleness(age - lifetime, said, asked, bool(outcome.sent))
        if not outcome.sent:
            assert asked.max_age is None or age <= asked.max_age
            assert asked.min_fresh is None or lifetime - age >= asked.min_fresh

    def _check_staleness(self, staleness: float, said: CacheControl, asked: CacheControl, was_asked: bool) -> None:
        if staleness < 0:
            return
        assert not said.must_revalidate
        assert said.s_maxage is None
        allowed = [0.0 if asked.max_stale is None else asked.max_stale]
        if not was_asked:
            allowed.append(said.stale_while_revalidate or 0)
        else:
            allowed.append(said.stale_if_error or 0)
            if not self.origin.is_up:
                allowed.append(50)
        assert staleness <= max(allowed)


def test_nobody_gets_what_is_forbidden() -> None:
    run_state_machine_as_test(ManyMoods, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))


def test_the_model_would_notice() -> None:
    """A cache that answers from what is stored whatever it says does not pass."""
    machine = ManyMoods()
    machine.route("never", True)
    machine.a_client_asks("/a", None, None, False)
    (stored,) = machine.cache.stored[b"http://shop.example/a"]
    stored.lifetime = 1e9
    machine.time_passes(30)
    with pytest.raises(AssertionError):
        machine.a_client_asks("/a", None, None, False)
