"""From the plain data of a file to a configuration, or to everything that is wrong with it."""

from typing import Any

from pydantic import ValidationError

from gateway.config.chain import Link, SettingsResolver, read_chain, uses_of_route
from gateway.config.configuration import Configuration
from gateway.config.mistakes import Path, Problem, did_you_mean
from gateway.config.named import Surroundings
from gateway.config.plan import PluginUse, RoutePlan
from gateway.config.routes import MatchSettings, RouteSettings
from gateway.config.settings import GatewaySettings
from gateway.config.translate import problems_of
from gateway.config.upstreams import TimeoutSettings


def build(data: object, resolve: SettingsResolver) -> Configuration | list[Problem]:
    """The configuration that `data` describes, or what is wrong with it: settings, plugins and routes alike."""
    problems: list[Problem] = []
    settings: GatewaySettings | None = None
    try:
        settings = GatewaySettings.model_validate(data)
    except ValidationError as error:
        problems += problems_of(error, data, GatewaySettings)
    raw: dict[str, Any] = data if isinstance(data, dict) else {}
    upstreams = raw.get("upstreams")
    names = list(upstreams) if isinstance(upstreams, dict) else []
    around = Surroundings(names, raw.get("redis") not in (None, "off"))
    chain, found = read_chain(raw.get("plugins"), resolve, around)
    problems += found
    routes = raw.get("routes")
    uses: list[tuple[PluginUse, ...]] = []
    for index, route in enumerate(routes if isinstance(routes, list) else ()):
        changes = route.get("plugins") if isinstance(route, dict) else None
        plugins, found = uses_of_route(chain, changes, ("routes", index, "plugins"), around)
        uses.append(plugins)
        problems += found + _upstream_problems(route, names, ("routes", index))
    if not routes and len(names) > 1:
        message = "several upstreams need routes that say which requests go where"
        problems.append(Problem(("routes",), message, f"add a route with upstream: {names[0]}"))
    if settings is not None:
        problems += _route_problems(settings.routes)
    if problems or settings is None:
        return problems
    plans = _plans(settings, chain, uses)
    problems += _sweep_problems(settings, [plan.name for plan in plans])
    return problems or Configuration(settings, plans, raw)


def _upstream_problems(route: object, names: list[str], path: Path) -> list[Problem]:
    name = route.get("upstream") if isinstance(route, dict) else None
    if not isinstance(route, dict) or not names:
        return []
    if name is None and len(names) > 1:
        return [Problem((*path, "upstream"), "is missing", f"there are several: {', '.join(names[:8])}")]
    if isinstance(name, str) and name not in names:
        return [Problem((*path, "upstream"), "there is no such upstream", did_you_mean(name, names, "upstreams"))]
    return []


def _route_problems(routes: tuple[RouteSettings, ...]) -> list[Problem]:
    """Names that are taken, and routes that no request can reach because one above takes them all."""
    problems = []
    for index, route in enumerate(routes):
        for earlier, other in enumerate(routes[:index]):
            if route.name is not None and route.name == other.name:
                message = f"routes[{earlier}] has this name already"
                problems.append(Problem(("routes", index, "name"), message, "choose another name"))
            if other.match.is_everything or other.match == route.match:
                message = f"no request gets here, because routes[{earlier}] takes them all"
                problems.append(Problem(("routes", index, "match"), message, f"move it above routes[{earlier}]"))
                break
    return problems


def _sweep_problems(settings: GatewaySettings, routes: list[str]) -> list[Problem]:
    """Routes of sweeps that do not exist: nothing would ever be asked about, and nobody would know why."""
    return [
        Problem(("sweeps", name, "routes", index), "there is no such route", did_you_mean(route, routes, "routes"))
        for name, sweep in settings.sweeps.items()
        for index, route in enumerate(sweep.routes)
        if route not in routes
    ]


def _plans(
    settings: GatewaySettings, chain: dict[str, Link | None], uses: list[tuple[PluginUse, ...]]
) -> tuple[RoutePlan, ...]:
    only = next(iter(settings.upstreams))
    if not settings.routes:
        plugins, _ = uses_of_route(chain, None, ())
        return (RoutePlan("default", MatchSettings(), only, plugins, settings.upstreams[only].timeouts),)
    taken = {route.name for route in settings.routes}
    plans = []
    for index, (route, plugins) in enumerate(zip(settings.routes, uses, strict=True)):
        name = route.name or _free_name(route, index, taken)
        taken.add(name)
        upstream = route.upstream or only
        plans.append(RoutePlan(name, route.match, upstream, plugins, _timeouts(settings, route, upstream)))
    return tuple(plans)


def _free_name(route: RouteSettings, index: int, taken: set[str | None]) -> str:
    """The path glob where it can be a name and is not one yet."""
    path = route.match.path or "*"
    usable = len(path) <= 64 and path.isascii() and path.isprintable() and " " not in path
    name = path if usable else f"route-{index}"
    return name if name not in taken else f"{name}#{index}"


def _timeouts(settings: GatewaySettings, route: RouteSettings, upstream: str) -> TimeoutSettings:
    changed = route.timeouts.model_dump(exclude_none=True)
    return settings.upstreams[upstream].timeouts.model_copy(update=changed)
