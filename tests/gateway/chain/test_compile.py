import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from gateway.chain.compile import (
    ChainError,
    CompiledRoute,
    allow_replays,
    build_chain,
    check_order,
    close_plugins,
    compile_takes,
    make_router,
)
from gateway.chain.plugin import Handler, Plugin
from gateway.chain.runtime import Runtime
from gateway.config import base
from gateway.config.plan import PluginUse, RoutePlan
from gateway.config.settings import MatchSettings, TimeoutSettings
from gateway.http.message import Request, Response
from tests.support.plugins import ScriptedUpstream, make_request, make_response, make_runtime

LIFE: list[str] = []


class Step(Plugin):
    """Writes down what happens to it, and fails where its settings say."""

    class Settings(base.Settings):
        name: str = "step"
        fails: str = ""

    def __init__(self, settings: Any, runtime: Runtime) -> None:
        self.name, self.fails = settings.name, settings.fails
        self.note("init")

    def note(self, event: str) -> None:
        LIFE.append(f"{event} {self.name}")
        if self.fails == event:
            raise ValueError(f"{event} went wrong")

    async def open(self) -> None:
        self.note("open")
        if self.fails == "never opens":
            await asyncio.Event().wait()

    def wrap(self, inner: Handler) -> Handler:
        self.note("wrap")

        async def handle(request: Request) -> Response:
            LIFE.append(f"> {self.name}")
            response = await inner(request)
            LIFE.append(f"< {self.name}")
            return response

        return handle

    async def close(self) -> None:
        self.note("close")


class First(Step):
    before: ClassVar[tuple[str, ...]] = ("second",)


class Last(Step):
    after: ClassVar[tuple[str, ...]] = ("second", "third")


@pytest.fixture(autouse=True)
def life() -> Iterator[list[str]]:
    LIFE.clear()
    yield LIFE
    LIFE.clear()


