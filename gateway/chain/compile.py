"""From a configuration's plan to handlers: one chain for each route, wrapped from the inside out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from gateway.chain.direct import Direct
from gateway.chain.guard import Guard
from gateway.chain.match import Matcher, compile_match
from gateway.chain.plugin import AtOnce, Handler, Plugin
from gateway.chain.registry import find, is_foreign
from gateway.chain.runtime import Runtime
from gateway.config.guard import GuardSettings
from gateway.config.plan import PluginUse, RoutePlan
from gateway.http.message import Request

F = TypeVar("F")


class ChainError(Exception):
    """The chain cannot be built; the text is for whoever wrote the configuration."""


class CompiledRoute(Generic[F]):
    """A route ready to answer. `figures` are the listener's own."""

    __slots__ = ("at_once", "direct", "figures", "handler", "may_replay", "name", "plugins", "takes")

    def __init__(
        self,
        name: str,
        takes: Matcher | None,
        handler: Handler,
        plugins: Sequence[Plugin],
        figures: F,
        direct: Direct | None = None,
    ) -> None:
        self.name = name
        self.takes = takes
        self.handler = handler
        self.plugins = plugins
        self.figures = figures
        self.may_replay = allow_replays(plugins)
        """Whether an answer of the chain may be given again without asking it."""
        self.direct = None if plugins else direct
        """The way to the server without a chain, where there is none."""
        self.at_once = short_way(plugins)
        """Answers some requests without waiting, `None` when the chain has no short way."""


def allow_replays(plugins: Sequence[Plugin]) -> bool:
    """Tell stores and their like whether their answers may be given again: not when anything in front of them depends
    on more than the request head and the answer. Whether there is any that may."""
    is_safe, found = True, False
    for plugin in plugins:
        if plugin.gives_replays:
            plugin.may_replay = is_safe
            found = found or is_safe
        else:
            is_safe = is_safe and plugin.replay_safe
    return found


def short_way(plugins: Sequence[Plugin]) -> AtOnce | None:
    """The short way through a chain, from the inside out."""
    at_once: AtOnce | None = None
    for plugin in reversed(plugins):
        guard, at_once = plugin.guard, plugin.wrap_at_once(at_once)
        if guard is not None:
            at_once = guard.at_once(at_once)
    return at_once


def check_order(route: str, names: Sequence[str], classes: Sequence[type[Plugin]]) -> None:
    """Raise ChainError when a plugin stands where it says it must not."""
    for at, plugin in enumerate(classes):
        for other in plugin.before:
            if other in names[:at]:
                raise ChainError(f"route {route}: {names[at]} must come before {other} in the chain")
        for other in plugin.after:
            if other in names[at + 1 :]:
                raise ChainError(f"route {route}: {names[at]} must come after {other} in the chain")


async def build_chain(
    route: str, uses: Sequence[PluginUse], innermost: Handler, runtime: Runtime
) -> tuple[Handler, list[Plugin]]:
    """The handler of a route, and its plugins, open. Raises ChainError; whatever was opened is closed then."""
    classes = [find(use.name) for use in uses]
    check_order(route, [use.name for use in uses], classes)
    opened: list[Plugin] = []
    at_work = "the chain"
    try:
        for use, plugin_class in zip(uses, classes, strict=True):
            at_work = use.name
            plugin = plugin_class(use.settings, runtime)
            if use.guard is not None or is_foreign(use.name):
                plugin.guard = Guard(use.name, use.guard or GuardSettings(), runtime)
            opened.append(plugin)
            await plugin.open()
        handler = innermost
        for use, plugin in zip(reversed(uses), reversed(opened), strict=True):
            at_work = use.name
            handler = plugin.wrap(handler) if plugin.guard is None else plugin.guard.around(plugin, handler)
    except BaseException as error:  # cancelled as well: what was opened must not stay
        await close_plugins(opened, runtime)
        if not isinstance(error, Exception):
            raise
        raise ChainError(f"route {route}: {at_work}: {error}") from error
    return handler, opened


async def close_plugins(plugins: Sequence[Plugin], runtime: Runtime) -> None:
    """Close plugins, innermost first; one that fails is logged and the others are closed all the same."""
    for plugin in reversed(plugins):
        try:
            await plugin.close()
        except Exception as error:
            runtime.log.error("a plugin did not close", plugin=type(plugin).__name__, exc_info=error)


def make_router(routes: Sequence[CompiledRoute[F]]) -> Callable[[Request], CompiledRoute[F] | None]:
    """The function that finds a request's route: the first that takes it."""
    if len(routes) == 1 and routes[0].takes is None:
        only = routes[0]
        return lambda request: only
    table = tuple((route.takes, route) for route in routes)

    def find_route(request: Request) -> CompiledRoute[F] | None:
        for takes, route in table:
            if takes is None or takes(request):
                return route
        return None

    return find_route


def compile_takes(plan: RoutePlan) -> Matcher | None:
    """The matcher of a plan's route."""
    return compile_match(plan.match)
