"""The chain in the file: the global list of plugins, and what routes change in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.config.base import Settings
from gateway.config.guard import GUARD, GuardSettings
from gateway.config.mistakes import Path, Problem, did_you_mean
from gateway.config.named import Surroundings, loose_ends
from gateway.config.plan import PluginUse
from gateway.config.translate import problems_of

S = TypeVar("S", bound=Settings)
SettingsResolver = Callable[[str], type[Settings]]
"""The settings class of the plugin with this name. Raises `LookupError` with a message for people."""

_UNKNOWN = Surroundings()


@dataclass(frozen=True, slots=True)
class Link:
    """One plugin of the global list."""

    name: str
    model: type[Settings]
    raw: Mapping[str, Any]
    """The settings as the file has them; empty for a plugin that is off."""
    use: PluginUse | None
    """None for a plugin that is off, or whose settings are wrong."""
    is_on: bool
    faults: frozenset[Path]
    """Paths, below the settings, of the mistakes in them."""


def read_chain(
    items: object, resolve: SettingsResolver, around: Surroundings = _UNKNOWN
) -> tuple[dict[str, Link | None], list[Problem]]:
    """The links of the global list in its order, by name, and what is wrong with it. `around` is what settings may
    refer to.

    A name that does not lead to a plugin has no link. Items that are not one plugin each are passed over: the
    settings of the file say so already."""
    chain: dict[str, Link | None] = {}
    problems: list[Problem] = []
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, dict) or len(item) != 1:
            continue
        ((name, raw),) = item.items()
        path: Path = ("plugins", index, name)
        if name in chain:
            problems.append(Problem(path, "is in the list twice", "remove one of them", at_key=True))
            continue
        try:
            model = resolve(name)
        except LookupError as error:
            chain[name] = None
            problems.append(Problem(path, _text(error), at_key=True))
            continue
        link, found = _link(name, model, raw, path, around)
        chain[name] = link
        problems += found
    return chain, problems


def uses_of_route(
    chain: Mapping[str, Link | None], overrides: object, path: Path, around: Surroundings = _UNKNOWN
) -> tuple[tuple[PluginUse, ...], list[Problem]]:
    """The plugins of a route in the order of the chain, and what is wrong with its `overrides` at `path`."""
    changes: dict[str, Any] = overrides if isinstance(overrides, dict) else {}
    problems = [_unknown(name, list(chain), (*path, name)) for name in changes if name not in chain]
    uses = []
    for name, link in chain.items():
        if link is None:
            continue
        use: PluginUse | None = link.use
        if name in changes:
            use, found = _override(link, changes[name], (*path, name), around)
            problems += found
        if use is not None:
            uses.append(use)
    return tuple(uses), problems


def _link(
    name: str, model: type[Settings], raw: object, path: Path, around: Surroundings
) -> tuple[Link, list[Problem]]:
    if raw == "off":
        return Link(name, model, {}, None, False, frozenset()), []
    given = raw if isinstance(raw, dict) else {}
    use, problems = _check(name, model, given, path, around)
    faults = frozenset(problem.path[len(path) :] for problem in problems)
    return Link(name, model, given, use, True, faults), problems


def _override(link: Link, change: object, path: Path, around: Surroundings) -> tuple[PluginUse | None, list[Problem]]:
    if change == "off":
        return None, []
    own = change if isinstance(change, dict) else {}
    use, problems = _check(link.name, link.model, {**link.raw, **own}, path, around)
    news = [each for each in problems if each.path[len(path) :] not in link.faults or each.path[len(path)] in own]
    return use, news


def _check(
    name: str, model: type[Settings], data: dict[str, Any], path: Path, around: Surroundings
) -> tuple[PluginUse | None, list[Problem]]:
    """The plugin with its own settings and the guard's, which stand among them, and what is wrong with either."""
    own = {key: value for key, value in data.items() if key != GUARD}
    settings, problems = _validated(model, own, path)
    if settings is not None:
        problems = loose_ends(settings, around, path)
    guard: GuardSettings | None = None
    if data.get(GUARD) is not None:
        guard, found = _validated(GuardSettings, data[GUARD], (*path, GUARD))
        problems += found
    return None if settings is None else PluginUse(name, settings, guard), problems


def _validated(model: type[S], data: object, path: Path) -> tuple[S | None, list[Problem]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, problems_of(error, data, model, path)


def _unknown(name: str, known: list[str], path: Path) -> Problem:
    similar = did_you_mean(name, known, "")
    hint = similar if similar and similar.startswith("did") else f"add `{name}: off` to plugins where it belongs"
    return Problem(path, "is not in the global list of plugins, so its place in the chain is unknown", hint, True)


def _text(error: LookupError) -> str:
    """The message itself: a KeyError would show it in quotes."""
    return str(error.args[0]) if error.args else "is not a plugin"