def uses(*names: str, **fails: str) -> list[PluginUse]:
    """Steps of these names; `fails` says which fails where."""
    made = f"{Step.__module__}:Step"
    return [PluginUse(made, Step.Settings(name=name, fails=fails.get(name, ""))) for name in names]


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests are no importable modules, so the registry is told where Step is."""
    monkeypatch.setattr("gateway.chain.compile.find", lambda name: Step)


# --- order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        ((), ()),
        (("a",), (Step,)),
        (("first", "second"), (First, Step)),
        (("first",), (First,)),
        (("second", "third", "last"), (Step, Step, Last)),
        (("x", "last"), (Step, Last)),
    ],
)
def test_an_order_that_keeps_to_what_plugins_say_is_taken(
    names: tuple[str, ...], classes: tuple[type[Plugin], ...]
) -> None:
    check_order("shop", names, classes)


@pytest.mark.parametrize(
    ("names", "classes", "complaint"),
    [
        (("second", "first"), (Step, First), "route shop: first must come before second"),
        (("second", "x", "first"), (Step, Step, First), "first must come before second"),
        (("last", "third"), (Last, Step), "route shop: last must come after third"),
        (("second", "last", "third"), (Step, Last, Step), "last must come after third"),
    ],
)
def test_an_order_that_does_not_is_refused_in_words(
    names: tuple[str, ...], classes: tuple[type[Plugin], ...], complaint: str
) -> None:
    with pytest.raises(ChainError, match=complaint):
        check_order("shop", names, classes)


# --- a chain's life ------------------------------------------------------------------------------------


async def test_the_first_plugin_sees_the_request_first_and_the_response_last(life: list[str]) -> None:
    upstream = ScriptedUpstream()
    handler, opened = await build_chain("shop", uses("a", "b"), upstream, make_runtime())
    assert life == ["init a", "open a", "init b", "open b", "wrap b", "wrap a"]
    life.clear()
    assert (await handler(make_request())).status == 200
    assert life == ["> a", "> b", "< b", "< a"]
    assert len(upstream.requests) == 1
    life.clear()
    await close_plugins(opened, make_runtime())
    assert life == ["close b", "close a"]


async def test_a_chain_without_plugins_is_the_innermost_handler() -> None:
    upstream = ScriptedUpstream()
    assert await build_chain("shop", [], upstream, make_runtime()) == (upstream, [])


@pytest.mark.parametrize(
    ("fails", "closed"),
    [
        ("init", ["close a"]),
        ("open", ["close b", "close a"]),
        ("wrap", ["close c", "close b", "close a"]),
    ],
)
async def test_a_plugin_that_fails_is_named_and_whatever_was_made_is_closed(
    fails: str, closed: list[str], life: list[str]
) -> None:
    named = [PluginUse(use.settings.name, use.settings) for use in uses("a", "b", "c", b=fails)]  # type: ignore[attr-defined]  # Step's own settings
    with pytest.raises(ChainError, match=f"^route shop: b: {fails} went wrong$") as failed:
        await build_chain("shop", named, ScriptedUpstream(), make_runtime())
    assert isinstance(failed.value.__cause__, ValueError)
    assert [event for event in life if event.startswith("close")] == closed


async def test_one_that_does_not_close_keeps_no_other_from_it(life: list[str]) -> None:
    _, opened = await build_chain("shop", uses("a", "b", "c", b="close"), ScriptedUpstream(), make_runtime())
    with capture_logs() as logs:
        await close_plugins(opened, make_runtime())
    assert life[-3:] == ["close c", "close b", "close a"]
    assert [(entry["event"], entry["plugin"]) for entry in logs] == [("a plugin did not close", "Step")]


async def test_giving_up_half_way_leaves_nothing_open(life: list[str]) -> None:
    chain = build_chain("shop", uses("a", "b", b="never opens"), ScriptedUpstream(), make_runtime())
    building = asyncio.ensure_future(chain)
    await asyncio.sleep(0)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert life == ["init a", "open a", "init b", "open b", "close b", "close a"]


# --- routes ------------------------------------------------------------------------------------------------


def route(name: str, path: str = "/*") -> CompiledRoute[None]:
    plan = RoutePlan(name, MatchSettings(path=path), "app", (), TimeoutSettings())
    return CompiledRoute(name, compile_takes(plan), ScriptedUpstream(make_response()), (), None)


def routed(router: Any, target: str) -> str | None:
    taken = router(make_request(target=target))
    return None if taken is None else str(taken.name)


def test_the_first_route_that_takes_a_request_has_it() -> None:
    router = make_router([route("api", "/api/*"), route("old", "/api/old*"), route("rest")])
    assert [routed(router, target) for target in ("/api/old/1", "/x", "/api")] == ["api", "rest", "rest"]


def test_a_request_that_no_route_takes_has_none() -> None:
    assert routed(make_router([route("api", "/api/*")]), "/x") is None
    assert routed(make_router([]), "/") is None


def test_the_only_route_takes_everything_when_it_has_no_conditions() -> None:
    assert routed(make_router([route("all")]), "/anything") == "all"


class Store(Step):
    gives_replays = True


class Safe(Step):
    replay_safe = True


def a_chain(*kinds: type[Step]) -> list[Step]:
    return [kind(kind.Settings(), make_runtime()) for kind in kinds]


@pytest.mark.parametrize(
    ("kinds", "found", "allowed"),
    [
        ((Safe, Store), True, [True]),
        ((Step, Store), False, [False]),
        ((Store, Safe, Store), True, [True, True]),
        ((Store, Step, Store), True, [True, False]),
        ((Safe,), False, []),
        ((), False, []),
    ],
)
def test_answers_may_be_given_again_where_nobody_in_front_has_to_see_the_request(
    kinds: tuple[type[Step], ...], found: bool, allowed: list[bool]
) -> None:
    chain = a_chain(*kinds)
    assert allow_replays(chain) is found
    assert [plugin.may_replay for plugin in chain if isinstance(plugin, Store)] == allowed
