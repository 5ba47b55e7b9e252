"""Where plugins are found: rooms by their name, others by `package.module:Class`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache

import plugins
from gateway.chain.plugin import Plugin
from gateway.config.base import Settings
from gateway.config.guard import GUARD


@cache
def rooms() -> tuple[str, ...]:
    """Names of the rooms that come with the gateway, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(plugins.__path__) if module.ispkg))


@cache
def find(name: str) -> type[Plugin]:
    """The plugin class of that name. Raises LookupError with words for the user."""
    if is_foreign(name):
        module_name, _, attribute = name.partition(":")
    elif name in rooms():
        module_name, attribute = f"plugins.{name}", "PLUGIN"
    else:
        near = difflib.get_close_matches(name, rooms(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(rooms())}"
        raise LookupError(f"unknown plugin {name!r}{hint} (a plugin of your own is named package.module:Class)")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a stranger's module does while it is imported
        raise LookupError(f"plugin {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(module, attribute, None)
    if found is None:
        raise LookupError(f"plugin {name!r}: module {module_name} has no {attribute or 'class named after the colon'}")
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise LookupError(f"plugin {name!r} is not a subclass of gateway.api.Plugin")
    if getattr(found, "Settings", None) is None:
        raise LookupError(f"plugin {name!r} does not say what its Settings are")
    if GUARD in found.Settings.model_fields:
        raise LookupError(f"plugin {name!r}: its Settings have {GUARD!r}, which every plugin has already")
    return found


def is_foreign(name: str) -> bool:
    """Whether that name is of a plugin that did not come with the gateway."""
    return ":" in name


def settings_of(name: str) -> type[Settings]:
    """The settings class of the plugin of that name. Raises LookupError as `find` does."""
    return find(name).Settings
